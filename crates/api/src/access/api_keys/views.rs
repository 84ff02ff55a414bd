//! API keys on the wire.

use chrono::{DateTime, Utc};
use fulcrum_domain::access::Permission;
use fulcrum_persistence::access::api_keys::ApiKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::access::grants;
use crate::http::body::Input;
use crate::http::checks::Checks;
use crate::http::cursor::list_view;
use crate::http::problem::FieldError;

/// What can be said of a new key.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyInput {
    /// The API client that the key acts for.
    pub client_id: Uuid,
    /// What the key is used for.
    #[schema(min_length = 1, max_length = 100, pattern = "\\S", example = "夜间同步")]
    pub name: String,
    /// What the key may do, out of what its client may do; all of it unless given.
    #[schema(max_items = 100, example = json!(["customers.customers:read"]))]
    #[serde(default)]
    pub permissions: Option<Vec<Permission>>,
    /// When the key ends; never when null.
    #[schema(example = "2099-01-01T00:00:00Z")]
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
}

impl Input for ApiKeyInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        Checks::of(body).not_blank(&["name"]).found()
    }
}

/// A key.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct ApiKeyView {
    /// Id.
    pub id: Uuid,
    /// The API client that the key acts for.
    pub client_id: Uuid,
    /// What the key is used for.
    #[schema(max_length = 100, example = "夜间同步")]
    pub name: String,
    /// The beginning of the key, to recognise it by.
    #[schema(max_length = 20, example = "fk_AZZPaDmSe8Wk")]
    pub prefix: String,
    /// What the key may do.
    #[schema(max_items = 100, example = json!(["customers.customers:read"]))]
    pub permissions: Vec<Permission>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    #[schema(required)]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    #[schema(required)]
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    #[schema(required)]
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A key with its secret, which is shown only now.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = NewApiKey)]
pub struct NewApiKeyView {
    /// The key.
    pub key: ApiKeyView,
    /// To be sent as `X-API-Key`, or as bearer token. Shown only now.
    #[schema(max_length = 100, example = "fk_the-secret-is-shown-only-once")]
    pub secret: String,
}

list_view!(
    /// A page of API keys.
    ApiKeyList of ApiKeyView
);

impl From<&ApiKey> for ApiKeyView {
    fn from(row: &ApiKey) -> ApiKeyView {
        ApiKeyView {
            id: row.id,
            client_id: row.client_id,
            name: row.name.clone(),
            prefix: row.prefix.clone(),
            permissions: grants::stored(&row.permissions),
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// Whose keys, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ApiKeyQuery {
    /// The API client.
    pub client_id: Uuid,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    #[serde(default)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    #[serde(default = "fifty")]
    pub limit: i64,
}

fn fifty() -> i64 {
    50
}
