//! What can be done with tasks.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use fulcrum_domain::access::Permission;
use fulcrum_domain::engagement::{Recurrence, TaskPriority, TaskState};
use fulcrum_domain::values::text::{clean_line, clean_text};
use fulcrum_persistence::access::tenants;
use fulcrum_persistence::engagement::tasks::{self as store, Filter, Sort, Task};
use fulcrum_persistence::{Json, StoreError, Tx};
use serde_json::json;
use uuid::Uuid;

use super::views::{TaskInput, TaskList, TaskQuery, TaskSort, TaskView};
use super::{clock, occurrences, telling};
use crate::App;
use crate::access::users::service::assignable;
use crate::customers::rules;
use crate::http::catalog::{Code, FieldCode};
use crate::http::cursor::List;
use crate::http::problem::{FieldError, Problem};
use crate::http::wire::Count;
use crate::records::{self, Resource, Stamp};
use crate::subjects::{self, SubjectType};

/// Tasks as records.
pub enum Tasks {}

/// A task with its reminders, as it is at an instant.
#[derive(Clone)]
pub struct Row {
    /// The task.
    pub task: Task,
    /// In order.
    pub reminders: Vec<DateTime<Utc>>,
    /// When it was read.
    pub now: DateTime<Utc>,
}

impl Resource for Tasks {
    type Row = Row;
    type Input = TaskInput;
    type View = TaskView;
    const SUBJECT: &'static str = store::SUBJECT;
    const COLLECTION: &'static str = "tasks";
    const DELETE: Permission = Permission::TasksDelete;

    fn input_of(row: &Row) -> TaskInput {
        input_of(row)
    }

    fn view(row: &Row) -> TaskView {
        TaskView::from(row)
    }

    fn stamp(row: &Row) -> Stamp {
        let Task { id, version, deleted_at, customer_id, department_id, .. } = row.task;
        Stamp { customer_id, department_id: Some(department_id), ..Stamp::of(id, version, deleted_at) }
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<Row, Problem> {
        let task = store::find(tx, id)?;
        with_reminders(tx, task)
    }

    fn lock(tx: &mut Tx, id: Uuid) -> Result<Row, Problem> {
        let task = store::lock(tx, id)?;
        if !store::is_in_reach(tx, id)? {
            return Err(Problem::new(Code::ReadOnly));
        }
        with_reminders(tx, task)
    }

    fn insert(tx: &mut Tx, input: TaskInput) -> Result<Row, Problem> {
        let blank = Task {
            tenant_id: tx.actor.tenant_id,
            id: Uuid::now_v7(),
            title: String::new(),
            description: None,
            state: TaskState::Open.to_string(),
            priority: String::new(),
            due_at: None,
            time_zone: tx.actor.time_zone.name().to_owned(),
            recurrence: None,
            series_id: None,
            occurrence: None,
            series_starts_at: None,
            scheduled_at: None,
            escalate_after_minutes: None,
            escalate_at: None,
            escalated_at: None,
            customer_id: None,
            contact_id: None,
            checklist: Json::empty_list(),
            external_ids: Json::empty_list(),
            // Nobody yet.
            assignee_id: Uuid::nil(),
            department_id: Uuid::nil(),
            created_by_type: tx.actor.principal_type().into(),
            created_by_id: tx.actor.principal_id(),
            completed_at: None,
            completed_by_id: None,
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
            deleted_at: None,
        };
        let before = Row { task: blank, reminders: vec![], now: tx.now };
        let row = planned(tx, &before, input)?;
        store::insert(tx, &row.task, &row.reminders)?;
        let (none, ids) = (Json::empty_list(), &row.task.external_ids);
        records::replace_external_ids::<Tasks>(tx, row.task.id, &none, ids)?;
        telling::assigned(tx, &row.task)?;
        clock::wind(tx, &row)?;
        Ok(row)
    }

    fn change(tx: &mut Tx, before: &Row, input: TaskInput) -> Result<Row, Problem> {
        let mut after = planned(tx, before, input)?;
        if json!(input_of(before)) == json!(input_of(&after)) {
            return Ok(before.clone());
        }
        after.task.version += 1;
        after.task.updated_at = tx.now;
        store::replace(tx, &after.task, &before.reminders, &after.reminders)?;
        let (old, new) = (&before.task.external_ids, &after.task.external_ids);
        records::replace_external_ids::<Tasks>(tx, after.task.id, old, new)?;
        if is_open(&before.task) && !is_open(&after.task) {
            occurrences::bring_forth(tx, &after)?;
        }
        if after.task.assignee_id != before.task.assignee_id {
            telling::assigned(tx, &after.task)?;
        }
        clock::wind(tx, &after)?;
        Ok(after)
    }

    fn set_deleted(tx: &mut Tx, before: &Row, deleted: bool) -> Result<Row, Problem> {
        let mut after = before.clone();
        after.task.deleted_at = deleted.then_some(tx.now);
        after.task.version += 1;
        after.task.updated_at = tx.now;
        store::replace(tx, &after.task, &before.reminders, &after.reminders)?;
        clock::wind(tx, &after)?;
        Ok(after)
    }
}

fn is_open(task: &Task) -> bool {
    task.state == <&str>::from(TaskState::Open)
}

/// A task as it was, or a blank one, filled with what is wanted of it.
fn planned(tx: &mut Tx, before: &Row, input: TaskInput) -> Result<Row, Problem> {
    let old = &before.task;
    let is_new = old.assignee_id.is_nil();
    let assignee_id = input.assignee_id.or(tx.actor.user_id().filter(|_| is_new)).or(Some(old.assignee_id));
    let assignee_id = assignee_id.filter(|id| !id.is_nil());
    let assignee_id = assignee_id.ok_or_else(|| Problem::field("/assignee_id", FieldCode::Required))?;
    let mut department_id = old.department_id;
    if assignee_id != old.assignee_id {
        department_id = assignable(tx, assignee_id, "/assignee_id")?.department_id;
    }
    let (customer_id, contact_id) = subject(tx, before, &input)?;
    let mut reminders: Vec<DateTime<Utc>> = input.reminders.iter().map(|at| at.trunc_subsecs(6)).collect();
    reminders.sort();
    reminders.dedup();
    let past = |at: &DateTime<Utc>| *at <= tx.now && !before.reminders.contains(at);
    let wrong = input.reminders.iter().map(|at| at.trunc_subsecs(6)).enumerate().filter(|(_, at)| past(at));
    let mut errors: Vec<FieldError> = wrong
        .map(|(place, _)| FieldError::new(format!("/reminders/{place}"), FieldCode::InThePast))
        .collect();
    let mut task = filled(Task { assignee_id, department_id, customer_id, contact_id, ..old.clone() }, input);
    follow_state(tx, old, &mut task);
    errors.extend(follow_series(tx, old, &mut task).err());
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    follow_due(tx, old, &mut task)?;
    Ok(Row { task, reminders, now: tx.now })
}

/// The record that it is about: the customer, and the contact if it is one.
fn subject(tx: &mut Tx, before: &Row, input: &TaskInput) -> Result<(Option<Uuid>, Option<Uuid>), Problem> {
    let wanted = input.subject_type.zip(input.subject_id);
    if wanted == subject_of(&before.task) {
        return Ok((before.task.customer_id, before.task.contact_id));
    }
    let Some((kind, id)) = wanted else { return Ok((None, None)) };
    let found = subjects::lock(tx, kind, id, "/subject_id")?;
    Ok((Some(found.customer_id), (kind == SubjectType::Contact).then_some(id)))
}

fn subject_of(task: &Task) -> Option<(SubjectType, Uuid)> {
    let contact = task.contact_id.map(|id| (SubjectType::Contact, id));
    contact.or(task.customer_id.map(|id| (SubjectType::Customer, id)))
}

fn follow_state(tx: &Tx, old: &Task, task: &mut Task) {
    if task.state == old.state {
        return;
    }
    let over = !is_open(task);
    task.completed_at = over.then_some(tx.now);
    task.completed_by_id = tx.actor.principal_id().filter(|_| over);
}

/// A rule that is new, or that begins at another time, begins a series.
fn follow_series(tx: &Tx, old: &Task, task: &mut Task) -> Result<(), FieldError> {
    let (Some(rule), Some(due_at)) = (&task.recurrence, task.due_at) else {
        // What was one of a series stays that; nothing comes after it.
        return Ok(());
    };
    if task.recurrence == old.recurrence && task.time_zone == old.time_zone {
        // Put off alone: the others come when they would have come.
        return Ok(());
    }
    let zone = task.time_zone.parse().unwrap_or(tx.actor.time_zone);
    Recurrence::parse(rule, due_at, zone).map_err(|error| {
        FieldError::new("/recurrence", FieldCode::Schedule).with("reason", error.to_string())
    })?;
    task.series_id = Some(Uuid::now_v7());
    task.occurrence = Some(1);
    task.series_starts_at = Some(due_at);
    task.scheduled_at = Some(due_at);
    Ok(())
}

/// When who leads the assignee is told. That they were told counts for the time that it was due then.
fn follow_due(tx: &mut Tx, old: &Task, task: &mut Task) -> Result<(), Problem> {
    let same = task.due_at == old.due_at && task.escalate_after_minutes == old.escalate_after_minutes;
    if same && !old.assignee_id.is_nil() {
        return Ok(());
    }
    task.escalate_at = match task.due_at {
        Some(due_at) => {
            let minutes = match task.escalate_after_minutes {
                Some(minutes) => minutes,
                None => company_minutes(tx)?,
            };
            due_at.checked_add_signed(TimeDelta::minutes(minutes.into()))
        }
        None => None,
    };
    task.escalated_at = None;
    Ok(())
}

pub(super) fn company_minutes(tx: &mut Tx) -> Result<i32, StoreError> {
    let company = tenants::find(tx, tx.actor.tenant_id)?.ok_or(StoreError::NotFound)?;
    Ok(company.task_escalation_minutes)
}

fn with_reminders(tx: &mut Tx, task: Task) -> Result<Row, Problem> {
    let mut rows = all_with_reminders(tx, vec![task])?;
    rows.pop().ok_or_else(|| Problem::new(Code::NotFound))
}

fn all_with_reminders(tx: &mut Tx, tasks: Vec<Task>) -> Result<Vec<Row>, Problem> {
    let ids: Vec<Uuid> = tasks.iter().map(|task| task.id).collect();
    let reminders = store::reminders(tx, &ids)?;
    let now = tx.now;
    let with = |task: Task| {
        let own = reminders.iter().filter(|(id, _)| *id == task.id).map(|(_, at)| *at).collect();
        Row { task, reminders: own, now }
    };
    Ok(tasks.into_iter().map(with).collect())
}

/// The writable part of a stored task.
pub fn input_of(row: &Row) -> TaskInput {
    let Row { task, reminders, .. } = row;
    let subject = subject_of(task);
    TaskInput {
        title: task.title.clone(),
        description: task.description.clone(),
        state: task.state.parse().unwrap_or(TaskState::Open),
        priority: task.priority.parse().unwrap_or(TaskPriority::Normal),
        due_at: task.due_at,
        reminders: reminders.clone(),
        escalate_after_minutes: task.escalate_after_minutes,
        recurrence: task.recurrence.clone(),
        time_zone: Some(task.time_zone.clone()),
        subject_type: subject.map(|(kind, _)| kind),
        subject_id: subject.map(|(_, id)| id),
        checklist: task.checklist.read().unwrap_or_default(),
        assignee_id: Some(task.assignee_id),
        external_ids: rules::stored_external_ids(&task.external_ids),
    }
}

fn filled(row: Task, mut input: TaskInput) -> Task {
    for item in &mut input.checklist {
        item.text = clean_line(&item.text);
    }
    Task {
        title: clean_line(&input.title),
        description: input.description.map(|text| clean_text(&text)).filter(|text| !text.is_empty()),
        state: input.state.to_string(),
        priority: input.priority.to_string(),
        // As it is stored.
        due_at: input.due_at.map(|at| at.trunc_subsecs(6)),
        time_zone: input.time_zone.unwrap_or(row.time_zone),
        recurrence: input.recurrence,
        escalate_after_minutes: input.escalate_after_minutes,
        checklist: Json::of(&input.checklist),
        external_ids: Json::of(&input.external_ids),
        ..row
    }
}

/// A page of tasks.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &TaskQuery) -> Result<TaskList, Problem> {
    let filter = filter_of(tx, query);
    let sort = match query.sort.first() {
        None | Some(TaskSort::DueFirst) => Sort::Due { descending: false },
        Some(TaskSort::DueLast) => Sort::Due { descending: true },
        Some(TaskSort::NewestFirst) => Sort::Created { descending: true },
        Some(TaskSort::OldestFirst) => Sort::Created { descending: false },
        Some(TaskSort::ChangedLastFirst) => Sort::Updated { descending: true },
        Some(TaskSort::ChangedFirstFirst) => Sort::Updated { descending: false },
    };
    let unpaged = TaskQuery { cursor: None, limit: 0, count: None, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, Tasks::COLLECTION, &unpaged);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &filter, sort, &page)?;
    let (rows, next_cursor) = list.cut(&app.keys, rows, query.limit);
    let total_count = match query.count {
        Some(Count::Exact) => Some(store::count(tx, &filter)?),
        Some(Count::Estimated) => Some(store::estimate(tx, &filter)?),
        None => None,
    };
    let data = all_with_reminders(tx, rows)?.iter().map(TaskView::from).collect();
    Ok(TaskList { data, next_cursor, total_count })
}

fn filter_of(tx: &Tx, query: &TaskQuery) -> Filter {
    let external: Vec<String> = query.external_id.iter().map(|text| text.0.clone()).collect();
    let mut filter = Filter {
        states: query.state.iter().map(ToString::to_string).collect(),
        priorities: query.priority.iter().map(ToString::to_string).collect(),
        assignee_ids: query.assignee_id.clone(),
        created_by_ids: query.created_by_id.clone(),
        customer_ids: query.customer_id.clone(),
        contact_ids: query.contact_id.clone(),
        series_id: query.series_id,
        external_ids: rules::external_id_filter(&external),
        due_from: query.due_at_from,
        due_to: query.due_at_to,
        updated_from: query.updated_at_from,
        updated_to: query.updated_at_to,
    };
    if query.overdue == Some(true) {
        // What is in another state is not overdue, whatever else is asked for.
        let open = TaskState::Open.to_string();
        let asked = filter.states.is_empty() || filter.states.contains(&open);
        filter.states = vec![if asked { open } else { "none".into() }];
        filter.due_to = Some(filter.due_to.map_or(tx.now, |to| to.min(tx.now)));
    }
    filter
}
