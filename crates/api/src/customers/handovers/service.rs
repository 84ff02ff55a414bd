//! Handovers, to be read.

use fulcrum_persistence::Tx;
use fulcrum_persistence::customers::handovers::{self as store, Handover};

use super::views::{HandoverList, HandoverView};
use crate::App;
use crate::http::cursor::List;
use crate::http::problem::Problem;
use crate::http::wire::PageQuery;

/// A page of handovers.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &PageQuery) -> Result<HandoverList, Problem> {
    let list = List::of(tx.actor.tenant_id, "handovers", &());
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &page)?;
    let place = |row: &Handover| (row.created_at, row.id);
    let (data, next_cursor) =
        list.cut_created(&app.keys, rows, query.limit, place, |row| HandoverView::from(row));
    Ok(HandoverList { data, next_cursor, total_count: None })
}
