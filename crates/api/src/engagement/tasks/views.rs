//! Tasks on the wire.

use chrono::{DateTime, Utc};
use fulcrum_domain::engagement::{TaskPriority, TaskState};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::service::Row;
use crate::http::body::Input;
use crate::http::catalog::FieldCode;
use crate::http::checks::Checks;
use crate::http::cursor::list_view;
use crate::http::problem::FieldError;
use crate::http::wire::{Count, ExternalIdText, ExternalIdView};
use crate::subjects::SubjectType;

/// A part of a task that can be done by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChecklistItem {
    /// What.
    #[schema(min_length = 1, max_length = 500, pattern = "\\S", example = "准备报价单")]
    pub text: String,
    /// Whether it is done.
    #[serde(default)]
    pub done: bool,
}

/// What can be said of a task.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskInput {
    /// What is to be done, in a few words.
    #[schema(min_length = 1, max_length = 200, pattern = "\\S", example = "3 天后回访")]
    pub title: String,
    /// What else there is to know.
    #[schema(max_length = 20000, example = "确认试点范围与预算。")]
    #[serde(default)]
    pub description: Option<String>,
    /// What became of it; `open` unless given. One that comes again brings its next one forth when it is done or cancelled.
    #[serde(default = "open")]
    #[schema(default = "open")]
    pub state: TaskState,
    /// How urgent it is; `normal` unless given.
    #[serde(default = "normal")]
    #[schema(default = "normal")]
    pub priority: TaskPriority,
    /// Until when.
    #[serde(default)]
    pub due_at: Option<DateTime<Utc>>,
    /// When its assignee is reminded. What is added has to be in the future.
    #[schema(max_items = 10)]
    #[serde(default)]
    pub reminders: Vec<DateTime<Utc>>,
    /// Minutes that it may be overdue before who leads the assignee is told; as the company has it (`/v1/company`) unless given.
    #[schema(minimum = 0, maximum = 525_600, example = 240)]
    #[serde(default)]
    pub escalate_after_minutes: Option<i32>,
    /// How it comes again, counted from `due_at`: the value of an RRULE property (RFC 5545) with COUNT or UNTIL, at most daily and 1,000
    /// times. Days that a month doesn't have are left out; `BYMONTHDAY=-1` is the last one.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = "^[A-Z0-9=;,+-]+$",
        example = "FREQ=WEEKLY;BYDAY=MO;COUNT=12"
    )]
    #[serde(default)]
    pub recurrence: Option<String>,
    /// The IANA time zone on whose calendar it comes again; the caller's unless given.
    #[schema(min_length = 1, max_length = 60, example = "Asia/Shanghai")]
    #[serde(default)]
    pub time_zone: Option<String>,
    /// What kind of record it is about; needs `subject_id`.
    #[serde(default)]
    pub subject_type: Option<SubjectType>,
    /// Which record it is about; needs `subject_type`.
    #[serde(default)]
    pub subject_id: Option<Uuid>,
    /// Parts that can be done by themselves.
    #[schema(max_items = 100)]
    #[serde(default)]
    pub checklist: Vec<ChecklistItem>,
    /// Who is to do it; the caller unless given.
    #[serde(default)]
    pub assignee_id: Option<Uuid>,
    /// Ids that other systems know it by; unique per system.
    #[schema(max_items = 20)]
    #[serde(default)]
    pub external_ids: Vec<ExternalIdView>,
}

fn open() -> TaskState {
    TaskState::Open
}

fn normal() -> TaskPriority {
    TaskPriority::Normal
}

impl Input for TaskInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        let missing = |given: &str, other: &str| !body[given].is_null() && body[other].is_null();
        let required = |name: &str| FieldError::new(format!("/{name}"), FieldCode::Required);
        let zone = body["time_zone"].as_str();
        Checks::of(body)
            .not_blank(&["title"])
            .external_ids()
            .when(missing("subject_type", "subject_id"), || required("subject_id"))
            .when(missing("subject_id", "subject_type"), || required("subject_type"))
            .when(missing("recurrence", "due_at"), || required("due_at"))
            .when(zone.is_some_and(|zone| zone.parse::<chrono_tz::Tz>().is_err()), || {
                FieldError::new("/time_zone", FieldCode::TimeZoneUnknown)
            })
            .found()
    }
}

/// Something that somebody has to do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Task)]
pub struct TaskView {
    /// Id.
    pub id: Uuid,
    /// What is to be done, in a few words.
    #[schema(max_length = 200, example = "3 天后回访")]
    pub title: String,
    /// What else there is to know.
    #[schema(required, max_length = 20000, example = "确认试点范围与预算。")]
    pub description: Option<String>,
    /// What became of it.
    pub state: TaskState,
    /// How urgent it is.
    pub priority: TaskPriority,
    /// Until when.
    #[schema(required)]
    pub due_at: Option<DateTime<Utc>>,
    /// Whether it is open and its time has passed.
    pub overdue: bool,
    /// When its assignee is reminded, in order.
    #[schema(max_items = 10)]
    pub reminders: Vec<DateTime<Utc>>,
    /// Minutes that it may be overdue; null for what the company has.
    #[schema(required, minimum = 0, example = 240)]
    pub escalate_after_minutes: Option<i32>,
    /// When who leads the assignee is told, unless it is done by then.
    #[schema(required)]
    pub escalate_at: Option<DateTime<Utc>>,
    /// When they were told.
    #[schema(required)]
    pub escalated_at: Option<DateTime<Utc>>,
    /// How it comes again.
    #[schema(required, max_length = 200, example = "FREQ=WEEKLY;BYDAY=MO;COUNT=12")]
    pub recurrence: Option<String>,
    /// On whose calendar.
    #[schema(max_length = 60, example = "Asia/Shanghai")]
    pub time_zone: String,
    /// The series that it is one of.
    #[schema(required)]
    pub series_id: Option<Uuid>,
    /// The how-manieth of the series it is.
    #[schema(required, minimum = 1, example = 1)]
    pub occurrence: Option<i32>,
    /// What kind of record it is about.
    #[schema(required)]
    pub subject_type: Option<SubjectType>,
    /// Which record it is about.
    #[schema(required)]
    pub subject_id: Option<Uuid>,
    /// The customer that it concerns.
    #[schema(required)]
    pub customer_id: Option<Uuid>,
    /// Parts that can be done by themselves.
    #[schema(max_items = 100)]
    pub checklist: Vec<ChecklistItem>,
    /// Who is to do it.
    pub assignee_id: Uuid,
    /// The assignee's department.
    pub department_id: Uuid,
    /// `user`, `api_client` or `system`
    #[schema(max_length = 20, example = "user")]
    pub created_by_type: String,
    /// Who made it.
    #[schema(required)]
    pub created_by_id: Option<Uuid>,
    /// When it was done or cancelled.
    #[schema(required)]
    pub completed_at: Option<DateTime<Utc>>,
    /// Who did that.
    #[schema(required)]
    pub completed_by_id: Option<Uuid>,
    /// Ids in other systems.
    #[schema(max_items = 20)]
    pub external_ids: Vec<ExternalIdView>,
    /// Grows by one with each change; the ETag.
    #[schema(minimum = 1, example = 1)]
    pub version: i32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was deleted; null while it isn't.
    #[schema(required)]
    pub deleted_at: Option<DateTime<Utc>>,
}

list_view!(
    /// A page of tasks.
    TaskList of TaskView
);

impl From<&Row> for TaskView {
    fn from(row: &Row) -> TaskView {
        let input = super::service::input_of(row);
        let Row { task, now, .. } = row;
        TaskView {
            id: task.id,
            title: input.title,
            description: input.description,
            state: input.state,
            priority: input.priority,
            due_at: task.due_at,
            overdue: input.state == TaskState::Open && task.due_at.is_some_and(|due| due < *now),
            reminders: input.reminders,
            escalate_after_minutes: task.escalate_after_minutes,
            escalate_at: task.escalate_at,
            escalated_at: task.escalated_at,
            recurrence: input.recurrence,
            time_zone: task.time_zone.clone(),
            series_id: task.series_id,
            occurrence: task.occurrence,
            subject_type: input.subject_type,
            subject_id: input.subject_id,
            customer_id: task.customer_id,
            checklist: input.checklist,
            assignee_id: task.assignee_id,
            department_id: task.department_id,
            created_by_type: task.created_by_type.clone(),
            created_by_id: task.created_by_id,
            completed_at: task.completed_at,
            completed_by_id: task.completed_by_id,
            external_ids: input.external_ids,
            version: task.version,
            created_at: task.created_at,
            updated_at: task.updated_at,
            deleted_at: task.deleted_at,
        }
    }
}

/// Orders of a list of tasks; `-` is descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs)]
pub enum TaskSort {
    #[serde(rename = "due_at")]
    DueFirst,
    #[serde(rename = "-due_at")]
    DueLast,
    #[serde(rename = "-created_at")]
    NewestFirst,
    #[serde(rename = "created_at")]
    OldestFirst,
    #[serde(rename = "-updated_at")]
    ChangedLastFirst,
    #[serde(rename = "updated_at")]
    ChangedFirstFirst,
}

/// Which tasks, in which order, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct TaskQuery {
    /// In one of these states.
    #[param(max_items = 3)]
    pub state: Vec<TaskState>,
    /// Of one of these priorities.
    #[param(max_items = 4)]
    pub priority: Vec<TaskPriority>,
    /// For one of these to do.
    #[param(max_items = 50)]
    pub assignee_id: Vec<Uuid>,
    /// Made by one of these.
    #[param(max_items = 50)]
    pub created_by_id: Vec<Uuid>,
    /// Concerning one of these customers.
    #[param(max_items = 50)]
    pub customer_id: Vec<Uuid>,
    /// About one of these contacts.
    #[param(max_items = 50)]
    pub contact_id: Vec<Uuid>,
    /// Of this series.
    pub series_id: Option<Uuid>,
    /// `true`: open, and their time has passed.
    pub overdue: Option<bool>,
    /// One of these ids in other systems, each as `system:id`.
    #[param(max_items = 50)]
    pub external_id: Vec<ExternalIdText>,
    /// Due at this instant or later.
    pub due_at_from: Option<DateTime<Utc>>,
    /// Due at this instant or before.
    pub due_at_to: Option<DateTime<Utc>>,
    /// Changed at this instant or later.
    pub updated_at_from: Option<DateTime<Utc>>,
    /// Changed at this instant or before.
    pub updated_at_to: Option<DateTime<Utc>>,
    /// Order; what is due first unless given, and what is never due last.
    #[param(explode = false, max_items = 1)]
    pub sort: Vec<TaskSort>,
    /// Count the rows of all pages, too.
    pub count: Option<Count>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for TaskQuery {
    fn default() -> TaskQuery {
        TaskQuery {
            state: vec![],
            priority: vec![],
            assignee_id: vec![],
            created_by_id: vec![],
            customer_id: vec![],
            contact_id: vec![],
            series_id: None,
            overdue: None,
            external_id: vec![],
            due_at_from: None,
            due_at_to: None,
            updated_at_from: None,
            updated_at_to: None,
            sort: vec![],
            count: None,
            cursor: None,
            limit: 50,
        }
    }
}
