//! Runs of automations on the wire.

use chrono::{DateTime, Utc};
use fulcrum_persistence::platform::automation_runs::{Filter, Run};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::cursor::list_view;
use crate::http::problem::Problem;
use crate::platform::automations::views::ActionType;

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = AutomationRunState)]
pub enum RunState {
    /// It is going to be asked.
    Waiting,
    /// It did something.
    Fired,
    /// There was nothing for it to do.
    NotFired,
    /// It should have done something and couldn't: nothing was done.
    Failed,
    /// It was stopped instead: it is disabled now.
    Stopped,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = AutomationRunReason)]
pub enum RunReason {
    /// `not_fired`: it was disabled or deleted meanwhile.
    Disabled,
    /// `not_fired`, in dry runs: it doesn't wait for such events.
    EventType,
    /// `not_fired`: its author doesn't see what happened, or the record.
    NotVisible,
    /// `not_fired`: the condition isn't true.
    Condition,
    /// `not_fired`: the condition asks for something that isn't there; `detail` says what.
    ConditionFailed,
    /// `failed`: an action couldn't be done; `actions` says which and why.
    Action,
    /// `failed`: its author has gone or may not sign in any more.
    Author,
    /// `stopped`: too many automations in a row caused it.
    Loop,
    /// `stopped`: it did something too often in an hour.
    Rate,
}

/// What became of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AutomationActionOutcome)]
pub enum ActionOutcome {
    /// It is done.
    Done,
    /// There was nothing to do: it was so already, or who would have been told can't be or doesn't want to.
    Unchanged,
    /// It couldn't be done.
    Failed,
    /// It was done, and taken back because a later one couldn't be.
    Undone,
}

/// What became of an action, in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AutomationActionResult)]
pub struct ActionResult {
    /// What it does.
    #[serde(rename = "type")]
    pub kind: ActionType,
    /// What became of it.
    pub outcome: ActionOutcome,
    /// What kind of record it made or changed: `task`, `notification`, `webhook_delivery`, or the kind of the record.
    #[schema(required, max_length = 40, example = "task")]
    pub subject_type: Option<String>,
    /// Which record.
    #[schema(required)]
    pub subject_id: Option<Uuid>,
    /// Why it couldn't be done: the code of the problem that its own endpoint would answer.
    #[schema(required, max_length = 60, example = json!(null))]
    pub code: Option<String>,
    /// The same in words.
    #[schema(required, max_length = 2000, example = json!(null))]
    pub detail: Option<String>,
}

impl ActionResult {
    /// One that was done.
    pub(crate) fn done(kind: ActionType, record: Option<(&str, Uuid)>) -> ActionResult {
        ActionResult {
            kind,
            outcome: ActionOutcome::Done,
            subject_type: record.map(|(word, _)| word.to_owned()),
            subject_id: record.map(|(_, id)| id),
            code: None,
            detail: None,
        }
    }

    /// One that there was nothing to do for.
    pub(crate) fn unchanged(kind: ActionType, record: Option<(&str, Uuid)>) -> ActionResult {
        ActionResult { outcome: ActionOutcome::Unchanged, ..ActionResult::done(kind, record) }
    }

    /// One that couldn't be done.
    pub(crate) fn failed(kind: ActionType, problem: &Problem) -> ActionResult {
        ActionResult {
            outcome: ActionOutcome::Failed,
            code: Some(problem.code.word().to_owned()),
            detail: Some(shortened(&problem.in_words())),
            ..ActionResult::done(kind, None)
        }
    }

    /// The same one, taken back.
    pub(crate) fn undone(self) -> ActionResult {
        ActionResult { outcome: ActionOutcome::Undone, subject_id: None, subject_type: None, ..self }
    }
}

/// A text for the log of runs.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().filter(|letter| *letter != '\0').take(2000).collect()
}

/// One time that an automation was asked.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AutomationRun)]
pub struct RunView {
    /// Id. What it did has the request id `automation:{id}` in the log.
    pub id: Uuid,
    /// Which automation.
    pub automation_id: Uuid,
    /// In which version.
    #[schema(minimum = 1, example = 1)]
    pub automation_version: i32,
    /// The event that triggered it; null when a time did.
    #[schema(required, max_length = 20, pattern = "^[0-9]+$", example = "1024")]
    pub event_id: Option<String>,
    /// What happened.
    #[schema(required, max_length = 60, example = "customer.updated")]
    pub event_type: Option<String>,
    /// To what kind of record; null for a schedule.
    #[schema(required, max_length = 40, example = "customer")]
    pub subject_type: Option<String>,
    /// To which one.
    #[schema(required)]
    pub subject_id: Option<Uuid>,
    /// How many automations lie before it: 0 when a person, a program or the time triggered it.
    #[schema(minimum = 0, example = 0)]
    pub depth: i32,
    /// What became of it.
    pub state: RunState,
    /// Why.
    #[schema(required)]
    pub reason: Option<RunReason>,
    /// Why, in words.
    #[schema(required, max_length = 2000, example = json!(null))]
    pub detail: Option<String>,
    /// Each action, if it came to that.
    #[schema(max_items = 10)]
    pub actions: Vec<ActionResult>,
    /// When it was put down.
    pub created_at: DateTime<Utc>,
    /// When it was asked; null while it waits.
    #[schema(required)]
    pub finished_at: Option<DateTime<Utc>>,
}

list_view!(
    /// A page of runs, newest first.
    RunList of RunView
);

impl From<&Run> for RunView {
    fn from(row: &Run) -> RunView {
        RunView {
            id: row.id,
            automation_id: row.automation_id,
            automation_version: row.automation_version,
            event_id: row.event_seq.map(|seq| seq.to_string()),
            event_type: row.event_type.clone(),
            subject_type: row.subject_type.clone(),
            subject_id: row.subject_id,
            depth: row.depth,
            state: row.state.parse().unwrap_or(RunState::Waiting),
            reason: row.reason.as_deref().and_then(|reason| reason.parse().ok()),
            detail: row.detail.clone(),
            actions: row.actions.read().unwrap_or_default(),
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

/// Which runs, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct RunQuery {
    /// Of one of these automations.
    #[param(max_items = 50)]
    pub automation_id: Vec<Uuid>,
    /// In one of these states.
    #[param(max_items = 5)]
    pub state: Vec<RunState>,
    /// About one of these records.
    #[param(max_items = 50)]
    pub subject_id: Vec<Uuid>,
    /// Put down at this instant or later.
    pub created_at_from: Option<DateTime<Utc>>,
    /// Put down at this instant or before.
    pub created_at_to: Option<DateTime<Utc>>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for RunQuery {
    fn default() -> RunQuery {
        RunQuery {
            automation_id: vec![],
            state: vec![],
            subject_id: vec![],
            created_at_from: None,
            created_at_to: None,
            cursor: None,
            limit: 50,
        }
    }
}

impl RunQuery {
    /// The filter that the parameters select.
    pub fn filter(&self) -> Filter {
        Filter {
            automation_ids: self.automation_id.clone(),
            states: self.state.iter().map(RunState::to_string).collect(),
            subject_ids: self.subject_id.clone(),
            created_from: self.created_at_from,
            created_to: self.created_at_to,
        }
    }
}
