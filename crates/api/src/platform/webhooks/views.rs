//! Webhooks on the wire.

use chrono::{DateTime, TimeDelta, Utc};
use fulcrum_persistence::platform::webhooks::Webhook;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{Display, EnumString};
use url::Url;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::body::Input;
use crate::http::catalog::FieldCode;
use crate::http::checks::Checks;
use crate::http::cursor::list_view;
use crate::http::problem::FieldError;
use crate::platform::events::vocabulary;

/// What can be said of a webhook.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookInput {
    /// Name, unique in the tenant.
    #[schema(min_length = 1, max_length = 100, pattern = "\\S", example = "金蝶 ERP")]
    pub name: String,
    /// Where to: `https`, on the public internet or in a network that the installation allows; `http` in such a network only.
    #[schema(
        min_length = 1,
        max_length = 2000,
        pattern = "^https?://[!-~]+$",
        example = "https://erp.example.com/hooks/fulcrum"
    )]
    pub url: String,
    /// Which events: `customer.updated`, `customer.*` for all about a kind of record, or `*`.
    #[schema(min_items = 1, max_items = 50, example = json!(["customer.*"]))]
    pub event_types: Vec<EventType>,
    /// A CEL expression over the event: only those for which it is true are delivered. It can ask about `id`, `at`, `type`,
    /// `subject_type`, `subject_id`, `customer_id`, `actor_type`, `actor_id`, `request_id`, `version`, and about `changes`, the
    /// fields that changed, each with `from` and `to`. Where it asks for what an event doesn't have, it isn't true.
    #[serde(default)]
    #[schema(
        min_length = 1,
        max_length = 2000,
        pattern = r"^[^\u0000]*$",
        example = "has(changes.grade) && changes.grade.to == 'A'"
    )]
    pub filter: Option<String>,
    /// While it is disabled, nothing is delivered, and what happens then isn't delivered later.
    #[serde(default)]
    pub disabled: bool,
}

/// Which events: `customer.updated`, `customer.*` or `*`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(min_length = 1, max_length = 80, pattern = r"^(\*|[a-z_]+\.(\*|[a-z_]+))$", example = "customer.*")]
pub struct EventType(pub String);

impl Input for WebhookInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        let texts = body["event_types"].as_array().into_iter().flatten();
        let event_types: Vec<String> = texts.filter_map(|text| text.as_str().map(str::to_owned)).collect();
        let mut errors = Checks::of(body).not_blank(&["name"]).found();
        errors.extend(body["url"].as_str().and_then(wrong_with_url));
        let unknown = vocabulary::unknown("/event_types", &body["event_types"]);
        // What a filter may ask about depends on what it is about.
        if unknown.is_empty()
            && let Some(filter) = body["filter"].as_str().filter(|filter| filter.len() <= LONGEST_FILTER)
        {
            errors.extend(
                vocabulary::check_condition("/filter", filter, &vocabulary::fields(&event_types))
                    .err()
                    .into_iter()
                    .flatten(),
            );
        }
        errors.extend(unknown);
        errors
    }
}

/// What is longer than its schema allows is refused by that, and not read.
const LONGEST_FILTER: usize = 8000;

fn wrong_with_url(text: &str) -> Option<FieldError> {
    let wrong = |code| Some(FieldError::new("/url", code));
    match Url::parse(text) {
        Err(_) => wrong(FieldCode::UrlInvalid),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            wrong(FieldCode::WebsiteCredentials)
        }
        Ok(url)
            if url.host_str().is_none_or(str::is_empty)
                || url.fragment().is_some()
                || url.port() == Some(0) =>
        {
            wrong(FieldCode::UrlInvalid)
        }
        Ok(_) => None,
    }
}

/// Why a webhook is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DisabledReason {
    /// Somebody did that.
    Manual,
    /// Its receiver answered 410: it doesn't want to hear any more.
    Gone,
    /// Nothing has got through for five days.
    Failing,
    /// Its filter asks about something that there is not any more, or takes too long.
    Filter,
}

/// A webhook.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookView {
    /// Id.
    pub id: Uuid,
    /// Name.
    #[schema(max_length = 100, example = "金蝶 ERP")]
    pub name: String,
    /// Where to.
    #[schema(max_length = 2000, example = "https://erp.example.com/hooks/fulcrum")]
    pub url: String,
    /// Which events.
    #[schema(max_items = 50, example = json!(["customer.*"]))]
    pub event_types: Vec<EventType>,
    /// Which of them.
    #[schema(required, max_length = 2000)]
    pub filter: Option<String>,
    /// Whether it is disabled.
    pub disabled: bool,
    /// Why.
    #[schema(required)]
    pub disabled_reason: Option<DisabledReason>,
    /// Since when nothing has got through; null when the last attempt did.
    #[schema(required)]
    pub failing_since: Option<DateTime<Utc>>,
    /// Until when messages are signed with the secret before the last rotation, too.
    #[schema(required)]
    pub previous_secret_until: Option<DateTime<Utc>>,
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

/// A webhook with its secret, which is shown only now.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = NewWebhook)]
pub struct NewWebhookView {
    /// The webhook.
    pub webhook: WebhookView,
    /// For checking the signatures of messages, as Standard Webhooks says. Shown only now.
    #[schema(max_length = 100, example = "whsec_TWZLUTlyOEdLWXFyVHdqVVBEOElMUFpJbzJMYUxhU3c=")]
    pub secret: String,
}

list_view!(
    /// A page of webhooks.
    WebhookList of WebhookView
);

impl From<&Webhook> for WebhookView {
    fn from(row: &Webhook) -> WebhookView {
        WebhookView {
            id: row.id,
            name: row.name.clone(),
            url: row.url.clone(),
            event_types: row.event_types.iter().cloned().map(EventType).collect(),
            filter: row.filter.clone(),
            disabled: row.disabled_at.is_some(),
            disabled_reason: row.disabled_reason.as_deref().and_then(|reason| reason.parse().ok()),
            failing_since: row.failing_since,
            previous_secret_until: row.previous_secret_until,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        }
    }
}

/// What can be delivered again at one time.
const LONGEST_RANGE: TimeDelta = TimeDelta::days(31);

/// What is to be delivered again: 31 days at most.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayInput {
    /// Events at this instant or later.
    pub from: DateTime<Utc>,
    /// Events at this instant or before.
    pub to: DateTime<Utc>,
}

impl Input for ReplayInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        let time = |name: &str| body[name].as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
        let reversed = time("from").zip(time("to")).is_some_and(|(from, to)| from > to);
        let long = time("from").zip(time("to")).is_some_and(|(from, to)| to - from > LONGEST_RANGE);
        Checks::of(body)
            .when(reversed, || FieldError::new("/to", FieldCode::BeforeFrom))
            .when(long, || {
                FieldError::new("/to", FieldCode::RangeTooLong).with("days", LONGEST_RANGE.num_days())
            })
            .found()
    }
}
