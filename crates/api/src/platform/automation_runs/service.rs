//! Looking at runs.

use fulcrum_persistence::Tx;
use fulcrum_persistence::platform::automation_runs::{self as store, Run};
use uuid::Uuid;

use super::views::{RunList, RunQuery, RunView};
use crate::App;
use crate::http::cursor::List;
use crate::http::problem::Problem;

/// A page of runs, newest first.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &RunQuery) -> Result<RunList, Problem> {
    let unpaged = RunQuery { cursor: None, limit: 0, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, "automation-runs", &unpaged);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &query.filter(), &page)?;
    let place = |row: &Run| (row.created_at, row.id);
    let (data, next_cursor) = list.cut_created(&app.keys, rows, query.limit, place, |row| RunView::from(row));
    Ok(RunList { data, next_cursor, total_count: None })
}

/// One run.
///
/// # Errors
/// 404.
pub fn show(tx: &mut Tx, id: Uuid) -> Result<RunView, Problem> {
    Ok(RunView::from(&store::find(tx, id)?))
}
