//! What people are told of tasks.

use chrono::{DateTime, Utc};
use fulcrum_domain::platform::notifications::{Content, TaskFacts};
use fulcrum_persistence::access::users;
use fulcrum_persistence::customers::customers;
use fulcrum_persistence::engagement::tasks::{self as store, Task};
use fulcrum_persistence::{StoreError, Tx};
use uuid::Uuid;

use crate::platform::notifications::{NewNotification, Notified, notify};

/// Tells somebody that a task is theirs now; not who gave it to themselves.
pub(super) fn assigned(tx: &mut Tx, task: &Task) -> Result<(), StoreError> {
    if task.state != "open" || tx.actor.user_id() == Some(task.assignee_id) {
        return Ok(());
    }
    let content = Content::TaskAssigned(facts(tx, task)?);
    // Once for each time that it is given to them.
    let key = format!("task_assigned/{}/{}", task.id, task.version);
    tell(tx, task, task.assignee_id, content, key).map(|_| ())
}

/// Reminds the assignee, or who leads them when their account is disabled.
pub(super) fn reminder(tx: &mut Tx, task: &Task, at: DateTime<Utc>) -> Result<(), StoreError> {
    let content = Content::TaskReminder(facts(tx, task)?);
    let key = format!("task_reminder/{}/{}", task.id, at.timestamp_micros());
    if tell(tx, task, task.assignee_id, content.clone(), key.clone())? == Notified::NobodyThere
        && let Some(manager) = users::manager_of(tx, task.assignee_id)?
    {
        tell(tx, task, manager.id, content, key)?;
    }
    Ok(())
}

/// Tells who leads the assignee that a task is overdue; the assignee, where nobody does.
pub(super) fn overdue(tx: &mut Tx, task: &Task) -> Result<(), StoreError> {
    let content = Content::TaskOverdue(facts(tx, task)?);
    let due = task.due_at.map_or(0, |due| due.timestamp_micros());
    let key = format!("task_overdue/{}/{due}", task.id);
    let manager = users::manager_of(tx, task.assignee_id)?;
    let whom = manager.map_or(task.assignee_id, |manager| manager.id);
    tell(tx, task, whom, content, key).map(|_| ())
}

fn tell(
    tx: &mut Tx,
    task: &Task,
    user_id: Uuid,
    content: Content,
    key: String,
) -> Result<Notified, StoreError> {
    let subject = Some((store::SUBJECT, task.id));
    notify(tx, &NewNotification { user_id, content, key, subject, customer_id: task.customer_id })
}

fn facts(tx: &mut Tx, task: &Task) -> Result<TaskFacts, StoreError> {
    let assignee = users::named(tx, &[task.assignee_id])?.pop();
    let customer = match task.customer_id {
        Some(id) => customers::name_of(tx, id)?,
        None => None,
    };
    Ok(TaskFacts {
        title: task.title.clone(),
        due_at: task.due_at,
        assignee_name: assignee.map(|user| user.name),
        customer_name: customer,
    })
}
