//! Tasks that come again.

use chrono::{DateTime, TimeDelta, Utc};
use fulcrum_domain::engagement::{Recurrence, TaskState};
use fulcrum_persistence::access::users;
use fulcrum_persistence::engagement::tasks::{self as store, Task};
use fulcrum_persistence::platform::events;
use fulcrum_persistence::{Json, Tx};
use uuid::Uuid;

use super::clock;
use super::service::{Row, Tasks, company_minutes};
use super::views::ChecklistItem;
use crate::http::problem::Problem;
use crate::records;

/// Brings forth the next one of a series when one is over: the first that is still to come, so that what was left undone for a month
/// doesn't come back as thirty. One that is there already, because this one was open again in between, stays the only one.
pub(super) fn bring_forth(tx: &mut Tx, over: &Row) -> Result<(), Problem> {
    let task = &over.task;
    let (Some(rule), Some(start), Some(series_id)) =
        (&task.recurrence, task.series_starts_at, task.series_id)
    else {
        return Ok(());
    };
    let zone = task.time_zone.parse().unwrap_or(tx.actor.time_zone);
    let Ok(recurrence) = Recurrence::parse(rule, start, zone) else { return Ok(()) };
    let last = task.scheduled_at.unwrap_or(start).max(tx.now);
    let (Some(due_at), occurrence) = (recurrence.after(last), task.occurrence.unwrap_or(1) + 1) else {
        return Ok(());
    };
    if store::has_occurrence(tx, series_id, occurrence)? {
        return Ok(());
    }
    let next = next_one(tx, over, due_at, occurrence)?;
    store::insert(tx, &next.task, &next.reminders)?;
    clock::wind(tx, &next)?;
    Ok(events::append(tx, records::created_event::<Tasks>(&next))?)
}

fn next_one(tx: &mut Tx, over: &Row, due_at: DateTime<Utc>, occurrence: i32) -> Result<Row, Problem> {
    let task = over.task.clone();
    let minutes = match task.escalate_after_minutes {
        Some(minutes) => minutes,
        None => company_minutes(tx)?,
    };
    let mut checklist: Vec<ChecklistItem> = task.checklist.read().unwrap_or_default();
    checklist.iter_mut().for_each(|item| item.done = false);
    let moved = task.due_at.map_or(TimeDelta::zero(), |due| due_at - due);
    let reminders = over.reminders.iter().map(|at| *at + moved).filter(|at| *at > tx.now).collect();
    let (assignee_id, department_id) = still_there(tx, &task)?;
    let task = Task {
        id: Uuid::now_v7(),
        state: TaskState::Open.to_string(),
        due_at: Some(due_at),
        scheduled_at: Some(due_at),
        occurrence: Some(occurrence),
        escalate_at: due_at.checked_add_signed(TimeDelta::minutes(minutes.into())),
        escalated_at: None,
        checklist: Json::of(&checklist),
        // Those are of the one that is over.
        external_ids: Json::empty_list(),
        assignee_id,
        department_id,
        completed_at: None,
        completed_by_id: None,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
        deleted_at: None,
        ..task
    };
    Ok(Row { task, reminders, now: tx.now })
}

/// Who does it from now on: who did it so far, or who leads them when their account is disabled.
fn still_there(tx: &mut Tx, task: &Task) -> Result<(Uuid, Uuid), Problem> {
    let same = (task.assignee_id, task.department_id);
    let assignee = users::named(tx, &[task.assignee_id])?.pop();
    if assignee.is_some_and(|user| user.disabled_at.is_none() && user.deleted_at.is_none()) {
        return Ok(same);
    }
    let manager = users::manager_of(tx, task.assignee_id)?;
    Ok(manager.map_or(same, |manager| (manager.id, manager.department_id)))
}
