//! Handovers on the wire.

use chrono::{DateTime, Utc};
use fulcrum_persistence::customers::handovers::Handover;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::customers::customers::choosing::CustomerSelection;
use crate::http::body::Input;
use crate::http::cursor::list_view;
use crate::http::problem::FieldError;

/// What is given to whom.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandoverRequest {
    /// Which customers.
    pub customers: CustomerSelection,
    /// Who gets them.
    pub to_owner_id: Uuid,
    /// Whether the open tasks of the former owners about these customers go along.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub with_tasks: bool,
    /// What the receiver has to know.
    #[schema(max_length = 5000, example = "华东区全部客户，重点跟进临港项目")]
    #[serde(default)]
    pub note: Option<String>,
}

fn yes() -> bool {
    true
}

impl Input for HandoverRequest {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        CustomerSelection::check("/customers", &body["customers"])
    }
}

/// What was given over, in figures.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct HandoverSummary {
    /// Customers of grade A.
    #[schema(minimum = 0, example = 3)]
    pub grade_a: i64,
    /// Of grade B.
    #[schema(minimum = 0, example = 8)]
    pub grade_b: i64,
    /// Of grade C.
    #[schema(minimum = 0, example = 12)]
    pub grade_c: i64,
    /// VIPs.
    #[schema(minimum = 0, example = 1)]
    pub vip: i64,
    /// Tasks that are overdue.
    #[schema(minimum = 0, example = 2)]
    pub overdue_tasks: i64,
    /// The mean of how complete their files are, in percent.
    #[schema(minimum = 0, maximum = 100, example = 72)]
    pub completeness_percent: i64,
}

/// A handover.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Handover)]
pub struct HandoverView {
    /// Id.
    pub id: Uuid,
    /// Who got the customers.
    pub to_owner_id: Uuid,
    /// Whether open tasks went along.
    pub with_tasks: bool,
    /// What the receiver has to know.
    #[schema(required, max_length = 5000, example = "华东区全部客户，重点跟进临港项目")]
    pub note: Option<String>,
    /// Customers so far; those that the receiver had already don't count.
    #[schema(minimum = 0, example = 23)]
    pub customer_count: i64,
    /// Tasks so far.
    #[schema(minimum = 0, example = 9)]
    pub task_count: i64,
    /// What they are.
    pub summary: HandoverSummary,
    /// Who made it: `user`, `api_client` or `system`.
    #[schema(max_length = 20, example = "user")]
    pub created_by_type: String,
    /// Their id.
    #[schema(required)]
    pub created_by_id: Option<Uuid>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When all were given over.
    #[schema(required)]
    pub finished_at: Option<DateTime<Utc>>,
    /// When it was undone; null while it holds.
    #[schema(required)]
    pub undone_at: Option<DateTime<Utc>>,
}

list_view!(
    /// A page of handovers, newest first.
    HandoverList of HandoverView
);

impl From<&Handover> for HandoverView {
    fn from(row: &Handover) -> HandoverView {
        HandoverView {
            id: row.id,
            to_owner_id: row.to_owner_id,
            with_tasks: row.with_tasks,
            note: row.note.clone(),
            customer_count: row.customer_count,
            task_count: row.task_count,
            summary: row.summary.read().unwrap_or_default(),
            created_by_type: row.created_by_type.clone(),
            created_by_id: row.created_by_id,
            created_at: row.created_at,
            finished_at: row.finished_at,
            undone_at: row.undone_at,
        }
    }
}
