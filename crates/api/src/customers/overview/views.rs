//! The 360° file on the wire.

use chrono::{DateTime, Utc};
use fulcrum_domain::customers::DecisionRole;
use fulcrum_domain::engagement::{ActivityKind, ActivityOutcome, TaskPriority};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::users::views::UserSummary;
use crate::customers::completeness::views::CompletenessView;
use crate::customers::contacts::views::ContactView;
use crate::customers::customers::views::CustomerView;
use crate::http::cursor::list_view;

/// Everything about a customer at once.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CustomerOverview {
    /// The customer.
    pub customer: CustomerView,
    /// How complete the file is.
    pub completeness: CompletenessView,
    /// The person in charge.
    #[schema(required)]
    pub owner: Option<UserSummary>,
    /// The department.
    #[schema(max_length = 100, example = "华东区")]
    pub department_name: String,
    /// The people at the customer by their role in the decision, those without one last; 100 people at most.
    #[schema(max_items = 10)]
    pub contacts: Vec<ContactsOfRole>,
    /// How many contacts there are.
    #[schema(minimum = 0, example = 3)]
    pub contact_count: i64,
    /// Tasks about it.
    pub tasks: TaskFigures,
    /// The open ones that are due first, 5 at most.
    #[schema(max_items = 5)]
    pub open_tasks: Vec<OpenTask>,
    /// What people did with it.
    pub activities: PartFigures,
    /// The last ones, 5 at most.
    #[schema(max_items = 5)]
    pub latest_activities: Vec<LatestActivity>,
    /// Its files.
    pub files: PartFigures,
    /// The last ones, 5 at most.
    #[schema(max_items = 5)]
    pub latest_files: Vec<LatestFile>,
    /// Pairs with other customers that may be the same, still to be decided.
    #[schema(minimum = 0, example = 0)]
    pub open_duplicates: i64,
    /// The moment that all of it was true at.
    pub as_of: DateTime<Utc>,
}

/// The people with one role in the decision.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ContactsOfRole {
    /// The role; null for who has none.
    #[schema(required)]
    pub decision_role: Option<DecisionRole>,
    /// The people, the one to turn to first.
    #[schema(max_items = 100)]
    pub people: Vec<ContactView>,
}

/// How much there is of something, and when there was something last.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct PartFigures {
    /// How many.
    #[schema(minimum = 0, example = 12)]
    pub total: i64,
    /// When there was something last.
    #[schema(required)]
    pub latest_at: Option<DateTime<Utc>>,
}

/// Tasks in figures.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct TaskFigures {
    /// How many.
    #[schema(minimum = 0, example = 4)]
    pub total: i64,
    /// Those that are open.
    #[schema(minimum = 0, example = 2)]
    pub open: i64,
    /// Those of them that are overdue.
    #[schema(minimum = 0, example = 1)]
    pub overdue: i64,
    /// When one was changed last.
    #[schema(required)]
    pub latest_at: Option<DateTime<Utc>>,
}

/// A task that is open.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OpenTask {
    /// Id.
    pub id: Uuid,
    /// What is to be done.
    #[schema(max_length = 200, example = "3 天后回访")]
    pub title: String,
    /// How urgent it is.
    pub priority: TaskPriority,
    /// Until when.
    #[schema(required)]
    pub due_at: Option<DateTime<Utc>>,
    /// Who is to do it.
    pub assignee_id: Uuid,
}

/// What somebody did.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LatestActivity {
    /// Id.
    pub id: Uuid,
    /// What it was.
    pub kind: ActivityKind,
    /// What it was about.
    #[schema(max_length = 200, example = "确认接口范围")]
    pub subject: String,
    /// What came of it.
    #[schema(required)]
    pub outcome: Option<ActivityOutcome>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Who did it.
    #[schema(required)]
    pub owner_id: Option<Uuid>,
}

/// A file.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LatestFile {
    /// Id.
    pub id: Uuid,
    /// Its name.
    #[schema(max_length = 255, example = "合同.pdf")]
    pub name: String,
    /// Bytes.
    #[schema(minimum = 0, example = 48213)]
    pub size: i64,
    /// What it is.
    #[schema(required, max_length = 60, example = "contract")]
    pub document_kind: Option<String>,
    /// Since when it belongs to the customer.
    pub linked_at: DateTime<Utc>,
}

/// A look at the file of a customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CustomerReadView {
    /// Id.
    pub id: Uuid,
    /// Who looked: `user`, `api_client` or `system`.
    #[schema(max_length = 20, example = "user")]
    pub actor_type: String,
    /// Their id.
    #[schema(required)]
    pub actor_id: Option<Uuid>,
    /// The request that it was.
    #[schema(required, max_length = 128, example = "0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b")]
    pub request_id: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

list_view!(
    /// A page of looks, the last one first.
    CustomerReadList of CustomerReadView
);
