//! What has to be done to the installation from time to time.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Timestamptz;

use super::{events, idempotency};
use crate::StoreError;

/// Months of the event log that are made ahead.
const MONTHS_AHEAD: u32 = 13;

/// Makes partitions ahead and removes what is past its time. Safe to run at any time, by any number of
/// processes.
///
/// # Errors
/// Those of the database.
pub fn run(url: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    let mut conn =
        PgConnection::establish(url).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    events::ensure_partitions(&mut conn, now.date_naive(), MONTHS_AHEAD)?;
    for (statement, before) in [
        ("delete from idempotency_keys where created_at < $1", now - idempotency::KEPT),
        ("delete from login_failures where window_ends_at < $1", now),
        // Ended sessions stay visible for a while, for those who ask what happened.
        ("delete from sessions where expires_at < $1", now - TimeDelta::days(30)),
    ] {
        sql_query(statement).bind::<Timestamptz, _>(before).execute(&mut conn)?;
    }
    Ok(())
}
