//! What customers from before are compared by, after an upgrade.

use fulcrum_persistence::Tx;
use fulcrum_persistence::customers::{customers, field_standards};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::platform::jobs::{Context, Job, JobFailed, Priority};

/// Writes what all customers of a company are found by, where it isn't there yet.
#[derive(Serialize, Deserialize)]
pub(crate) struct IndexAll {}

impl Job for IndexAll {
    const KIND: &'static str = "customers.duplicate_terms";
    const PRIORITY: Priority = Priority::Later;

    fn unique_key(&self) -> Option<String> {
        Some("all".to_owned())
    }
}

/// Customers in one transaction.
const STEP: i64 = 200;

pub(crate) async fn run(context: Context, _: IndexAll) -> Result<(), JobFailed> {
    let mut after = Some(Uuid::nil());
    while let Some(from) = after {
        after = context.write(move |tx| step(tx, from)).await?;
        if *context.stopping.borrow() {
            return Err(JobFailed::not_now("the worker stops"));
        }
    }
    Ok(())
}

fn step(tx: &mut Tx, after: Uuid) -> Result<Option<Uuid>, JobFailed> {
    let rows = field_standards::batch(tx, after, STEP)?;
    customers::find_by_all_terms(tx, &rows)?;
    Ok(rows.last().map(|row| row.id))
}
