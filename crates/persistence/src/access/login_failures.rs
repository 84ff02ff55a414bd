//! Failed sign-ins, counted per account and per address over all servers of the installation.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bytea, Integer, Timestamptz};

use crate::db::prepared;
use crate::{StoreError, Tx};

/// One thing that failures are counted for, and how many are too many.
#[derive(Clone, Debug)]
pub struct Limit {
    /// A hash: the table never holds an address in clear.
    pub key: Vec<u8>,
    /// Failures within the window that close the door until it ends.
    pub failures: i32,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Bytea)]
    key: Vec<u8>,
    #[diesel(sql_type = Integer)]
    failures: i32,
    #[diesel(sql_type = Timestamptz)]
    window_ends_at: DateTime<Utc>,
}

/// Counts one more failure, and tells until when signing in is closed if that is one too many. Those who come at once
/// are counted one after the other. Whoever is told that it is closed rolls back, so that knocking at a closed door
/// doesn't count. A window begins with its first failure.
///
/// # Errors
/// Those of the database.
pub fn add(tx: &mut Tx, limits: &[Limit], window: TimeDelta) -> Result<Option<DateTime<Utc>>, StoreError> {
    let mut keys: Vec<_> = limits.iter().map(|limit| limit.key.clone()).collect();
    // Always in the same order, so that two failures at once don't wait for each other in a circle.
    keys.sort();
    let rows: Vec<Row> = prepared(
        "insert into login_failures as f (key, failures, window_ends_at) select key, 1, $3 from unnest($1) as k (key) \
         on conflict (key) do update set \
         failures = case when f.window_ends_at > $2 then f.failures + 1 else 1 end, \
         window_ends_at = case when f.window_ends_at > $2 then f.window_ends_at else $3 end \
         returning key, failures, window_ends_at",
    )
    .bind::<Array<Bytea>, _>(keys)
    .bind::<Timestamptz, _>(tx.now)
    .bind::<Timestamptz, _>(tx.now + window)
    .load(tx.conn)?;
    Ok(rows
        .into_iter()
        .filter(|row| limits.iter().any(|limit| limit.key == row.key && row.failures > limit.failures))
        .map(|row| row.window_ends_at)
        .max())
}

/// Forgets the failures of an account that signed in from an address, and takes the attempt off the other counts.
///
/// # Errors
/// Those of the database.
pub fn forgive(tx: &mut Tx, forgotten: &[u8], less: &[Limit]) -> Result<(), StoreError> {
    let mut keys: Vec<_> = less.iter().map(|limit| limit.key.clone()).collect();
    keys.sort();
    prepared("update login_failures set failures = greatest(failures - 1, 0) where key = any($1)")
        .bind::<Array<Bytea>, _>(keys)
        .execute(tx.conn)?;
    prepared("delete from login_failures where key = $1").bind::<Bytea, _>(forgotten).execute(tx.conn)?;
    Ok(())
}
