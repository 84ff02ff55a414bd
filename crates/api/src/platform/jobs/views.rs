//! Jobs on the wire.

use chrono::{DateTime, Utc};
use fulcrum_persistence::platform::jobs::{Filter, Job};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::cursor::list_view;
use crate::http::wire::FilterText;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum JobState {
    /// It waits for its time, or for a worker.
    Waiting,
    /// A worker does it.
    Running,
    /// It is done.
    Succeeded,
    /// It failed as often as it may; somebody has to look at it.
    Dead,
    /// It was given up.
    Discarded,
}

/// Something that is done later.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub struct JobView {
    /// Id.
    pub id: Uuid,
    /// What is to be done.
    #[schema(max_length = 60, example = "platform.upkeep")]
    pub kind: String,
    /// Where it stands.
    pub state: JobState,
    /// 0 is done before 1, and 1 before 2, among the jobs of the company.
    #[schema(minimum = 0, maximum = 2, example = 1)]
    pub priority: i16,
    /// `user` or `api_client`; null when the installation itself wants it.
    #[schema(required, max_length = 20, example = "user")]
    pub requested_by_type: Option<String>,
    /// Who wants it.
    #[schema(required)]
    pub requested_by_id: Option<Uuid>,
    /// When it is due, or was.
    pub run_at: DateTime<Utc>,
    /// How often it was tried.
    #[schema(minimum = 0, example = 0)]
    pub attempts: i32,
    /// How often it is tried at most.
    #[schema(minimum = 1, example = 12)]
    pub max_attempts: i32,
    /// Why the last attempt failed.
    #[schema(required, max_length = 2000, example = json!(null))]
    pub last_error: Option<String>,
    /// When it was put down.
    pub created_at: DateTime<Utc>,
    /// When the last attempt began.
    #[schema(required)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[schema(required)]
    pub finished_at: Option<DateTime<Utc>>,
}

list_view!(
    /// A page of jobs.
    JobList of JobView
);

impl From<&Job> for JobView {
    fn from(row: &Job) -> JobView {
        JobView {
            id: row.id,
            kind: row.kind.clone(),
            // A word of another release: it is not done yet.
            state: row.state.parse().unwrap_or(JobState::Waiting),
            priority: row.priority,
            requested_by_type: row.requested_by_type.clone(),
            requested_by_id: row.requested_by_id,
            run_at: row.run_at,
            attempts: row.attempts,
            max_attempts: row.max_attempts,
            last_error: row.last_error.clone(),
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        }
    }
}

/// Which jobs, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct JobQuery {
    /// In one of these states.
    #[param(max_items = 5)]
    pub state: Vec<JobState>,
    /// Of one of these kinds.
    #[param(max_items = 50)]
    pub kind: Vec<FilterText>,
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

impl Default for JobQuery {
    fn default() -> JobQuery {
        JobQuery {
            state: vec![],
            kind: vec![],
            created_at_from: None,
            created_at_to: None,
            cursor: None,
            limit: 50,
        }
    }
}

impl JobQuery {
    /// The filter that the parameters select.
    pub fn filter(&self) -> Filter {
        Filter {
            states: self.state.iter().map(JobState::to_string).collect(),
            kinds: self.kind.iter().map(|kind| kind.0.clone()).collect(),
            created_from: self.created_at_from,
            created_to: self.created_at_to,
        }
    }
}
