//! Merges, to be read.

use fulcrum_persistence::Tx;
use fulcrum_persistence::customers::merges::{self as store, Merge};

use super::views::{CustomerMergeList, MergeQuery, MergeView};
use crate::App;
use crate::http::cursor::List;
use crate::http::problem::Problem;

/// The path segment.
pub const COLLECTION: &str = "customer-merges";

/// A page of merges.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &MergeQuery) -> Result<CustomerMergeList, Problem> {
    let unpaged = MergeQuery { cursor: None, limit: 0, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, COLLECTION, &unpaged);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &query.customer_id, &page)?;
    let place = |row: &Merge| (row.created_at, row.id);
    let (data, next_cursor) =
        list.cut_created(&app.keys, rows, query.limit, place, |row| MergeView::from(row));
    Ok(CustomerMergeList { data, next_cursor, total_count: None })
}
