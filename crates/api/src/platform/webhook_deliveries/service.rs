//! Looking at deliveries.

use fulcrum_persistence::Tx;
use fulcrum_persistence::platform::webhook_deliveries::{self as store, Delivery};
use uuid::Uuid;

use super::views::{AttemptView, DeliveryList, DeliveryQuery, DeliveryView};
use crate::App;
use crate::http::answer::Answer;
use crate::http::cursor::List;
use crate::http::problem::Problem;

/// The path segment.
const COLLECTION: &str = "webhook-deliveries";

/// A page of deliveries, newest first.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &DeliveryQuery) -> Result<DeliveryList, Problem> {
    let unpaged = DeliveryQuery { cursor: None, limit: 0, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, COLLECTION, &unpaged);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &query.filter(), &page)?;
    let place = |row: &Delivery| (row.created_at, row.id);
    let (data, next_cursor) =
        list.cut_created(&app.keys, rows, query.limit, place, |row| DeliveryView::from(row));
    Ok(DeliveryList { data, next_cursor, total_count: None })
}

/// One delivery with its attempts.
///
/// # Errors
/// 404.
pub fn show(tx: &mut Tx, id: Uuid) -> Result<DeliveryView, Problem> {
    let row = store::find(tx, id)?;
    let attempts = store::attempts(tx, id)?.into_iter().map(AttemptView::from).collect();
    Ok(DeliveryView { attempts: Some(attempts), ..DeliveryView::from(&row) })
}

/// The answer to a request that put a delivery down.
///
/// # Errors
/// An internal problem when the view can't be written as JSON.
pub fn put_down_answer(row: Delivery) -> Result<Answer, Problem> {
    Answer::created(COLLECTION, row.id, &DeliveryView::from(&row))
}
