//! Making, following and stopping long requests.

use fulcrum_domain::access::Permission;
use fulcrum_persistence::platform::events::{self, NewEvent};
use fulcrum_persistence::platform::jobs;
use fulcrum_persistence::platform::operations::{self as store, Operation};
use fulcrum_persistence::{StoreError, Tx};
use serde_json::json;
use uuid::Uuid;

use super::views::{OperationList, OperationState, OperationView};
use crate::App;
use crate::http::answer::Answer;
use crate::http::catalog::Code;
use crate::http::cursor::List;
use crate::http::problem::Problem;
use crate::http::wire::PageQuery;
use crate::platform::jobs::{Job, enqueue};
use crate::records::require;

/// The path segment.
const COLLECTION: &str = "operations";

/// Puts a job down that somebody waits for, and answers 202 with the operation. Each request is one of its own: such a job has
/// no unique key.
///
/// # Errors
/// Those of the database.
pub fn begin<J: Job>(tx: &mut Tx, job: &J) -> Result<Answer, Problem> {
    let id = put_down(tx, job)?;
    answer(tx, id)
}

/// Puts a job down that somebody waits for, and returns the operation's id.
///
/// # Errors
/// Those of the database.
pub(crate) fn put_down<J: Job>(tx: &mut Tx, job: &J) -> Result<Uuid, StoreError> {
    let id = enqueue(tx, job)?;
    store::insert(tx, id)?;
    Ok(id)
}

/// Answers 202 with an operation that was just put down.
///
/// # Errors
/// Those of the database.
pub(crate) fn answer(tx: &mut Tx, id: Uuid) -> Result<Answer, Problem> {
    let view = OperationView::from(&store::find(tx, id)?);
    Answer::accepted(COLLECTION, id, &view)
}

/// One operation.
///
/// # Errors
/// 404.
pub fn show(tx: &mut Tx, id: Uuid) -> Result<OperationView, Problem> {
    Ok(OperationView::from(&store::find(tx, id)?))
}

/// A page of operations, newest first.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &PageQuery) -> Result<OperationList, Problem> {
    let list = List::of(tx.actor.tenant_id, COLLECTION, &());
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &page)?;
    let place = |row: &Operation| (row.job.created_at, row.job.id);
    let (data, next_cursor) =
        list.cut_created(&app.keys, rows, query.limit, place, |row| OperationView::from(row));
    Ok(OperationList { data, next_cursor, total_count: None })
}

/// Stops an operation: at once when nobody has begun with it, else before its next step. What it has done stays done.
///
/// # Errors
/// 404, 403 for that of somebody else without the permission to give up jobs, 409 when it has ended.
pub fn cancel(tx: &mut Tx, id: Uuid) -> Result<OperationView, Problem> {
    let found = store::find(tx, id)?;
    if found.job.requested_by_id != tx.actor.principal_id() {
        require(&tx.actor, Permission::JobsWrite)?;
    }
    // The progress first, as the job that does it: neither waits for the other in a circle.
    let mut progress = store::lock(tx, id)?;
    let before = OperationView::from(&store::find(tx, id)?);
    let ended = || Problem::new(Code::OperationEnded).with("state", "succeeded");
    match before.state {
        _ if before.result.is_some() => return Err(ended()),
        OperationState::Waiting => {
            if !jobs::discard(tx, id)? {
                // A worker took it at this moment.
                progress.cancel_requested_at = Some(tx.now);
            } else {
                progress.cancelled_at = Some(tx.now);
            }
        }
        OperationState::Running if before.cancel_requested => return Ok(before),
        OperationState::Running => progress.cancel_requested_at = Some(tx.now),
        _ => return Err(Problem::new(Code::OperationEnded).with("state", before.state.to_string())),
    }
    store::replace(tx, &progress)?;
    let event = NewEvent {
        kind: format!("{}.cancelled", store::SUBJECT),
        subject_type: store::SUBJECT,
        subject_id: id,
        customer_id: None,
        version: None,
        changes: json!({}),
    };
    events::append(tx, event)?;
    show(tx, id)
}
