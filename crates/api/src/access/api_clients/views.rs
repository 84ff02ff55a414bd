//! API clients on the wire.

use chrono::{DateTime, Utc};
use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_persistence::access::api_clients::ApiClient;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::grants;
use crate::auth::api_keys::Presentable;
use crate::http::body::Input;
use crate::http::catalog::FieldCode;
use crate::http::checks::Checks;
use crate::http::cursor::list_view;
use crate::http::problem::FieldError;

/// What can be said of an API client.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiClientInput {
    /// Name, unique in the tenant.
    #[schema(min_length = 1, max_length = 100, pattern = "\\S", example = "金蝶 ERP")]
    pub name: String,
    /// What the program may do.
    #[schema(max_items = 100, example = json!(["customers.customers:read"]))]
    pub permissions: Vec<Permission>,
    /// On which records; not `own`, because a program owns none.
    #[serde(default = "everything")]
    #[schema(default = "tenant")]
    pub data_scope: DataScope,
    /// Where the program belongs: for its scope, and for the records that it creates without an owner.
    pub department_id: Uuid,
    /// A disabled client can't sign in.
    #[serde(default)]
    pub disabled: bool,
}

fn everything() -> DataScope {
    DataScope::Tenant
}

impl Input for ApiClientInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        Checks::of(body)
            .not_blank(&["name"])
            .when(body["data_scope"] == "own", || FieldError::new("/data_scope", FieldCode::ScopeNeedsPerson))
            .found()
    }
}

/// An API client.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ApiClient)]
pub struct ApiClientView {
    /// Id.
    pub id: Uuid,
    /// Name.
    #[schema(max_length = 100, example = "金蝶 ERP")]
    pub name: String,
    /// To be sent to `/v1/oauth/token`.
    #[schema(max_length = 100, example = "AZZPaDmSe8WkA5sPdEwFAgGWT2g5knvFpAObD3RMBQI")]
    pub client_id: String,
    /// What the program may do.
    #[schema(max_items = 100, example = json!(["customers.customers:read"]))]
    pub permissions: Vec<Permission>,
    /// On which records.
    pub data_scope: DataScope,
    /// Where the program belongs.
    pub department_id: Uuid,
    /// Whether it can't sign in.
    pub disabled: bool,
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

/// An API client with its secret, which is shown only now.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = NewApiClient)]
pub struct NewApiClientView {
    /// The client.
    pub client: ApiClientView,
    /// To be sent to `/v1/oauth/token`. Shown only now.
    #[schema(max_length = 100, example = "fk_the-secret-is-shown-only-once")]
    pub client_secret: String,
}

list_view!(
    /// A page of API clients.
    ApiClientList of ApiClientView
);

impl From<&ApiClient> for ApiClientView {
    fn from(row: &ApiClient) -> ApiClientView {
        ApiClientView {
            id: row.id,
            name: row.name.clone(),
            client_id: Presentable::public_id(row.tenant_id, row.id),
            permissions: grants::stored(&row.permissions),
            data_scope: row.data_scope.parse().unwrap_or(DataScope::Department),
            department_id: row.department_id,
            disabled: row.disabled_at.is_some(),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        }
    }
}
