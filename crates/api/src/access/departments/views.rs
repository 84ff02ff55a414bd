//! Departments on the wire.

use chrono::{DateTime, Utc};
use fulcrum_persistence::access::departments::Department;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::body::Input;
use crate::http::checks::Checks;
use crate::http::cursor::list_view;
use crate::http::problem::FieldError;

/// What can be said of a department.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DepartmentInput {
    /// Name, unique below its parent.
    #[schema(min_length = 1, max_length = 100, pattern = "\\S", example = "华东区")]
    pub name: String,
    /// The department above; null at the top.
    #[serde(default)]
    pub parent_id: Option<Uuid>,
    /// Who leads it: whom overdue tasks of its people go to.
    #[serde(default)]
    pub manager_id: Option<Uuid>,
}

impl Input for DepartmentInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        Checks::of(body).not_blank(&["name"]).found()
    }
}

/// A department.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Department)]
pub struct DepartmentView {
    /// Id.
    pub id: Uuid,
    /// Name.
    #[schema(max_length = 100, example = "华东区")]
    pub name: String,
    /// The department above.
    #[schema(required)]
    pub parent_id: Option<Uuid>,
    /// Who leads it.
    #[schema(required)]
    pub manager_id: Option<Uuid>,
    /// The ids from the top down to this department.
    #[schema(max_items = 12)]
    pub path: Vec<Uuid>,
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
    /// A page of departments.
    DepartmentList of DepartmentView
);

impl From<&Department> for DepartmentView {
    fn from(row: &Department) -> DepartmentView {
        DepartmentView {
            id: row.id,
            name: row.name.clone(),
            parent_id: row.parent_id,
            manager_id: row.manager_id,
            path: row.path.split('/').filter_map(|id| id.parse().ok()).collect(),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        }
    }
}

/// Which departments, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct DepartmentQuery {
    /// Directly below this one.
    pub parent_id: Option<Uuid>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for DepartmentQuery {
    fn default() -> DepartmentQuery {
        DepartmentQuery { parent_id: None, cursor: None, limit: 50 }
    }
}
