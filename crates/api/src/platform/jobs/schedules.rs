//! What is done again and again, and putting down the job when its time has come.

use chrono::TimeDelta;
use chrono_tz::Tz;
use fulcrum_domain::platform::{Schedule, ScheduleError};
use fulcrum_persistence::platform::job_schedules::{self as store, JobSchedule};
use fulcrum_persistence::platform::jobs::{self, NewJob};
use fulcrum_persistence::{Json, StoreError, Tx};

use super::upkeep::Upkeep;
use super::{Job, Lane, requester};
use crate::http::catalog::FieldCode;
use crate::http::problem::{FieldError, Problem};
use crate::platform::backups::Nightly;
use crate::platform::files::sweep::Sweep;

/// Has a job done whenever a cron pattern says so, in a time zone. A schedule of the same name is changed.
///
/// # Errors
/// 422 at `/cron` for a pattern that can't be read or never comes true.
pub(super) fn put<J: Job>(
    tx: &mut Tx,
    name: &str,
    cron: &str,
    time_zone: Tz,
    job: &J,
) -> Result<(), Problem> {
    let refused = |reason: String| {
        Problem::invalid(vec![FieldError::new("/cron", FieldCode::Schedule).with("reason", reason)])
    };
    let schedule = Schedule::new(cron, time_zone, tx.now).map_err(|error| refused(error.to_string()))?;
    let next_at = schedule.after(tx.now).ok_or_else(|| refused("it never happens".into()))?;
    let row = JobSchedule {
        tenant_id: tx.actor.tenant_id,
        name: name.to_owned(),
        kind: J::KIND.to_owned(),
        payload: Json::of(job),
        priority: J::PRIORITY as i16,
        max_attempts: J::MAX_ATTEMPTS,
        requested_by_type: tx.actor.principal_id().map(|_| tx.actor.principal_type().to_owned()),
        requested_by_id: tx.actor.principal_id(),
        cron: cron.to_owned(),
        time_zone: time_zone.name().to_owned(),
        next_at,
        last_at: None,
    };
    Ok(store::put(tx, &row)?)
}

/// The schedules that every installation has.
///
/// # Errors
/// Those of the database.
pub(super) fn ensure(tx: &mut Tx, backups: bool) -> Result<(), StoreError> {
    let wrong = |problem| StoreError::Internal(format!("a schedule of our own: {problem}"));
    put(tx, "upkeep", "7 * * * *", Tz::UTC, &Upkeep {}).map_err(wrong)?;
    put(tx, "file sweep", "23 3 * * *", Tz::UTC, &Sweep {}).map_err(wrong)?;
    // Only who can make them has them made: with several workers, those of one that can't don't take that away.
    if backups {
        put(tx, "backup", "41 18 * * *", Tz::UTC, &Nightly {}).map_err(wrong)?;
    }
    Ok(())
}

/// Schedules that are followed in one transaction.
const AT_ONCE: i64 = 100;

/// How long a schedule that couldn't be followed is left alone.
const LATER: TimeDelta = TimeDelta::minutes(1);

/// Puts down the jobs of all schedules that are due and whose kinds the worker knows: what nobody does isn't put down again and again. A time that was missed while nobody worked is made up for once, not
/// once for each time. One that can't be followed doesn't hold up the others.
///
/// # Errors
/// Those of the database.
pub(super) fn follow(tx: &mut Tx, kinds: &[&str]) -> Result<(), StoreError> {
    for schedule in store::take_due(tx, kinds, AT_ONCE)? {
        if let Err(error) = tx.part(|tx| follow_one(tx, &schedule)) {
            tracing::warn!(%error, name = schedule.name, tenant = %schedule.tenant_id, "a schedule could not be followed");
            let later = tx.now + LATER;
            store::advance(tx, &schedule, later)?;
        }
    }
    Ok(())
}

fn follow_one(tx: &mut Tx, schedule: &JobSchedule) -> Result<(), StoreError> {
    let unreadable = |what: &str| StoreError::Internal(format!("the {what} of a schedule can't be read"));
    let zone = schedule.time_zone.parse().map_err(|_| unreadable("time zone"))?;
    let next = match Schedule::new(&schedule.cron, zone, tx.now) {
        Ok(times) => times.after(tx.now),
        Err(ScheduleError::Never) => None,
        Err(ScheduleError::Pattern(_)) => return Err(unreadable("cron pattern")),
    };
    let Some(next) = next else {
        tracing::warn!(name = schedule.name, tenant = %schedule.tenant_id, "a schedule has come to its end");
        return store::remove(tx, schedule);
    };
    let key = format!("schedule {}", schedule.name);
    let job = NewJob {
        kind: &schedule.kind,
        lane: Lane::Work as i16,
        priority: schedule.priority,
        payload: schedule.payload.clone(),
        unique_key: Some(&key),
        run_at: tx.now,
        max_attempts: schedule.max_attempts,
        requester: schedule.requested_by_type.as_deref().zip(schedule.requested_by_id),
    };
    let own = std::mem::replace(&mut tx.actor, requester::system_of(schedule.tenant_id));
    let put = jobs::enqueue(tx, &job);
    tx.actor = own;
    put?;
    store::advance(tx, schedule, next)
}
