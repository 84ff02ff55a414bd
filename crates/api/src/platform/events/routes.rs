//! `/v1/events`

use actix_web::get;
use fulcrum_domain::access::permit::EventsRead;
use fulcrum_persistence::Tx;
use fulcrum_persistence::paging::{Position, SortKey};
use fulcrum_persistence::platform::events;
use uuid::Uuid;

use super::views::{EventList, EventQuery, EventView};
use crate::App;
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::cursor::List;
use crate::http::problem::Problem;
use crate::http::query::Query;

/// List events
///
/// The audit trail, newest first: who changed what, when, from which value to which. Outside of the data scope
/// `tenant`, only what concerns the customers within the scope.
#[utoipa::path(operation_id = "listEvents", tag = "events", params(EventQuery),
    security(("bearer" = ["platform.events:read"])),
    responses((status = 200, description = "A page of events.", body = EventList)))]
#[get("/v1/events")]
pub async fn list(call: Allowed<EventsRead>, query: Query<EventQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&page(tx, &app, &query)?)).await
}

fn page(tx: &mut Tx, app: &App, query: &EventQuery) -> Result<EventList, Problem> {
    let unpaged = EventQuery { cursor: None, limit: 0, ..query.clone() };
    let pages = List::of(tx.actor.tenant_id, "events", &unpaged);
    let before = match pages.page(&app.keys, query.cursor.as_deref(), query.limit)?.after {
        Some(Position { key: SortKey::Text(seq), .. }) => seq.parse().ok(),
        _ => None,
    };
    let rows = events::list(tx, &query.filter(), before, query.limit)?.into_iter().map(|row| {
        let position = Position { key: SortKey::Text(row.seq.to_string()), id: Uuid::nil() };
        (EventView::from(row), position)
    });
    let (data, next_cursor) = pages.cut(&app.keys, rows.collect(), query.limit);
    Ok(EventList { data, next_cursor, total_count: None })
}
