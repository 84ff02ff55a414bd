//! Merges on the wire.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use fulcrum_persistence::customers::merges::{Merge, Moved};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder};
use utoipa::openapi::{Ref, RefOr, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use uuid::Uuid;

use crate::http::body::Input;
use crate::http::catalog::FieldCode;
use crate::http::cursor::list_view;
use crate::http::problem::FieldError;

/// Whose value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergeSide {
    /// That of the customer that stays.
    Survivor,
    /// That of the customer that goes.
    Merged,
}

/// Whose value is kept, by field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MergeChoices(pub BTreeMap<String, MergeSide>);

impl PartialSchema for MergeChoices {
    fn schema() -> RefOr<Schema> {
        let side = Ref::from_schema_name("MergeSide");
        let schema = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("Whose value is kept, by field: `name`, `owner_id`, `custom.region` …"))
            .additional_properties(Some(AdditionalProperties::RefOr(side.into())))
            .max_properties(Some(250))
            .examples([serde_json::json!({ "name": "merged", "phone": "survivor" })]);
        schema.build().into()
    }
}

impl ToSchema for MergeChoices {
    fn name() -> std::borrow::Cow<'static, str> {
        "MergeChoices".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push(("MergeSide".to_owned(), MergeSide::schema()));
    }
}

/// Which customer becomes part of another one.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeRequest {
    /// The customer that goes.
    pub merged_id: Uuid,
    /// Whose value is kept of each field. What isn't named is that of the customer that stays, or, where it has none, that of the
    /// other one; tags, pain points and ids in other systems are put together.
    #[serde(default)]
    pub fields: MergeChoices,
    /// Why.
    #[schema(max_length = 2000, example = "展会名片重复录入")]
    #[serde(default)]
    pub note: Option<String>,
}

impl Input for MergeRequest {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        let never = ["kind", "external_ids"];
        let named = never.iter().filter(|name| !body["fields"][**name].is_null());
        named.map(|name| FieldError::new(format!("/fields/{name}"), FieldCode::NotChangeable)).collect()
    }
}

/// How much went over.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MovedCounts {
    /// Contacts.
    #[schema(minimum = 0, example = 2)]
    pub contact_count: i64,
    /// Activities, those that showed on both among them.
    #[schema(minimum = 0, example = 5)]
    pub activity_count: i64,
    /// Tasks.
    #[schema(minimum = 0, example = 1)]
    pub task_count: i64,
    /// Files, those that belonged to both among them.
    #[schema(minimum = 0, example = 0)]
    pub file_count: i64,
}

/// That a customer became part of another one.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CustomerMerge)]
pub struct MergeView {
    /// Id.
    pub id: Uuid,
    /// The customer that stayed.
    pub survivor_id: Uuid,
    /// The customer that went.
    pub merged_id: Uuid,
    /// How much went over.
    pub moved: MovedCounts,
    /// Why.
    #[schema(required, max_length = 2000, example = "展会名片重复录入")]
    pub note: Option<String>,
    /// Who did it: `user`, `api_client` or `system`.
    #[schema(max_length = 20, example = "user")]
    pub merged_by_type: String,
    /// Their id.
    #[schema(required)]
    pub merged_by_id: Option<Uuid>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it was undone; null while it holds.
    #[schema(required)]
    pub undone_at: Option<DateTime<Utc>>,
    /// Who undid it.
    #[schema(required)]
    pub undone_by_id: Option<Uuid>,
}

list_view!(
    /// A page of merges, newest first.
    CustomerMergeList of MergeView
);

impl From<&Merge> for MergeView {
    fn from(row: &Merge) -> MergeView {
        let moved: Moved = row.moved.read().unwrap_or_default();
        MergeView {
            id: row.id,
            survivor_id: row.survivor_id,
            merged_id: row.merged_id,
            moved: MovedCounts {
                contact_count: moved.contacts.len() as i64,
                activity_count: (moved.activities.len() + moved.shared_activities.len()) as i64,
                task_count: moved.tasks.len() as i64,
                file_count: (moved.files.len() + moved.shared_files.len()) as i64,
            },
            note: row.note.clone(),
            merged_by_type: row.merged_by_type.clone(),
            merged_by_id: row.merged_by_id,
            created_at: row.created_at,
            undone_at: row.undone_at,
            undone_by_id: row.undone_by_id,
        }
    }
}

/// Which merges, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct MergeQuery {
    /// Of one of these customers, as the one that stayed or the one that went.
    #[param(max_items = 50)]
    pub customer_id: Vec<Uuid>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for MergeQuery {
    fn default() -> MergeQuery {
        MergeQuery { customer_id: vec![], cursor: None, limit: 50 }
    }
}
