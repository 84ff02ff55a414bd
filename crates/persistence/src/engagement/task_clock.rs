//! What of a company's tasks has its time come: reminders, and tasks that are overdue for too long.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use super::tasks::Task;
use crate::schema::{task_reminders, tasks};
use crate::{StoreError, Tx};

/// Open tasks of the actor's company with reminders that are due, in order of their time: the tasks are held, and those that somebody
/// else holds are left out.
///
/// # Errors
/// Those of the database.
pub fn take_reminders(tx: &mut Tx, limit: i64) -> Result<Vec<(Task, DateTime<Utc>)>, StoreError> {
    let of_task = tasks::tenant_id.eq(task_reminders::tenant_id).and(tasks::id.eq(task_reminders::task_id));
    Ok(task_reminders::table
        .inner_join(tasks::table.on(of_task))
        .filter(task_reminders::tenant_id.eq(tx.actor.tenant_id))
        .filter(task_reminders::told_at.is_null())
        .filter(task_reminders::at.le(tx.now))
        .order((task_reminders::at, task_reminders::task_id))
        .limit(limit)
        .select((Task::as_select(), task_reminders::at))
        .for_update()
        .skip_locked()
        .load(tx.conn)?)
}

/// Notes that a reminder is done with.
///
/// # Errors
/// Those of the database.
pub fn told(tx: &mut Tx, task: &Task, at: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::update(task_reminders::table.find((task.tenant_id, task.id, at)))
        .set(task_reminders::told_at.eq(Some(tx.now)))
        .execute(tx.conn)?;
    Ok(())
}

/// Open tasks of the actor's company that are overdue for too long and that nobody was told of. Held, as with reminders.
///
/// # Errors
/// Those of the database.
pub fn take_escalating(tx: &mut Tx, limit: i64) -> Result<Vec<Task>, StoreError> {
    Ok(escalating(tx)
        .filter(tasks::escalate_at.le(tx.now))
        .order(tasks::escalate_at)
        .limit(limit)
        .select(Task::as_select())
        .for_update()
        .skip_locked()
        .load(tx.conn)?)
}

#[diesel::dsl::auto_type]
fn escalating(tx: &Tx) -> _ {
    let tenant_id: uuid::Uuid = tx.actor.tenant_id;
    tasks::table
        .filter(tasks::tenant_id.eq(tenant_id))
        .filter(tasks::state.eq("open"))
        .filter(tasks::deleted_at.is_null())
        .filter(tasks::escalated_at.is_null())
        .filter(tasks::escalate_at.is_not_null())
}

/// Notes that who leads the assignee was told.
///
/// # Errors
/// Those of the database.
pub fn escalated(tx: &mut Tx, task: &Task) -> Result<(), StoreError> {
    diesel::update(tasks::table.find((task.tenant_id, task.id)))
        .set(tasks::escalated_at.eq(Some(tx.now)))
        .execute(tx.conn)?;
    Ok(())
}

/// When the next reminder or escalation is due.
///
/// # Errors
/// Those of the database.
pub fn next(tx: &mut Tx) -> Result<Option<DateTime<Utc>>, StoreError> {
    let reminder: Option<DateTime<Utc>> = task_reminders::table
        .filter(task_reminders::tenant_id.eq(tx.actor.tenant_id))
        .filter(task_reminders::told_at.is_null())
        .order(task_reminders::at)
        .select(task_reminders::at)
        .first(tx.conn)
        .optional()?;
    let escalation: Option<Option<DateTime<Utc>>> =
        escalating(tx).order(tasks::escalate_at).select(tasks::escalate_at).first(tx.conn).optional()?;
    Ok([reminder, escalation.flatten()].into_iter().flatten().min())
}

/// Companies of the whole installation where something has been due since before an instant: nobody seems to look.
///
/// # Errors
/// Those of the database.
pub fn late(tx: &mut Tx, before: DateTime<Utc>) -> Result<Vec<Uuid>, StoreError> {
    let mut late: Vec<Uuid> = task_reminders::table
        .filter(task_reminders::told_at.is_null())
        .filter(task_reminders::at.lt(before))
        .select(task_reminders::tenant_id)
        .distinct()
        .load(tx.conn)?;
    late.extend(
        tasks::table
            .filter(tasks::state.eq("open"))
            .filter(tasks::deleted_at.is_null())
            .filter(tasks::escalated_at.is_null())
            .filter(tasks::escalate_at.lt(before))
            .select(tasks::tenant_id)
            .distinct()
            .load::<Uuid>(tx.conn)?,
    );
    late.sort();
    late.dedup();
    Ok(late)
}
