//! The company on the wire.

use chrono::{DateTime, Utc};
use fulcrum_persistence::access::tenants::Tenant;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::body::Input;
use crate::http::checks::Checks;
use crate::http::problem::FieldError;

/// What can be said of the company.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompanyInput {
    /// Name.
    #[schema(min_length = 1, max_length = 200, pattern = "\\S", example = "科创信息")]
    pub name: String,
    /// Minutes that a task may be overdue before who leads its assignee is told.
    #[schema(minimum = 0, maximum = 525_600, example = 1440)]
    pub task_escalation_minutes: i32,
}

impl Input for CompanyInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        Checks::of(body).not_blank(&["name"]).found()
    }
}

/// The company of the caller.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Company)]
pub struct CompanyView {
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
    /// Language.
    #[schema(max_length = 20, example = "zh-CN")]
    pub locale: String,
    /// Minutes that a task may be overdue before who leads its assignee is told.
    #[schema(minimum = 0, maximum = 525_600, example = 1440)]
    pub task_escalation_minutes: i32,
    /// Grows by one with each change; the ETag.
    #[schema(minimum = 1, example = 1)]
    pub version: i32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<&Tenant> for CompanyView {
    fn from(row: &Tenant) -> CompanyView {
        CompanyView {
            id: row.id,
            slug: row.slug.clone(),
            name: row.name.clone(),
            time_zone: row.time_zone.clone(),
            currency: row.currency.clone(),
            region: row.region.clone(),
            locale: row.locale.clone(),
            task_escalation_minutes: row.task_escalation_minutes,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
