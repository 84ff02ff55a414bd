//! Roles on the wire.

use chrono::{DateTime, Utc};
use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_persistence::access::roles::Role;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::grants;
use crate::http::body::Input;
use crate::http::checks::Checks;
use crate::http::cursor::list_view;
use crate::http::problem::FieldError;

/// What can be said of a role.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleInput {
    /// Stable key for programs.
    #[schema(min_length = 1, max_length = 60, pattern = "^[a-z][a-z0-9_]*$", example = "key_account_rep")]
    pub key: String,
    /// Name.
    #[schema(min_length = 1, max_length = 100, pattern = "\\S", example = "大客户销售")]
    pub name: String,
    /// What people with the role may do.
    #[schema(max_items = 100, example = json!(["customers.customers:read"]))]
    pub permissions: Vec<Permission>,
    /// On which records.
    pub data_scope: DataScope,
}

impl Input for RoleInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        Checks::of(body).not_blank(&["name"]).found()
    }
}

/// A role.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Role)]
pub struct RoleView {
    /// Id.
    pub id: Uuid,
    /// Stable key for programs.
    #[schema(max_length = 60, example = "sales_rep")]
    pub key: String,
    /// Name.
    #[schema(max_length = 100, example = "销售")]
    pub name: String,
    /// What people with the role may do.
    #[schema(max_items = 100, example = json!(["customers.customers:read"]))]
    pub permissions: Vec<Permission>,
    /// On which records.
    pub data_scope: DataScope,
    /// Whether it came with the system: its permissions can change, its key can't.
    pub built_in: bool,
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
    /// A page of roles.
    RoleList of RoleView
);

impl From<&Role> for RoleView {
    fn from(row: &Role) -> RoleView {
        RoleView {
            id: row.id,
            key: row.key.clone(),
            name: row.name.clone(),
            permissions: grants::stored(&row.permissions),
            data_scope: row.data_scope.parse().unwrap_or(DataScope::Own),
            built_in: row.built_in,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        }
    }
}
