//! What is done again and again.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::schema::job_schedules;
use crate::{Json, StoreError, Tx};

/// A schedule.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = job_schedules)]
#[allow(missing_docs)]
pub struct JobSchedule {
    pub tenant_id: Uuid,
    pub name: String,
    pub kind: String,
    pub payload: Json,
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
    let same = job_schedules::table
        .find((schedule.tenant_id, &schedule.name))
        .filter(job_schedules::kind.eq(&schedule.kind))
        .filter(job_schedules::cron.eq(&schedule.cron))
        .filter(job_schedules::time_zone.eq(&schedule.time_zone))
        .select(job_schedules::next_at)
        .first::<DateTime<Utc>>(tx.conn)
        .optional()?;
    let row = JobSchedule { next_at: same.unwrap_or(schedule.next_at), ..schedule.clone() };
    diesel::insert_into(job_schedules::table)
        .values(&row)
        .on_conflict((job_schedules::tenant_id, job_schedules::name))
        .do_update()
        .set((
            job_schedules::kind.eq(&row.kind),
            job_schedules::payload.eq(&row.payload),
            job_schedules::cron.eq(&row.cron),
            job_schedules::time_zone.eq(&row.time_zone),
            job_schedules::next_at.eq(row.next_at),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Schedules of the whole installation that are due, held until the transaction ends; those that another worker holds are
/// its business.
///
/// # Errors
/// Those of the database.
pub fn take_due(tx: &mut Tx, limit: i64) -> Result<Vec<JobSchedule>, StoreError> {
    Ok(job_schedules::table
        .filter(job_schedules::next_at.le(tx.now))
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
