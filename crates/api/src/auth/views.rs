//! Signing in on the wire.

use chrono::{DateTime, Utc};
use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_persistence::access::sessions::Session;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::passwords;
use crate::http::body::Input;
use crate::http::problem::FieldError;

/// Who wants to sign in.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginInput {
    /// Slug of the tenant; may be left out where there is only one.
    #[schema(min_length = 1, max_length = 63, example = "demo")]
    #[serde(default)]
    pub tenant: Option<String>,
    /// Mail address.
    #[schema(min_length = 1, max_length = 254, example = "admin@demo.test")]
    pub email: String,
    /// Password.
    #[schema(min_length = 1, max_length = 200, example = "fulcrum-demo", format = Password)]
    pub password: String,
}

impl Input for LoginInput {}

/// A session to go on with, or to end.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshInput {
    /// The newest refresh token.
    #[schema(min_length = 1, max_length = 200, example = "fr_AZZPaDmSe8WkA5sPdEwFAg")]
    pub refresh_token: String,
}

impl Input for RefreshInput {}

/// Tokens.
#[derive(Serialize, ToSchema)]
pub struct Tokens {
    /// To be sent as `Authorization: Bearer …`.
    #[schema(max_length = 8000, example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.e30.c2ln")]
    pub access_token: String,
    /// `Bearer`
    #[schema(max_length = 20, example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds that the access token is valid.
    #[schema(minimum = 1, maximum = 3600, example = 900)]
    pub expires_in: i64,
    /// For the next access token; every use gives a new one, and the old one ends.
    #[schema(max_length = 200, example = "fr_AZZPaDmSe8WkA5sPdEwFAg")]
    pub refresh_token: String,
}

/// A token for a program.
#[derive(Serialize, ToSchema)]
pub struct ClientToken {
    /// To be sent as `Authorization: Bearer …`.
    #[schema(max_length = 8000, example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.e30.c2ln")]
    pub access_token: String,
    /// `Bearer`
    #[schema(max_length = 20, example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds that the access token is valid.
    #[schema(minimum = 1, maximum = 3600, example = 900)]
    pub expires_in: i64,
    /// What the token permits, separated by spaces.
    #[schema(max_length = 8000, example = "customers.customers:read")]
    pub scope: String,
}

/// A request for a token (RFC 6749, section 4.4), as a form. The client's credentials may stand here or in HTTP
/// basic authentication. Parameters that aren't known are ignored, as the standard wants.
#[derive(Clone, Deserialize, ToSchema)]
pub struct TokenRequest {
    /// `client_credentials`
    #[schema(max_length = 60, example = "client_credentials")]
    pub grant_type: String,
    /// Id of the API client.
    #[schema(max_length = 200, example = "AZZPaDmSe8WkA5sPdEwFAgGWT2g5knvFpAObD3RMBQI")]
    #[serde(default)]
    pub client_id: Option<String>,
    /// Secret of the API client.
    #[schema(max_length = 200, example = "fk_the-secret-is-shown-only-once")]
    #[serde(default)]
    pub client_secret: Option<String>,
    /// Fewer permissions than the client has, separated by spaces.
    #[schema(max_length = 8000, example = "customers.customers:read")]
    #[serde(default)]
    pub scope: Option<String>,
}

impl Input for TokenRequest {}

/// A new password.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordInput {
    /// The password until now.
    #[schema(min_length = 1, max_length = 200, example = "fulcrum-demo", format = Password)]
    pub current_password: String,
    /// The password from now on: at least 10 characters, and not one that everybody tries first.
    #[schema(min_length = 10, max_length = 200, example = "correct horse battery", format = Password)]
    pub new_password: String,
}

impl Input for PasswordInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        let weakness = body["new_password"].as_str().and_then(|password| passwords::weakness(password, ""));
        weakness.map(|code| FieldError::new("/new_password", code)).into_iter().collect()
    }
}

/// A session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionView {
    /// Id.
    pub id: Uuid,
    /// Whether the request came from this one.
    pub current: bool,
    /// What signed in.
    #[schema(required, max_length = 300, example = "Mozilla/5.0")]
    pub user_agent: Option<String>,
    /// From where.
    #[schema(required, max_length = 60, example = "192.0.2.7")]
    pub address: Option<String>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it was last continued.
    pub last_used_at: DateTime<Utc>,
    /// When it ends unless it is continued.
    pub expires_at: DateTime<Utc>,
}

impl SessionView {
    /// A session as its owner sees it.
    pub fn of(row: &Session, current: Option<Uuid>) -> SessionView {
        SessionView {
            id: row.id,
            current: current == Some(row.id),
            user_agent: row.user_agent.clone(),
            address: row.address.clone(),
            created_at: row.created_at,
            last_used_at: row.rotated_at,
            expires_at: row.expires_at,
        }
    }
}

/// The caller's sessions that can still be continued, newest first.
#[derive(Serialize, ToSchema)]
pub struct SessionList {
    /// The sessions; nobody has more than a page of them.
    #[schema(max_items = 200)]
    pub data: Vec<SessionView>,
    /// Always null.
    #[schema(required, max_length = 2000)]
    pub next_cursor: Option<String>,
}

/// The caller.
#[derive(Serialize, ToSchema)]
pub struct Me {
    /// `user` or `api_client`
    #[schema(max_length = 20, example = "user")]
    pub principal_type: &'static str,
    /// Id of the user or API client.
    pub id: Uuid,
    /// Name.
    #[schema(max_length = 100, example = "管理员")]
    pub name: String,
    /// Mail address; null for API clients.
    #[schema(required, max_length = 254, example = "admin@demo.test")]
    pub email: Option<String>,
    /// The company.
    pub tenant: MyTenant,
    /// Department.
    #[schema(required)]
    pub department_id: Option<Uuid>,
    /// Role; null for API clients.
    #[schema(required)]
    pub role_id: Option<Uuid>,
    /// The session; null for API clients.
    #[schema(required)]
    pub session_id: Option<Uuid>,
    /// What the caller may do, as the access token says.
    #[schema(max_items = 100, example = json!(["customers.customers:read"]))]
    pub permissions: Vec<Permission>,
    /// On which records.
    pub data_scope: DataScope,
    /// Language.
    #[schema(max_length = 20, example = "zh-CN")]
    pub locale: String,
    /// IANA time zone.
    #[schema(max_length = 60, example = "Asia/Shanghai")]
    pub time_zone: String,
}

/// The caller's company.
#[derive(Serialize, ToSchema)]
pub struct MyTenant {
    /// Id.
    pub id: Uuid,
    /// Slug, for signing in.
    #[schema(max_length = 63, example = "demo")]
    pub slug: String,
    /// Name.
    #[schema(max_length = 200, example = "科创信息")]
    pub name: String,
    /// IANA time zone.
    #[schema(max_length = 60, example = "Asia/Shanghai")]
    pub time_zone: String,
    /// Base currency, ISO 4217.
    #[schema(max_length = 3, example = "CNY")]
    pub currency: String,
    /// Region for telephone numbers, ISO 3166-1 alpha-2.
    #[schema(max_length = 2, example = "CN")]
    pub region: String,
}

/// The public keys that access tokens can be checked with (RFC 7517).
#[derive(Serialize, ToSchema)]
pub struct KeySet {
    /// Keys.
    #[schema(max_items = 10)]
    pub keys: Vec<PublicKey>,
}

/// A public key (RFC 8037).
#[derive(Serialize, ToSchema)]
pub struct PublicKey {
    /// `OKP`
    #[schema(max_length = 10, example = "OKP")]
    pub kty: &'static str,
    /// `Ed25519`
    #[schema(max_length = 10, example = "Ed25519")]
    pub crv: &'static str,
    /// `EdDSA`
    #[schema(max_length = 10, example = "EdDSA")]
    pub alg: &'static str,
    /// `sig`
    #[serde(rename = "use")]
    #[schema(max_length = 10, example = "sig")]
    pub usage: &'static str,
    /// Id of the key.
    #[schema(max_length = 100, example = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")]
    pub kid: String,
    /// The key.
    #[schema(max_length = 100, example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    pub x: String,
}
