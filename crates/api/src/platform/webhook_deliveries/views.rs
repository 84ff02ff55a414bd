//! Deliveries on the wire.

use chrono::{DateTime, Utc};
use fulcrum_persistence::platform::webhook_deliveries::{Attempt, Delivery, Filter};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::cursor::list_view;

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryState {
    /// It is going to be tried, for the first time or again.
    Waiting,
    /// The receiver has it.
    Succeeded,
    /// It was tried often enough: ten times, or once when it was a test or the receiver answered 410. Or its event isn't kept any more.
    Failed,
    /// Before it got through, its webhook was disabled or deleted, or came not to want such events.
    Cancelled,
}

/// Where a delivery comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryOrigin {
    /// Something happened.
    Event,
    /// Somebody tried the webhook.
    Test,
    /// Somebody wanted it again.
    Replay,
    /// An automation calls the webhook, whatever it listens to.
    Automation,
}

/// Something that is told to a webhook. What is told is the event.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
pub struct DeliveryView {
    /// Id.
    pub id: Uuid,
    /// Which webhook.
    pub webhook_id: Uuid,
    /// `webhook-id` of the message: the same for each attempt and each repetition.
    #[schema(max_length = 80, example = "msg_0197a1c28f3e7d54a1b23c4d5e6f7a8b_1024_1795420800000000")]
    pub message_id: String,
    /// The event; null in a test.
    #[schema(required, max_length = 20, pattern = "^[0-9]+$", example = "1024")]
    pub event_id: Option<String>,
    /// What happened.
    #[schema(max_length = 80, example = "customer.updated")]
    pub event_type: String,
    /// Where it comes from.
    pub origin: DeliveryOrigin,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    #[schema(minimum = 0, example = 0)]
    pub attempt_count: i32,
    /// When it is tried next; null when it isn't.
    #[schema(required)]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was put down.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    #[schema(required)]
    pub finished_at: Option<DateTime<Utc>>,
    /// Each attempt; null in lists.
    #[schema(required, max_items = 20)]
    pub attempts: Option<Vec<AttemptView>>,
}

/// One attempt.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = WebhookAttempt)]
pub struct AttemptView {
    /// The how-manieth.
    #[schema(minimum = 1, example = 1)]
    pub number: i32,
    /// When it began.
    pub at: DateTime<Utc>,
    /// Milliseconds that it took.
    #[schema(minimum = 0, example = 35)]
    pub duration_ms: i32,
    /// The status of the answer; null when there was none.
    #[schema(required, minimum = 100, maximum = 999, example = 200)]
    pub status: Option<i16>,
    /// Why there was no answer, or why it doesn't count.
    #[schema(required, max_length = 2000, example = json!(null))]
    pub failure: Option<String>,
    /// The beginning of the answer.
    #[schema(required, max_length = 1000, example = "ok")]
    pub response: Option<String>,
}

list_view!(
    /// A page of deliveries.
    DeliveryList of DeliveryView
);

impl From<&Delivery> for DeliveryView {
    fn from(row: &Delivery) -> DeliveryView {
        DeliveryView {
            id: row.id,
            webhook_id: row.webhook_id,
            message_id: row.message_id.clone(),
            event_id: row.event_seq.map(|seq| seq.to_string()),
            event_type: row.event_type.clone(),
            origin: row.origin.parse().unwrap_or(DeliveryOrigin::Event),
            state: row.state.parse().unwrap_or(DeliveryState::Waiting),
            attempt_count: row.attempts,
            next_attempt_at: row.next_at,
            created_at: row.created_at,
            finished_at: row.finished_at,
            attempts: None,
        }
    }
}

impl From<Attempt> for AttemptView {
    fn from(row: Attempt) -> AttemptView {
        AttemptView {
            number: row.number,
            at: row.at,
            duration_ms: row.duration_ms,
            status: row.status,
            failure: row.error,
            response: row.response,
        }
    }
}

/// Which deliveries, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// To one of these webhooks.
    #[param(max_items = 50)]
    pub webhook_id: Vec<Uuid>,
    /// In one of these states.
    #[param(max_items = 4)]
    pub state: Vec<DeliveryState>,
    /// Put down at this instant or later.
    pub created_at_from: Option<DateTime<Utc>>,
    /// Put down at this instant or before.
    pub created_at_to: Option<DateTime<Utc>>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for DeliveryQuery {
    fn default() -> DeliveryQuery {
        DeliveryQuery {
            webhook_id: vec![],
            state: vec![],
            created_at_from: None,
            created_at_to: None,
            cursor: None,
            limit: 50,
        }
    }
}

impl DeliveryQuery {
    /// The filter that the parameters select.
    pub fn filter(&self) -> Filter {
        Filter {
            webhook_ids: self.webhook_id.clone(),
            states: self.state.iter().map(DeliveryState::to_string).collect(),
            created_from: self.created_at_from,
            created_to: self.created_at_to,
        }
    }
}
