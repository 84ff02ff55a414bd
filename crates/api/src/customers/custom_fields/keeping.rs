//! What a change of a custom field means for the records that have it: its index, and what they are found by.

use fulcrum_domain::customers::custom_fields::CustomFieldObject;
use fulcrum_persistence::customers::contacts::{self, Contact};
use fulcrum_persistence::customers::custom_field_indexes;
use fulcrum_persistence::customers::custom_fields as store;
use fulcrum_persistence::customers::customers::{self, Customer};
use fulcrum_persistence::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::values::{Fields, stored};
use crate::platform::jobs::{Context, Job, JobFailed, Priority};

/// Brings the index of a field up to date, and what records are found by where that has changed.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeepField {
    pub(super) field_id: Uuid,
    pub(super) texts: bool,
}

impl Job for KeepField {
    const KIND: &'static str = "customers.custom_field";
    const PRIORITY: Priority = Priority::Later;
}

/// Records in one transaction.
const STEP: i64 = 200;

pub(crate) async fn run(context: Context, job: KeepField) -> Result<(), JobFailed> {
    let id = job.field_id;
    let field = context.write(move |tx| Ok(store::find(tx, id)?)).await?;
    if job.texts {
        let object = field.object_type.parse().unwrap_or(CustomFieldObject::Customer);
        let mut after = Some(Uuid::nil());
        while let Some(from) = after {
            let key = field.key.clone();
            after = context.write(move |tx| Ok(rewrite(tx, object, &key, from)?)).await?;
            if *context.stopping.borrow() {
                return Err(JobFailed::for_now("the worker stops"));
            }
        }
    }
    let url = context.database_url.clone();
    actix_web::web::block(move || custom_field_indexes::bring_up_to_date(&url, &field))
        .await
        .map_err(|error| JobFailed::for_now(error.to_string()))?
        .map_err(JobFailed::from)
}

/// Writes anew what some records are found by; returns the last of them, `None` when there are no more.
fn rewrite(
    tx: &mut Tx,
    object: CustomFieldObject,
    key: &str,
    after: Uuid,
) -> Result<Option<Uuid>, StoreError> {
    let fields = Fields::of(tx, object)?;
    match object {
        CustomFieldObject::Customer => {
            let rows = customers::with_custom(tx, key, after, STEP)?;
            for before in &rows {
                let custom_texts = fields.derived(stored(&before.custom).0).texts;
                if custom_texts != before.custom_texts {
                    customers::replace(tx, before, &Customer { custom_texts, ..before.clone() })?;
                }
            }
            Ok(rows.last().map(|row| row.id))
        }
        CustomFieldObject::Contact => {
            let rows = contacts::with_custom(tx, key, after, STEP)?;
            for before in &rows {
                let custom_texts = fields.derived(stored(&before.custom).0).texts;
                if custom_texts != before.custom_texts {
                    contacts::replace(tx, before, &Contact { custom_texts, ..before.clone() })?;
                }
            }
            Ok(rows.last().map(|row| row.id))
        }
    }
}
