//! How complete files are, after what they have to hold has changed.

use fulcrum_domain::customers::custom_fields::CustomFieldObject;
use fulcrum_persistence::customers::contacts;
use fulcrum_persistence::customers::field_standards as store;
use fulcrum_persistence::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::measuring::{measure, measured, of_people};
use crate::customers::custom_fields::values::Fields;
use crate::platform::jobs::{Context, Job, JobFailed, Priority, enqueue_for_company};

/// Looks at the files of all customers of a company.
#[derive(Serialize, Deserialize)]
pub(crate) struct MeasureAll {}

impl Job for MeasureAll {
    const KIND: &'static str = "customers.completeness";
    const PRIORITY: Priority = Priority::Later;

    /// One that has begun may have passed records by that the next change concerns.
    fn unique_key(&self) -> Option<String> {
        Some("all".to_owned())
    }
}

/// Customers in one transaction.
const STEP: i64 = 500;

pub(crate) async fn run(context: Context, _: MeasureAll) -> Result<(), JobFailed> {
    let mut after = Some(Uuid::nil());
    while let Some(from) = after {
        after = context.write(move |tx| Ok(step(tx, from)?)).await?;
        if *context.stopping.borrow() {
            return Err(JobFailed::not_now("the worker stops"));
        }
    }
    Ok(())
}

/// Looks at some files; returns the last of them, `None` when there are no more.
fn step(tx: &mut Tx, after: Uuid) -> Result<Option<Uuid>, StoreError> {
    let mut rows = store::batch(tx, after, STEP)?;
    // What holds is read when the rows are held: whoever changes one later knows at least that.
    let fields = Fields::of(tx, CustomFieldObject::Customer)?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let people = contacts::of_customers(tx, &ids, 200)?;
    let mut changed = Vec::new();
    for row in &mut rows {
        let before = (row.completeness, row.missing.clone());
        measure(&fields, row, Some(&of_people(people.iter().filter(|person| person.customer_id == row.id))));
        if before != (row.completeness, row.missing.clone()) {
            changed.push(measured(row));
        }
    }
    store::note(tx, &changed)?;
    Ok(rows.last().map(|row| row.id))
}

/// Puts the job down.
///
/// # Errors
/// Those of the database.
pub(crate) fn measure_all(tx: &mut Tx) -> Result<(), StoreError> {
    let now = tx.now;
    enqueue_for_company(tx, &MeasureAll {}, now)?;
    Ok(())
}
