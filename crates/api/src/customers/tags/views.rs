//! Tags on the wire.

use chrono::{DateTime, Utc};
use fulcrum_persistence::customers::tags::TagRow;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::customers::customers::choosing::CustomerSelection;
use crate::customers::customers::input::Tag;
use crate::http::body::Input;
use crate::http::catalog::FieldCode;
use crate::http::checks::Checks;
use crate::http::cursor::list_view;
use crate::http::problem::FieldError;
use crate::http::wire::FilterText;

/// What can be said of a tag.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TagInput {
    /// Name, unique however its letters are written. Customers that have it follow a new name in the background.
    #[schema(min_length = 1, max_length = 60, pattern = "\\S", example = "高潜力")]
    pub name: String,
    /// Colour, as six hexadecimal digits.
    #[schema(pattern = "^#[0-9a-f]{6}$", max_length = 7, example = "#d4380d")]
    #[serde(default)]
    pub color: Option<String>,
    /// Which others it belongs with.
    #[schema(max_length = 60, example = "潜力")]
    #[serde(default)]
    pub group: Option<String>,
    /// When it is given.
    #[schema(max_length = 500, example = "预计一年内成交额超过 50 万元")]
    #[serde(default)]
    pub description: Option<String>,
}

impl Input for TagInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        Checks::of(body).not_blank(&["name", "group"]).found()
    }
}

/// A tag of the catalogue.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CatalogTag)]
pub struct TagView {
    /// Id.
    pub id: Uuid,
    /// Name.
    #[schema(max_length = 60, example = "高潜力")]
    pub name: String,
    /// Colour, as six hexadecimal digits.
    #[schema(required, max_length = 7, example = "#d4380d")]
    pub color: Option<String>,
    /// Which others it belongs with.
    #[schema(required, max_length = 60, example = "潜力")]
    pub group: Option<String>,
    /// When it is given.
    #[schema(required, max_length = 500, example = "预计一年内成交额超过 50 万元")]
    pub description: Option<String>,
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
    /// A page of tags.
    TagList of TagView
);

impl From<&TagRow> for TagView {
    fn from(row: &TagRow) -> TagView {
        TagView {
            id: row.id,
            name: row.name.clone(),
            color: row.color.clone(),
            group: row.group_name.clone(),
            description: row.description.clone(),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        }
    }
}

/// Which tags, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct TagQuery {
    /// Of one of these groups.
    #[param(max_items = 50)]
    pub group: Vec<FilterText>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for TagQuery {
    fn default() -> TagQuery {
        TagQuery { group: vec![], cursor: None, limit: 50 }
    }
}

/// Tags to give to many customers, and to take from them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaggingRequest {
    /// Which customers.
    pub customers: CustomerSelection,
    /// Tags that they get.
    #[schema(max_items = 20)]
    #[serde(default)]
    pub add: Vec<Tag>,
    /// Tags that they lose.
    #[schema(max_items = 20)]
    #[serde(default)]
    pub remove: Vec<Tag>,
}

impl Input for TaggingRequest {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        let mut found = CustomerSelection::check("/customers", &body["customers"]);
        found.extend(Checks::of(body).none_blank(&["add", "remove"]).found());
        let none = |name: &str| body[name].as_array().is_none_or(Vec::is_empty);
        if none("add") && none("remove") {
            found.push(FieldError::new("/add", FieldCode::Required));
        }
        found
    }
}
