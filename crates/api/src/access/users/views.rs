//! Users on the wire.

use chrono::{DateTime, Utc};
use fulcrum_domain::values::Email;
use fulcrum_persistence::access::users::User;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::auth::passwords;
use crate::http::body::Input;
use crate::http::catalog::FieldCode;
use crate::http::checks::Checks;
use crate::http::cursor::list_view;
use crate::http::problem::FieldError;

/// The languages that people can choose.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    ToSchema,
    strum::Display,
    strum::EnumString,
)]
pub enum UserLocale {
    /// English.
    #[serde(rename = "en")]
    #[strum(serialize = "en")]
    En,
    /// Simplified Chinese.
    #[default]
    #[serde(rename = "zh-CN")]
    #[strum(serialize = "zh-CN")]
    ZhCn,
}

/// What can be said of a user.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserInput {
    /// Mail address, the name to sign in with; unique in the tenant.
    #[schema(min_length = 3, max_length = 254, example = "wang.fang@demo.test")]
    pub email: String,
    /// Name.
    #[schema(min_length = 1, max_length = 100, pattern = "\\S", example = "王芳")]
    pub name: String,
    /// Department.
    pub department_id: Uuid,
    /// Role.
    pub role_id: Uuid,
    /// Language; `zh-CN` unless given.
    #[serde(default)]
    #[schema(default = "zh-CN")]
    pub locale: UserLocale,
    /// IANA time zone; the tenant's when null.
    #[schema(max_length = 60, example = "Asia/Shanghai")]
    #[serde(default)]
    pub time_zone: Option<String>,
    /// A disabled user can't sign in, and their sessions end.
    #[serde(default)]
    pub disabled: bool,
    /// A first or a new password. Never shown. Setting it ends the user's sessions.
    #[schema(min_length = 10, max_length = 200, example = "fulcrum-demo", write_only, format = Password)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

impl Input for UserInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        let email = body["email"].as_str().unwrap_or_default();
        let zone = body["time_zone"].as_str().is_some_and(|zone| zone.parse::<chrono_tz::Tz>().is_err());
        let weakness = body["password"].as_str().and_then(|password| passwords::weakness(password, email));
        let mut checks = Checks::of(body);
        checks
            .text("email", Email::parse)
            .not_blank(&["name"])
            .when(zone, || FieldError::new("/time_zone", FieldCode::TimeZoneUnknown));
        if let Some(code) = weakness {
            checks.when(true, || FieldError::new("/password", code));
        }
        checks.found()
    }
}

/// A user.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    /// Id.
    pub id: Uuid,
    /// Mail address.
    #[schema(max_length = 254, example = "wang.fang@demo.test")]
    pub email: String,
    /// Name.
    #[schema(max_length = 100, example = "王芳")]
    pub name: String,
    /// Department.
    pub department_id: Uuid,
    /// Role.
    pub role_id: Uuid,
    /// Language.
    pub locale: UserLocale,
    /// IANA time zone; the tenant's when null.
    #[schema(required, max_length = 60, example = "Asia/Shanghai")]
    pub time_zone: Option<String>,
    /// Whether the user can't sign in.
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

/// A user beside its id.
#[derive(Clone, Debug, Serialize, ToSchema, Deserialize)]
pub struct UserSummary {
    /// Id.
    pub id: Uuid,
    /// Name.
    #[schema(max_length = 100, example = "王芳")]
    pub name: String,
    /// Mail address.
    #[schema(max_length = 254, example = "wang.fang@demo.test")]
    pub email: String,
}

list_view!(
    /// A page of users.
    UserList of UserView
);

impl From<&User> for UserView {
    fn from(row: &User) -> UserView {
        UserView {
            id: row.id,
            email: row.email.clone(),
            name: row.name.clone(),
            department_id: row.department_id,
            role_id: row.role_id,
            locale: row.locale.parse().unwrap_or_default(),
            time_zone: row.time_zone.clone(),
            disabled: row.disabled_at.is_some(),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        }
    }
}

/// Which users, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct UserQuery {
    /// One of these addresses.
    #[param(max_items = 50)]
    pub email: Vec<crate::http::wire::FilterText>,
    /// In one of these departments.
    #[param(max_items = 50)]
    pub department_id: Vec<Uuid>,
    /// With one of these roles.
    #[param(max_items = 50)]
    pub role_id: Vec<Uuid>,
    /// Only disabled ones, or only others.
    pub disabled: Option<bool>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for UserQuery {
    fn default() -> UserQuery {
        UserQuery {
            email: vec![],
            department_id: vec![],
            role_id: vec![],
            disabled: None,
            cursor: None,
            limit: 50,
        }
    }
}
