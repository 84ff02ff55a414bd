//! The log as a feed: everything once, in an order that holds for each record, however transactions commit.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::events::Event;
use crate::db::prepared;
use crate::schema::{events, installation};
use crate::{StoreError, Tx};

/// How far somebody has read.
///
/// Transactions get their numbers in another order than they commit in. A reader takes the transactions from `from` to before
/// `to` as one span, all of which have ended when it is opened: nothing can be added to it any more. Inside of a span events come by
/// `seq`. For one record that is the order of its versions, because who changes a record holds its lock while the number is
/// drawn. A span ends before the first transaction that changed a record after one behind the span did, so that the order holds
/// from span to span, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// First transaction of the span.
    pub from: i64,
    /// The first one behind it.
    pub to: i64,
    /// The last event of the span that was read.
    pub seq: i64,
}

/// Transactions of a span at most: what has to be sorted for a page stays small, however long ago the last one was read.
const WIDEST: i64 = 10_000;

/// What was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// In order.
    pub events: Vec<Event>,
    /// The transaction of each of them.
    pub xids: Vec<i64>,
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

/// What numbers of transactions mean something in: another one after the database was restored from a copy.
///
/// # Errors
/// Those of the database.
pub fn epoch(tx: &mut Tx) -> Result<Uuid, StoreError> {
    Ok(installation::table.select(installation::epoch).first(tx.conn)?)
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
    let mut rows = span(tx, &place, types, limit + 1)?;
    if rows.len() > limit {
        rows.truncate(limit);
        let next = Place { seq: rows.last().map_or(place.seq, |row| row.event.seq), ..place };
        return Ok(Some(Read::of(rows, next, true)));
    }
    let horizon = horizon(tx)?;
    if horizon < place.to {
        return Ok(None);
    }
    let Some(mut next) = open_span(tx, place.to, horizon)? else {
        return Ok(Some(Read::of(rows, Place { from: horizon, to: horizon, seq: 0 }, false)));
    };
    if next.from == next.to {
        return Ok(Some(Read::of(rows, next, false)));
    }
    let room = limit - rows.len();
    let mut further = span(tx, &next, types, room + 1)?;
    let more = further.len() > room || next.to < horizon;
    further.truncate(room);
    next.seq = further.last().map_or(next.seq, |row| row.event.seq);
    rows.extend(further);
    Ok(Some(Read::of(rows, next, more)))
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(embed)]
    event: Event,
    #[diesel(sql_type = BigInt)]
    xid: i64,
}

impl Read {
    fn of(rows: Vec<Row>, next: Place, more: bool) -> Read {
        let (events, xids) = rows.into_iter().map(|row| (row.event, row.xid)).unzip();
        Read { events, xids, next, more }
    }
}

/// The next span that has something in it; empty when what there is has to wait for a transaction that is still running.
fn open_span(tx: &mut Tx, from: i64, horizon: i64) -> Result<Option<Place>, StoreError> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Nullable<BigInt>)]
        xid: Option<i64>,
    }
    if from >= horizon {
        return Ok(None);
    }
    // Hidden from the planner behind `offset 0`, which would else walk the log by another index.
    let first: Option<Found> = prepared(
        "select e.xid from events e where e.tenant_id = $1 and e.xid >= $2 and e.xid < $3 order by e.xid limit 1",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<BigInt, _>(from)
    .bind::<BigInt, _>(horizon)
    .get_result(tx.conn)
    .optional()?;
    let Some(first) = first.and_then(|found| found.xid) else { return Ok(None) };
    let mut to = horizon.min(first + WIDEST);
    loop {
        let early: Found = prepared(
            "select min(e.xid) as xid from (select xid, seq, subject_id from events \
               where tenant_id = $1 and xid >= $2 and xid < $3 offset 0) e \
             where exists (select from events f where f.tenant_id = $1 and f.subject_id = e.subject_id \
               and f.seq < e.seq and f.xid >= $3)",
        )
        .bind::<SqlUuid, _>(tx.actor.tenant_id)
        .bind::<BigInt, _>(first)
        .bind::<BigInt, _>(to)
        .get_result(tx.conn)?;
        match early.xid {
            Some(early) => to = early,
            None => return Ok(Some(Place { from: first.min(to), to, seq: 0 })),
        }
    }
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

fn span(tx: &mut Tx, place: &Place, types: &[&str], limit: usize) -> Result<Vec<Row>, StoreError> {
    if place.from == place.to {
        return Ok(Vec::new());
    }
    // `offset 0`: by the index of transactions, and sorted then. The planner likes to walk the log in order of `seq` and pass
    // over everything before the span.
    Ok(prepared(
        "select e.seq, e.at, e.type as type_, e.subject_type, e.subject_id, e.customer_id, e.actor_type, e.actor_id, \
         e.request_id, e.version, e.changes, e.xid from (select * from events where tenant_id = $1 and xid >= $2 and xid < $3 offset 0) e \
         where e.seq > $4 and e.subject_type = any($5) order by e.seq limit $6",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<BigInt, _>(place.from)
    .bind::<BigInt, _>(place.to)
    .bind::<BigInt, _>(place.seq)
    .bind::<Array<Text>, _>(types.to_vec())
    .bind::<BigInt, _>(limit as i64)
    .load(tx.conn)?)
}
