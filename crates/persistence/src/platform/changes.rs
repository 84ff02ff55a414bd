//! The log as a feed: everything once, in an order that holds for each record, however transactions commit.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::events::Event;
use crate::schema::events;
use crate::{StoreError, Tx};

/// How far somebody has read.
///
/// Transactions get their numbers in another order than they commit in. A reader takes the transactions from `from` to before
/// `to` as one span, where `to` was the lowest number that was still running when the span was opened: nothing can be added to
/// it any more. Inside of a span events come by `seq`. For one record that is the order of its versions, because who changes a
/// record holds its lock while the number is drawn. And a change that follows another one of the same record doesn't stand in
/// an earlier span: its transaction was still running when the other one had ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// First transaction of the span.
    pub from: i64,
    /// The first one behind it.
    pub to: i64,
    /// The last event of the span that was read.
    pub seq: i64,
}

/// What was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// In order.
    pub events: Vec<Event>,
    /// Where to go on.
    pub next: Place,
    /// Whether there is something there already.
    pub more: bool,
}

/// The end of the feed.
///
/// # Errors
/// Those of the database.
pub fn end(tx: &mut Tx) -> Result<Place, StoreError> {
    let horizon = horizon(tx)?;
    Ok(Place { from: horizon, to: horizon, seq: 0 })
}

/// The lowest transaction that may still write: a long one, of whatever company, holds the feed back.
fn horizon(tx: &mut Tx) -> Result<i64, StoreError> {
    Ok(diesel::select(sql::<BigInt>("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
        .get_result(tx.conn)?)
}

/// The next events about these kinds of records, of the whole company: what the actor may see of them is the caller's
/// business. `None` when the place isn't one of this database, which was restored from a copy.
///
/// # Errors
/// Those of the database.
pub fn read(tx: &mut Tx, place: Place, types: &[&str], limit: usize) -> Result<Option<Read>, StoreError> {
    let mut events = span(tx, &place, types, limit + 1)?;
    if events.len() > limit {
        events.truncate(limit);
        let next = Place { seq: events.last().map_or(place.seq, |event| event.seq), ..place };
        return Ok(Some(Read { events, next, more: true }));
    }
    let to = horizon(tx)?;
    if to < place.to {
        return Ok(None);
    }
    let first: Option<i64> = events::table
        .filter(events::tenant_id.eq(tx.actor.tenant_id))
        .filter(events::xid.ge(place.to))
        .filter(events::xid.lt(to))
        .select(diesel::dsl::min(events::seq))
        .first(tx.conn)?;
    let Some(first) = first else {
        return Ok(Some(Read { events, next: Place { from: to, to, seq: 0 }, more: false }));
    };
    let mut next = Place { from: place.to, to, seq: first - 1 };
    let room = limit - events.len();
    let mut further = span(tx, &next, types, room + 1)?;
    let more = further.len() > room;
    further.truncate(room);
    next.seq = further.last().map_or(next.seq, |event| event.seq);
    events.extend(further);
    Ok(Some(Read { events, next, more }))
}

/// Of these companies those that the feed has something new for since a horizon, and the horizon now. All of them when there
/// was none.
///
/// # Errors
/// Those of the database.
pub fn news(tx: &mut Tx, since: Option<i64>, tenants: &[Uuid]) -> Result<(i64, Vec<Uuid>), StoreError> {
    let horizon = horizon(tx)?;
    let changed = match since {
        None => tenants.to_vec(),
        Some(since) if since >= horizon => Vec::new(),
        Some(since) => events::table
            .filter(events::tenant_id.eq_any(tenants.to_vec()))
            .filter(events::xid.ge(since))
            .filter(events::xid.lt(horizon))
            .select(events::tenant_id)
            .distinct()
            .load(tx.conn)?,
    };
    Ok((horizon, changed))
}

fn span(tx: &mut Tx, place: &Place, types: &[&str], limit: usize) -> Result<Vec<Event>, StoreError> {
    if place.from == place.to {
        return Ok(Vec::new());
    }
    Ok(events::table
        .filter(events::tenant_id.eq(tx.actor.tenant_id))
        .filter(events::xid.ge(place.from))
        .filter(events::xid.lt(place.to))
        .filter(events::seq.gt(place.seq))
        .filter(events::subject_type.eq_any(types.to_vec()))
        .order(events::seq)
        .limit(limit as i64)
        .select(Event::as_select())
        .load(tx.conn)?)
}
