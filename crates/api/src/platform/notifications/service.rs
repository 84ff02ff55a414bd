//! What people can do with their inbox.

use fulcrum_persistence::Tx;
use fulcrum_persistence::platform::events::{self, NewEvent};
use fulcrum_persistence::platform::notifications::{self as store, Notification};
use serde_json::json;
use uuid::Uuid;

use super::texts::Reader;
use super::views::{
    NotificationList, NotificationQuery, NotificationSummary, NotificationView, ReadAllInput, UnreadOfKind,
};
use crate::App;
use crate::http::cursor::List;
use crate::http::locale::Locale;
use crate::http::problem::Problem;

/// Notifications that are noted as read with one statement.
const AT_ONCE: i64 = 1000;

/// Who reads: in the language that was asked for, by the clock of their account.
fn reader(tx: &Tx, locale: Locale) -> Reader {
    Reader { locale, time_zone: tx.actor.time_zone }
}

/// A page of the inbox, newest first.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(
    tx: &mut Tx,
    app: &App,
    query: &NotificationQuery,
    locale: Locale,
) -> Result<NotificationList, Problem> {
    let unpaged = NotificationQuery { cursor: None, limit: 0, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, "notifications", &unpaged);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &query.filter(), &page)?;
    let (place, reader) = (|row: &Notification| (row.created_at, row.id), reader(tx, locale));
    let (data, next_cursor) =
        list.cut_created(&app.keys, rows, query.limit, place, |row| NotificationView::of(row, &reader));
    Ok(NotificationList { data, next_cursor, total_count: None })
}

/// One of the inbox.
///
/// # Errors
/// 404.
pub fn show(tx: &mut Tx, id: Uuid, locale: Locale) -> Result<NotificationView, Problem> {
    let row = store::find(tx, id)?;
    Ok(NotificationView::of(&row, &reader(tx, locale)))
}

/// How many are unread.
///
/// # Errors
/// Those of the database.
pub fn summary(tx: &mut Tx) -> Result<NotificationSummary, Problem> {
    let counted = store::unread(tx)?;
    Ok(NotificationSummary {
        unread: counted.iter().map(|(_, unread)| unread).sum(),
        // A word of another release is counted above.
        by_kind: counted
            .into_iter()
            .filter_map(|(kind, unread)| Some(UnreadOfKind { kind: kind.parse().ok()?, unread }))
            .collect(),
    })
}

/// Notes that one was read, or that it counts as unread again. What is so already stays as it is.
///
/// # Errors
/// 404.
pub fn mark(tx: &mut Tx, id: Uuid, read: bool, locale: Locale) -> Result<NotificationView, Problem> {
    let before = store::lock(tx, id)?;
    let after = if before.read_at.is_some() == read {
        before
    } else {
        let read_at = read.then_some(tx.now);
        store::set_read(tx, id, read_at)?;
        let what = if read { "read" } else { "unread" };
        let event = NewEvent {
            kind: format!("{}.{what}", store::SUBJECT),
            subject_type: store::SUBJECT,
            subject_id: id,
            customer_id: before.customer_id,
            version: None,
            changes: json!({ "read_at": { "from": before.read_at, "to": read_at } }),
        };
        events::append(tx, event)?;
        Notification { read_at, ..before }
    };
    Ok(NotificationView::of(&after, &reader(tx, locale)))
}

/// Notes that all were read, or those up to an instant. Says what is unread then.
///
/// # Errors
/// Those of the database.
pub fn read_all(tx: &mut Tx, input: &ReadAllInput) -> Result<NotificationSummary, Problem> {
    let (before, kind) = (input.before.unwrap_or(tx.now), format!("{}.read", store::SUBJECT));
    let changes = json!({ "read_at": { "from": null, "to": tx.now } });
    loop {
        let read = store::read_oldest(tx, before, AT_ONCE)?;
        if !read.is_empty() {
            events::append_all(tx, &kind, store::SUBJECT, &read, &changes)?;
        }
        if (read.len() as i64) < AT_ONCE {
            return summary(tx);
        }
    }
}
