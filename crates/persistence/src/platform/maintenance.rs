//! What has to be done to the installation from time to time.

use chrono::{DateTime, Months, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Bool, Timestamptz};

use super::{events, idempotency};
use crate::StoreError;

/// Months of the event log that are made ahead.
const MONTHS_AHEAD: u32 = 13;

/// Makes partitions ahead and removes what is past its time; of events those that are older than so many months, if there is a
/// number. Safe to run at any time, by any number of
/// processes.
///
/// # Errors
/// Those of the database.
pub fn run(url: &str, now: DateTime<Utc>, event_months: Option<u32>) -> Result<(), StoreError> {
    let mut conn =
        PgConnection::establish(url).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    sql_query("set lock_timeout = '10s'").execute(&mut conn)?;
    sql_query("set statement_timeout = '5min'").execute(&mut conn)?;
    // One at a time: the lock goes with the connection. Who holds it does the work for us, too.
    let alone: bool = diesel::select(diesel::dsl::sql::<Bool>(
        "pg_try_advisory_lock(hashtextextended('fulcrum maintenance', 0))",
    ))
    .get_result(&mut conn)?;
    if !alone {
        return Ok(());
    }
    if let Err(error) = events::ensure_partitions(&mut conn, now.date_naive(), MONTHS_AHEAD) {
        // Nothing is lost: what has no month of its own lies in the default partition.
        tracing::warn!(%error, "partitions of the event log could not be made ahead");
    }
    if let Some(months) = event_months
        && let Err(error) = events::drop_before(&mut conn, now.date_naive() - Months::new(months))
    {
        tracing::warn!(%error, "old events could not be removed");
    }
    // Who looked is kept as long as what happened.
    if let Some(months) = event_months {
        sql_query("delete from customer_reads r using tenants t where r.tenant_id = t.id and r.at < $1")
            .bind::<Timestamptz, _>(now - Months::new(months))
            .execute(&mut conn)?;
    }
    for (statement, before) in [
        (
            "delete from idempotency_keys k using tenants t where k.tenant_id = t.id and k.created_at < $1",
            now - idempotency::KEPT,
        ),
        ("delete from login_failures where window_ends_at < $1", now),
        // Ended sessions stay visible for a while, for those who ask what happened.
        (
            "delete from sessions s using tenants t where s.tenant_id = t.id and s.expires_at < $1",
            now - TimeDelta::days(30),
        ),
        (
            "delete from jobs where (tenant_id, id) in (select tenant_id, id from jobs \
             where state = 'succeeded' and finished_at < $1 limit 10000)",
            now - TimeDelta::days(7),
        ),
        (
            "delete from jobs where (tenant_id, id) in (select tenant_id, id from jobs \
             where finished_at < $1 limit 10000)",
            now - TimeDelta::days(90),
        ),
        // A busy webhook has one each second, and what it did stands in the deliveries.
        (
            "delete from jobs where (tenant_id, id) in (select tenant_id, id from jobs \
             where kind = 'platform.webhook_delivery' and state = 'succeeded' and finished_at < $1 limit 10000)",
            now - TimeDelta::hours(1),
        ),
        (
            "delete from webhook_deliveries d using tenants t cross join lateral (select w.id from webhook_deliveries w \
             where w.tenant_id = t.id and w.finished_at < $1 order by w.finished_at limit 10000) old \
             where d.tenant_id = t.id and d.id = old.id",
            now - TimeDelta::days(90),
        ),
        (
            "delete from automation_runs r using tenants t cross join lateral (select o.id from automation_runs o \
             where o.tenant_id = t.id and o.created_at < $1 and o.state <> 'waiting' order by o.created_at limit 10000) old \
             where r.tenant_id = t.id and r.id = old.id",
            now - TimeDelta::days(30),
        ),
        // What was read is kept for a season, and nothing for more than a year.
        (
            "delete from notifications n using tenants t cross join lateral (select o.id from notifications o \
             where o.tenant_id = t.id and o.read_at < $1 order by o.read_at limit 10000) old \
             where n.tenant_id = t.id and n.id = old.id",
            now - TimeDelta::days(90),
        ),
        (
            "delete from notifications n using tenants t cross join lateral (select o.id from notifications o \
             where o.tenant_id = t.id and o.created_at < $1 order by o.created_at limit 10000) old \
             where n.tenant_id = t.id and n.id = old.id",
            now - TimeDelta::days(365),
        ),
        (
            "update webhooks w set previous_secret = null from tenants t \
             where w.tenant_id = t.id and w.previous_secret_until < $1 and w.previous_secret is not null",
            now,
        ),
    ] {
        // Jobs and deliveries are many, so they go piece by piece; of the others nothing is left after the first time.
        while sql_query(statement).bind::<Timestamptz, _>(before).execute(&mut conn)? > 0 {}
    }
    Ok(())
}

/// Whether a database has every migration of this program.
///
/// # Errors
/// Those of the database.
pub fn is_migrated(tx: &mut crate::Tx) -> Result<bool, StoreError> {
    Ok(crate::migrations::pending_on(tx.conn)?.is_empty())
}

/// What a database server says of itself.
#[derive(QueryableByName)]
pub struct Server {
    /// `server_version_num`
    #[diesel(sql_type = diesel::sql_types::Integer)]
    pub version: i32,
    /// The language of its messages.
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub messages: String,
    /// Its clock.
    #[diesel(sql_type = Timestamptz)]
    pub now: DateTime<Utc>,
}

/// Asks a database server about itself.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub fn server(url: &str) -> Result<Server, StoreError> {
    let mut conn =
        PgConnection::establish(url).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    Ok(sql_query(
        "select current_setting('server_version_num')::int as version, \
         current_setting('lc_messages') as messages, clock_timestamp() as now",
    )
    .get_result(&mut conn)?)
}
