//! Taking a whole import back: customers and contacts that it made and that nothing has happened to since go, those that it
//! changed and nobody else get back what they had.

use std::sync::Arc;

use fulcrum_domain::access::{Actor, DataScope};
use fulcrum_persistence::platform::import_rows::{self, ImportRow};
use fulcrum_persistence::platform::imports as store;
use fulcrum_persistence::{Json, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::running::request_id;
use super::service::note;
use super::views::{ImportState, StoredReport};
use crate::customers::contacts::service::Contacts;
use crate::customers::contacts::views::ContactInput;
use crate::customers::customers::input::CustomerInput;
use crate::customers::customers::service::Customers;
use crate::http::catalog::Code;
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::platform::jobs::{Context, Job, JobFailed};
use crate::platform::operations::{Step, in_steps};
use crate::records::{self, Resource};

/// Takes an import back.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Undo {
    pub(super) import_id: Uuid,
}

impl Job for Undo {
    const KIND: &'static str = "platform.import_undo";
    const MAX_ATTEMPTS: i32 = 5;
}

/// Customers in one transaction.
const STEP: i64 = 50;

/// Where the next step goes on.
#[derive(Default, Serialize, Deserialize)]
struct Behind {
    id: Uuid,
    undone: i64,
    kept: i64,
}

pub(crate) async fn run(context: Context, job: Undo) -> Result<(), JobFailed> {
    let id = job.import_id;
    in_steps(&context, move |tx, behind| step(tx, id, behind.unwrap_or_default())).await
}

fn step(tx: &mut Tx, id: Uuid, mut behind: Behind) -> Result<Step<Behind>, JobFailed> {
    let mut import = store::lock(tx, id)?;
    // What is done here is no more than what was, by who may do it to all of it or to their own.
    let own = tx.actor.clone();
    tx.actor = Arc::new(Actor { scope: DataScope::Tenant, ..(*own).clone() });
    tx.request_id = Some(request_id(id));
    let customers = import_rows::customers(tx, id, behind.id, STEP)?;
    for customer_id in &customers {
        let (undone, kept) = take_back(tx, id, *customer_id)?;
        behind.undone += undone;
        behind.kept += kept;
    }
    let done = customers.len() as i64;
    let last = customers.last().filter(|_| done == STEP).copied();
    if last.is_none() {
        let mut report: StoredReport =
            import.report.as_ref().and_then(|kept| kept.read()).unwrap_or_default();
        (report.undone, report.kept) = (Some(behind.undone), Some(behind.kept));
        import.report = Some(Json::of(&report));
        import.state = ImportState::Undone.to_string();
        import.version += 1;
        import.updated_at = tx.now;
        store::replace(tx, &import)?;
        note(tx, "undone", &import, json!({}))?;
    }
    tx.actor = own;
    Ok(match last {
        Some(last) => {
            behind.id = last;
            Step::with_next(done, None, behind)
        }
        None => Step::last(done, json!({ "import_id": id, "undone": behind.undone, "kept": behind.kept })),
    })
}

/// Takes back what was done to a customer and its contacts: how many records are as they were, how many stay.
fn take_back(tx: &mut Tx, import_id: Uuid, customer_id: Uuid) -> Result<(i64, i64), JobFailed> {
    let rows = import_rows::of_customer(tx, import_id, customer_id)?;
    let rows: Vec<ImportRow> = rows.into_iter().filter(|row| row.undo.as_deref() != Some("undone")).collect();
    // Taken back already, before somebody stopped that and began anew.
    if rows.is_empty() {
        return Ok((0, 0));
    }
    let numbers: Vec<i32> = rows.iter().map(|row| row.row_number).collect();
    let created = rows.iter().any(|row| row.customer_created);
    let customer = match Customers::lock(tx, customer_id) {
        Err(problem) if problem.code == Code::NotFound => None,
        found => Some(found?),
    };
    let merged = customer.as_ref().is_some_and(|customer| customer.merged_into_id.is_some());
    let customer = customer.filter(|customer| customer.deleted_at.is_none());
    let Some(customer) = customer else {
        // Somebody has deleted it; what is part of another one by now is there still.
        let gone = created && !merged;
        import_rows::note_undo(tx, import_id, &numbers, gone)?;
        return Ok(if gone { (1, 0) } else { (0, 1) });
    };
    if created {
        let touched = import_rows::is_touched(tx, customer_id, &request_id(import_id))?;
        if !touched {
            records::delete::<Customers>(tx, customer_id, &IfMatch::version(None))?;
        }
        import_rows::note_undo(tx, import_id, &numbers, !touched)?;
        return Ok(if touched { (0, 1) } else { (1, 0) });
    }
    let (mut undone, mut kept) = (0, 0);
    let mut whole = true;
    let mut count = |back: bool| {
        *(if back { &mut undone } else { &mut kept }) += 1;
        whole &= back;
    };
    let left_behind = rows.iter().filter_map(|row| row.customer_version).max();
    let before = rows
        .iter()
        .find_map(|row| row.customer_before.as_ref())
        .and_then(|kept| kept.read::<CustomerInput>());
    if let (Some(version), Some(before)) = (left_behind, before) {
        let back = customer.version == version
            && tx
                .part(|tx| records::change_and_tell::<Customers>(tx, &customer, before))
                .map_or_else(stays, |row| Ok(Some(row)))?
                .is_some();
        count(back);
    }
    let mut contacts: Vec<Uuid> =
        rows.iter().filter(|row| row.contact_version.is_some()).filter_map(|row| row.contact_id).collect();
    contacts.sort();
    contacts.dedup();
    for contact_id in contacts {
        count(contact_back(tx, &rows, contact_id)?);
    }
    import_rows::note_undo(tx, import_id, &numbers, whole)?;
    Ok((undone, kept))
}

/// What was before can't be any more: somebody else has its number by now, say.
fn stays<T>(problem: Problem) -> Result<Option<T>, JobFailed> {
    if problem.status().is_server_error() { Err(problem.into()) } else { Ok(None) }
}

fn contact_back(tx: &mut Tx, rows: &[ImportRow], contact_id: Uuid) -> Result<bool, JobFailed> {
    let contact = match Contacts::lock(tx, contact_id) {
        Err(problem) if problem.code == Code::NotFound => return Ok(true),
        found => found?,
    };
    let own: Vec<&ImportRow> = rows.iter().filter(|row| row.contact_id == Some(contact_id)).collect();
    let left_behind = own.iter().filter_map(|row| row.contact_version).max();
    if contact.deleted_at.is_some() {
        return Ok(true);
    }
    if left_behind != Some(contact.version) {
        return Ok(false);
    }
    if own.iter().any(|row| row.contact_created) {
        records::delete::<Contacts>(tx, contact_id, &IfMatch::version(None))?;
        return Ok(true);
    }
    let before =
        own.iter().find_map(|row| row.contact_before.as_ref()).and_then(|kept| kept.read::<ContactInput>());
    let Some(before) = before else { return Ok(false) };
    Ok(tx
        .part(|tx| records::change_and_tell::<Contacts>(tx, &contact, before))
        .map_or_else(stays, |row| Ok(Some(row)))?
        .is_some())
}
