//! Reminders, and tasks that are overdue for too long.
//!
//! Each company has one job that waits for the next of them. What it does is one transaction, so everybody is told once, however many
//! workers there are.

use chrono::{DateTime, TimeDelta, Utc};
use fulcrum_persistence::engagement::task_clock as store;
use fulcrum_persistence::engagement::tasks as all;
use fulcrum_persistence::platform::jobs;
use fulcrum_persistence::{StoreError, Tx};
use serde::{Deserialize, Serialize};

use super::service::Row;
use super::telling;
use crate::App;
use crate::platform::jobs::{Job, JobFailed, enqueue_for_company, look_again};

/// Tells what has become due.
#[derive(Serialize, Deserialize)]
pub(crate) struct TaskClock {}

const KEY: &str = "clock";

/// Reminders, or tasks, of one transaction.
const AT_ONCE: i64 = 100;
/// How long a transaction may take that has put something down and isn't committed.
const IN_FLIGHT: TimeDelta = TimeDelta::minutes(1);
/// When to look again at what somebody else holds.
const HELD: TimeDelta = TimeDelta::seconds(1);

impl Job for TaskClock {
    const KIND: &'static str = "engagement.task_clock";

    fn unique_key(&self) -> Option<String> {
        Some(KEY.into())
    }
}

/// Tells what has become due, and waits for the next.
pub(crate) fn run(_: &actix_web::web::Data<App>, tx: &mut Tx, _: TaskClock) -> Result<(), JobFailed> {
    let reminders = store::take_reminders(tx, AT_ONCE)?;
    for (task, at) in &reminders {
        if task.state == "open" && task.deleted_at.is_none() {
            telling::reminder(tx, task, *at)?;
        }
        store::told(tx, task, *at)?;
    }
    let late = store::take_escalating(tx, AT_ONCE)?;
    for task in &late {
        telling::overdue(tx, task)?;
        store::escalated(tx, task)?;
    }
    let full = [reminders.len(), late.len()].contains(&(AT_ONCE as usize));
    if let Some(next) = store::next(tx)? {
        let at = if full { tx.now } else { next.max(tx.now + HELD) };
        enqueue_for_company(tx, &TaskClock {}, at)?;
    }
    Ok(())
}

/// Has the clock go off when the first thing of a task is due.
pub(super) fn wind(tx: &mut Tx, row: &Row) -> Result<(), StoreError> {
    let task = &row.task;
    if task.state != "open" || task.deleted_at.is_some() {
        return Ok(());
    }
    let escalation = task.escalate_at.filter(|_| task.escalated_at.is_none());
    // Reminders that have passed were told, or are being told.
    let reminder = row.reminders.iter().copied().find(|at| *at > tx.now);
    match [escalation, reminder].into_iter().flatten().min() {
        Some(at) => wind_to(tx, at),
        None => Ok(()),
    }
}

fn wind_to(tx: &mut Tx, at: DateTime<Utc>) -> Result<(), StoreError> {
    // Putting the job down holds it until this transaction ends, and everybody who writes a task would wait for that. One that goes off
    // early enough is left alone, if not so soon that it may not see what this transaction wrote.
    let waits = jobs::waits_until(tx, TaskClock::KIND, KEY)?;
    if waits.is_some_and(|waits| waits <= at && waits > tx.now + IN_FLIGHT) {
        return Ok(());
    }
    let at = at.max(tx.now);
    enqueue_for_company(tx, &TaskClock {}, at).map(|_| ())
}

/// Sets how long tasks may be overdue that go by what the company has.
///
/// # Errors
/// Those of the database.
pub(crate) fn escalate_after(tx: &mut Tx, minutes: i32) -> Result<(), StoreError> {
    all::escalate_after(tx, minutes)?;
    match store::next(tx)? {
        Some(at) => wind_to(tx, at),
        None => Ok(()),
    }
}

/// Has somebody look where something is due and nobody is going to.
///
/// # Errors
/// Those of the database.
pub(crate) fn revive(tx: &mut Tx) -> Result<(), StoreError> {
    look_again(tx, &TaskClock {}, store::late)
}
