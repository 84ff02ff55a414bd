//! What administrators can do with jobs.

use fulcrum_persistence::Tx;
use fulcrum_persistence::platform::events::{self, NewEvent};
use fulcrum_persistence::platform::jobs as store;
use serde_json::json;
use uuid::Uuid;

use super::views::{JobList, JobQuery, JobView};
use crate::App;
use crate::http::catalog::Code;
use crate::http::cursor::List;
use crate::http::problem::Problem;

/// A page of jobs, newest first.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &JobQuery) -> Result<JobList, Problem> {
    let unpaged = JobQuery { cursor: None, limit: 0, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, "jobs", &unpaged);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &query.filter(), &page)?;
    let place = |row: &store::Job| (row.created_at, row.id);
    let (data, next_cursor) = list.cut_created(&app.keys, rows, query.limit, place, |row| JobView::from(row));
    Ok(JobList { data, next_cursor, total_count: None })
}

/// One job.
///
/// # Errors
/// 404.
pub fn show(tx: &mut Tx, id: Uuid) -> Result<JobView, Problem> {
    Ok(JobView::from(&store::find(tx, id)?))
}

/// Lets a job that is dead or was given up wait again, with all its attempts.
///
/// # Errors
/// 404, 409 when it is in another state, or when another one for the same thing waits.
pub fn retry(tx: &mut Tx, id: Uuid) -> Result<JobView, Problem> {
    change(tx, id, "retried", store::retry)
}

/// Gives up a job that waits or is dead.
///
/// # Errors
/// 404, 409 when it is in another state.
pub fn discard(tx: &mut Tx, id: Uuid) -> Result<JobView, Problem> {
    change(tx, id, "discarded", store::discard)
}

fn change(
    tx: &mut Tx,
    id: Uuid,
    what: &str,
    work: fn(&mut Tx, Uuid) -> Result<bool, fulcrum_persistence::StoreError>,
) -> Result<JobView, Problem> {
    let before = store::lock(tx, id)?;
    if !work(tx, id)? {
        return Err(Problem::new(Code::JobState).with("state", before.state));
    }
    let after = store::find(tx, id)?;
    let event = NewEvent {
        kind: format!("{}.{what}", store::SUBJECT),
        subject_type: store::SUBJECT,
        subject_id: id,
        customer_id: None,
        version: None,
        changes: json!({ "state": { "from": before.state, "to": after.state } }),
    };
    events::append(tx, event)?;
    Ok(JobView::from(&after))
}
