//! Decisions on the wire.

use fulcrum_domain::access::Permission;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExplainedRecord {
    /// A customer.
    Customer,
    /// A contact.
    Contact,
    /// An activity.
    Activity,
    /// A task.
    Task,
}

/// What to explain.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DecisionQuery {
    /// The person; the caller unless given.
    #[serde(default)]
    pub user_id: Option<Uuid>,
    /// What the person wants to do.
    pub permission: Permission,
    /// To what kind of record; to be given together with `record_id`.
    #[serde(default)]
    pub record_type: Option<ExplainedRecord>,
    /// To which record.
    #[serde(default)]
    pub record_id: Option<Uuid>,
}

/// A decision and its reasons.
#[derive(Debug, Serialize, ToSchema)]
pub struct Decision {
    /// Whether the person may.
    pub allowed: bool,
    /// Each thing that was looked at, in order.
    #[schema(max_items = 10)]
    pub checks: Vec<DecisionCheck>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionCheck {
    /// `account`, `permission` or `data_scope`
    #[schema(max_length = 40, example = "data_scope")]
    pub check: &'static str,
    /// Whether it speaks for the person.
    pub passed: bool,
    /// Why.
    #[schema(
        max_length = 1000,
        example = "The role sales_rep has the data scope own; the record belongs to somebody else."
    )]
    pub reason: String,
}
