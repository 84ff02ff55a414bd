//! What is done again and again.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::db::prepared;
use crate::schema::job_schedules;
use crate::{Json, StoreError, Tx};

/// A schedule.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = job_schedules)]
#[allow(missing_docs)]
pub struct JobSchedule {
    pub tenant_id: Uuid,
    pub name: String,
    pub kind: String,
    pub payload: Json,
    pub priority: i16,
    pub max_attempts: i32,
    pub requested_by_type: Option<String>,
    pub requested_by_id: Option<Uuid>,
    pub cron: String,
    pub time_zone: String,
    pub next_at: DateTime<Utc>,
    pub last_at: Option<DateTime<Utc>>,
}

/// Adds a schedule, or changes the one of this name. One that is there with the same pattern keeps its next time.
///
/// # Errors
/// Those of the database.
pub fn put(tx: &mut Tx, schedule: &JobSchedule) -> Result<(), StoreError> {
    prepared(
        "insert into job_schedules (tenant_id, name, kind, payload, priority, max_attempts, requested_by_type, \
         requested_by_id, cron, time_zone, next_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         on conflict (tenant_id, name) do update set kind = excluded.kind, payload = excluded.payload, \
         priority = excluded.priority, max_attempts = excluded.max_attempts, \
         requested_by_type = excluded.requested_by_type, requested_by_id = excluded.requested_by_id, \
         cron = excluded.cron, time_zone = excluded.time_zone, \
         next_at = case when job_schedules.cron = excluded.cron and job_schedules.time_zone = excluded.time_zone \
           then job_schedules.next_at else excluded.next_at end",
    )
    .bind::<SqlUuid, _>(schedule.tenant_id)
    .bind::<Text, _>(&schedule.name)
    .bind::<Text, _>(&schedule.kind)
    .bind::<Jsonb, _>(schedule.payload.clone())
    .bind::<SmallInt, _>(schedule.priority)
    .bind::<Integer, _>(schedule.max_attempts)
    .bind::<Nullable<Text>, _>(&schedule.requested_by_type)
    .bind::<Nullable<SqlUuid>, _>(schedule.requested_by_id)
    .bind::<Text, _>(&schedule.cron)
    .bind::<Text, _>(&schedule.time_zone)
    .bind::<Timestamptz, _>(schedule.next_at)
    .execute(tx.conn)?;
    Ok(())
}

/// Schedules of the whole installation, for kinds of jobs, that are due, held until the transaction ends; those that another worker
/// holds are its business.
///
/// # Errors
/// Those of the database.
pub fn take_due(tx: &mut Tx, kinds: &[&str], limit: i64) -> Result<Vec<JobSchedule>, StoreError> {
    Ok(job_schedules::table
        .filter(job_schedules::next_at.le(tx.now))
        .filter(job_schedules::kind.eq_any(kinds.to_vec()))
        .order(job_schedules::next_at)
        .limit(limit)
        .select(JobSchedule::as_select())
        .for_update()
        .skip_locked()
        .load(tx.conn)?)
}

/// Notes that a schedule was followed, and when the next time is.
///
/// # Errors
/// Those of the database.
pub fn advance(tx: &mut Tx, schedule: &JobSchedule, next_at: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::update(job_schedules::table.find((schedule.tenant_id, &schedule.name)))
        .set((job_schedules::next_at.eq(next_at), job_schedules::last_at.eq(tx.now)))
        .execute(tx.conn)?;
    Ok(())
}

/// Ends a schedule.
///
/// # Errors
/// Those of the database.
pub fn remove(tx: &mut Tx, schedule: &JobSchedule) -> Result<(), StoreError> {
    diesel::delete(job_schedules::table.find((schedule.tenant_id, &schedule.name))).execute(tx.conn)?;
    Ok(())
}
