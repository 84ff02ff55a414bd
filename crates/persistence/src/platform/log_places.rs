//! How far those who follow the log have read it. Each company has a place for each of them, held by one at a time.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};

use super::changes::{self, Place};
use crate::db::prepared;
use crate::schema::log_places;
use crate::{StoreError, Tx};

/// Who follows the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follower {
    /// Webhooks are told.
    Webhooks,
    /// Automations are asked.
    Automations,
}

impl Follower {
    fn word(self) -> &'static str {
        match self {
            Follower::Webhooks => "webhooks",
            Follower::Automations => "automations",
        }
    }
}

/// Begins to follow a company's log from here on, unless `is_followed` says that it is followed already.
///
/// # Errors
/// Those of the database, and of `is_followed`.
pub fn begin(
    tx: &mut Tx,
    follower: Follower,
    is_followed: impl Fn(&mut Tx) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    // Whoever follows may wait for the row that this transaction holds, so it is left alone where it needn't be moved.
    if is_followed(tx)? {
        return Ok(());
    }
    // First the row: of two who begin at once, the second one sees what the first one did, and leaves it its place.
    prepared(
        "insert into log_places (tenant_id, follower, first_xid, behind_xid, seq) values ($1, $2, 0, 0, 0) \
         on conflict (tenant_id, follower) do update set seq = log_places.seq",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<Text, _>(follower.word())
    .execute(tx.conn)?;
    if !is_followed(tx)? {
        let end = changes::end(tx)?;
        set(tx, follower, end)?;
    }
    Ok(())
}

/// How far the log of the company was followed, held until the transaction ends; `None` when somebody else is at it.
///
/// # Errors
/// Those of the database.
pub fn take(tx: &mut Tx, follower: Follower) -> Result<Option<Place>, StoreError> {
    let found: Option<(i64, i64, i64)> = log_places::table
        .find((tx.actor.tenant_id, follower.word()))
        .select((log_places::first_xid, log_places::behind_xid, log_places::seq))
        .for_update()
        .skip_locked()
        .first(tx.conn)
        .optional()?;
    Ok(found.map(|(from, to, seq)| Place { from, to, seq }))
}

/// Notes how far the log of the company was followed.
///
/// # Errors
/// Those of the database.
pub fn set(tx: &mut Tx, follower: Follower, place: Place) -> Result<(), StoreError> {
    prepared(
        "insert into log_places (tenant_id, follower, first_xid, behind_xid, seq) values ($1, $2, $3, $4, $5) \
         on conflict (tenant_id, follower) do update set first_xid = excluded.first_xid, behind_xid = excluded.behind_xid, \
         seq = excluded.seq",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<Text, _>(follower.word())
    .bind::<BigInt, _>(place.from)
    .bind::<BigInt, _>(place.to)
    .bind::<BigInt, _>(place.seq)
    .execute(tx.conn)?;
    Ok(())
}

/// What has happened by now, for [`is_in`].
///
/// # Errors
/// Those of the database.
pub fn snapshot(tx: &mut Tx) -> Result<String, StoreError> {
    Ok(diesel::select(diesel::dsl::sql::<Text>("pg_current_snapshot()::text")).get_result(tx.conn)?)
}

/// Whether a transaction had ended when a snapshot was taken. Not by time: what was begun before and is committed after is seen by
/// nobody who asked in between.
pub fn is_in(snapshot: &str, xid: i64) -> bool {
    let mut parts = snapshot.split(':');
    let mut number = || parts.next().and_then(|text| text.parse::<i64>().ok());
    let (Some(lowest), Some(next)) = (number(), number()) else { return false };
    let running = parts.next().unwrap_or_default();
    xid < lowest || xid < next && !running.split(',').any(|text| text.parse() == Ok(xid))
}
