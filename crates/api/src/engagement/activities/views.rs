//! Activities on the wire.

use chrono::{DateTime, NaiveDate, Utc};
use fulcrum_domain::engagement::{
    ActivityItemKind, ActivityKind, ActivityOutcome, Direction, ParticipantKind,
};
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

/// Somebody who took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Participant {
    /// A colleague, somebody at the customer, or somebody else.
    pub r#type: ParticipantKind,
    /// Which user or contact.
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The name of somebody else.
    #[schema(max_length = 200, example = "王工（实施商）")]
    #[serde(default)]
    pub name: Option<String>,
}

/// Something that was said: a need, an objection, a promise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivityItem {
    /// What it is.
    pub kind: ActivityItemKind,
    /// What was said.
    #[schema(min_length = 1, max_length = 1000, pattern = "\\S", example = "下周三前提供接口文档")]
    pub text: String,
    /// Until when it was promised.
    #[schema(example = "2026-12-02")]
    #[serde(default)]
    pub due_on: Option<NaiveDate>,
    /// Whether that is dealt with: the promise kept, the objection answered.
    #[serde(default)]
    pub done: bool,
}

/// A record that something shows on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubjectLink {
    /// What kind of record.
    pub subject_type: SubjectType,
    /// Which record.
    pub subject_id: Uuid,
}

/// What can be said of an activity.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivityInput {
    /// What it was.
    pub kind: ActivityKind,
    /// From whom it came.
    #[serde(default)]
    pub direction: Option<Direction>,
    /// What it was about, in a few words.
    #[schema(min_length = 1, max_length = 200, pattern = "\\S", example = "确认接口范围")]
    pub subject: String,
    /// What was said.
    #[schema(max_length = 20000, example = "客户希望先上线报表模块。")]
    #[serde(default)]
    pub body: Option<String>,
    /// What came of it.
    #[serde(default)]
    pub outcome: Option<ActivityOutcome>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took, in seconds; a week at most.
    #[schema(minimum = 0, maximum = 604_800, example = 900)]
    #[serde(default)]
    pub duration_seconds: Option<i32>,
    /// Who took part, beside its owner.
    #[schema(max_items = 50)]
    #[serde(default)]
    pub participants: Vec<Participant>,
    /// Needs, objections and promises.
    #[schema(max_items = 50)]
    #[serde(default)]
    pub items: Vec<ActivityItem>,
    /// The records that it shows on. With a contact, it shows on the customer, too.
    #[schema(min_items = 1, max_items = 20)]
    pub links: Vec<SubjectLink>,
    /// Who did it; the caller unless given.
    #[serde(default)]
    pub owner_id: Option<Uuid>,
    /// Ids that other systems know it by, such as that of a call in the telephone system; unique per system.
    #[schema(max_items = 20)]
    #[serde(default)]
    pub external_ids: Vec<ExternalIdView>,
}

impl Input for ActivityInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        let mut errors = Checks::of(body).not_blank(&["subject"]).external_ids().found();
        for (index, one) in body["participants"].as_array().into_iter().flatten().enumerate() {
            let needed = if one["type"] == "other" { "name" } else { "id" };
            if !one["type"].is_null() && one[needed].is_null() {
                errors.push(FieldError::new(format!("/participants/{index}/{needed}"), FieldCode::Required));
            }
        }
        let mut seen = Vec::new();
        for (index, link) in body["links"].as_array().into_iter().flatten().enumerate() {
            if seen.contains(&link) {
                errors.push(FieldError::new(format!("/links/{index}"), FieldCode::Duplicate));
            }
            seen.push(link);
        }
        errors
    }
}

/// Something that somebody did.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Activity)]
pub struct ActivityView {
    /// Id.
    pub id: Uuid,
    /// What it was.
    pub kind: ActivityKind,
    /// From whom it came.
    #[schema(required)]
    pub direction: Option<Direction>,
    /// What it was about, in a few words.
    #[schema(max_length = 200, example = "确认接口范围")]
    pub subject: String,
    /// What was said.
    #[schema(required, max_length = 20000, example = "客户希望先上线报表模块。")]
    pub body: Option<String>,
    /// What came of it.
    #[schema(required)]
    pub outcome: Option<ActivityOutcome>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took, in seconds.
    #[schema(required, minimum = 0, maximum = 604_800, example = 900)]
    pub duration_seconds: Option<i32>,
    /// Who took part, beside its owner.
    #[schema(max_items = 50)]
    pub participants: Vec<Participant>,
    /// Needs, objections and promises.
    #[schema(max_items = 50)]
    pub items: Vec<ActivityItem>,
    /// The records that it shows on, as far as the caller sees them.
    #[schema(max_items = 40)]
    pub links: Vec<SubjectLink>,
    /// Who did it.
    #[schema(required)]
    pub owner_id: Option<Uuid>,
    /// The department where it was done.
    pub department_id: Uuid,
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
    /// A page of activities.
    ActivityList of ActivityView
);

impl From<&Row> for ActivityView {
    fn from(row: &Row) -> ActivityView {
        let input = super::service::input_of(row);
        let Row { activity, .. } = row;
        ActivityView {
            id: activity.id,
            kind: input.kind,
            direction: input.direction,
            subject: input.subject,
            body: input.body,
            outcome: input.outcome,
            started_at: input.started_at,
            duration_seconds: input.duration_seconds,
            participants: input.participants,
            items: input.items,
            links: input.links,
            owner_id: input.owner_id,
            department_id: activity.department_id,
            external_ids: input.external_ids,
            version: activity.version,
            created_at: activity.created_at,
            updated_at: activity.updated_at,
            deleted_at: activity.deleted_at,
        }
    }
}

/// Orders of a list of activities; `-` is descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs)]
pub enum ActivitySort {
    #[serde(rename = "-started_at")]
    LastFirst,
    #[serde(rename = "started_at")]
    FirstFirst,
    #[serde(rename = "-updated_at")]
    ChangedLastFirst,
    #[serde(rename = "updated_at")]
    ChangedFirstFirst,
}

/// Which activities, in which order, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ActivityQuery {
    /// Of one of these kinds.
    #[param(max_items = 5)]
    pub kind: Vec<ActivityKind>,
    /// Of one of these directions.
    #[param(max_items = 2)]
    pub direction: Vec<Direction>,
    /// With one of these outcomes.
    #[param(max_items = 5)]
    pub outcome: Vec<ActivityOutcome>,
    /// Done by one of these.
    #[param(max_items = 50)]
    pub owner_id: Vec<Uuid>,
    /// That show on one of these customers.
    #[param(max_items = 50)]
    pub customer_id: Vec<Uuid>,
    /// That show on one of these contacts.
    #[param(max_items = 50)]
    pub contact_id: Vec<Uuid>,
    /// Where one of these was said.
    #[param(max_items = 3)]
    pub item_kind: Vec<ActivityItemKind>,
    /// `true`: with a promise that isn't kept yet.
    pub open_promises: Option<bool>,
    /// One of these ids in other systems, each as `system:id`.
    #[param(max_items = 50)]
    pub external_id: Vec<ExternalIdText>,
    /// Begun at this instant or later.
    pub started_at_from: Option<DateTime<Utc>>,
    /// Begun at this instant or before.
    pub started_at_to: Option<DateTime<Utc>>,
    /// Changed at this instant or later.
    pub updated_at_from: Option<DateTime<Utc>>,
    /// Changed at this instant or before.
    pub updated_at_to: Option<DateTime<Utc>>,
    /// Order; the last one first unless given.
    #[param(explode = false, max_items = 1)]
    pub sort: Vec<ActivitySort>,
    /// Count the rows of all pages, too.
    pub count: Option<Count>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for ActivityQuery {
    fn default() -> ActivityQuery {
        ActivityQuery {
            kind: vec![],
            direction: vec![],
            outcome: vec![],
            owner_id: vec![],
            customer_id: vec![],
            contact_id: vec![],
            item_kind: vec![],
            open_promises: None,
            external_id: vec![],
            started_at_from: None,
            started_at_to: None,
            updated_at_from: None,
            updated_at_to: None,
            sort: vec![],
            count: None,
            cursor: None,
            limit: 50,
        }
    }
}
