//! Operations on the wire.

use chrono::{DateTime, Utc};
use fulcrum_persistence::platform::operations::Operation;
use serde::Serialize;
use serde_json::Value;
use strum::Display;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::cursor::list_view;

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum OperationState {
    /// Nobody has begun with it, or it is tried again later.
    Waiting,
    /// It is being done.
    Running,
    /// It is done.
    Succeeded,
    /// It won't be done: `last_error` tells why.
    Failed,
    /// It was stopped.
    Cancelled,
}

/// A long request.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Operation)]
pub struct OperationView {
    /// Id; the job that does it has the same.
    pub id: Uuid,
    /// What is done.
    #[schema(max_length = 60, example = "platform.webhook_replay")]
    pub kind: String,
    /// Where it stands.
    pub state: OperationState,
    /// Units of work that are done.
    #[schema(minimum = 0, example = 0)]
    pub done: i64,
    /// Units of work in all; null while that isn't known.
    #[schema(required, minimum = 0, example = json!(null))]
    pub total: Option<i64>,
    /// What came out, in the form of its kind; null until it succeeded.
    #[schema(required, value_type = Option<Object>, example = json!(null))]
    pub result: Option<Value>,
    /// Why it failed, or why the last attempt did.
    #[schema(required, max_length = 2000, example = json!(null))]
    pub last_error: Option<String>,
    /// Whether somebody wants it to be stopped.
    pub cancel_requested: bool,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was begun.
    #[schema(required)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[schema(required)]
    pub finished_at: Option<DateTime<Utc>>,
}

list_view!(
    /// A page of operations.
    OperationList of OperationView
);

impl From<&Operation> for OperationView {
    fn from(Operation { job, progress }: &Operation) -> OperationView {
        let cancelled = progress.cancelled_at.is_some();
        let state = match job.state.as_str() {
            "succeeded" | "discarded" if cancelled => OperationState::Cancelled,
            "discarded" => OperationState::Cancelled,
            "succeeded" => OperationState::Succeeded,
            "running" => OperationState::Running,
            "dead" => OperationState::Failed,
            _ => OperationState::Waiting,
        };
        OperationView {
            id: job.id,
            kind: job.kind.clone(),
            state,
            done: progress.done,
            total: progress.total,
            result: progress.result.as_ref().and_then(|result| result.read()),
            last_error: job.last_error.clone(),
            cancel_requested: progress.cancel_requested_at.is_some() || cancelled,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
        }
    }
}
