//! Events on the wire.

use chrono::{DateTime, Utc};
use fulcrum_persistence::platform::events::{self, Filter};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::cursor::list_view;
use crate::http::wire::FilterText;

/// Something that happened.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventView {
    /// Place in the log: unique in the installation, growing.
    #[schema(max_length = 20, pattern = "^[0-9]+$", example = "1024")]
    pub id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What, such as `customer.updated`.
    #[schema(max_length = 60, example = "customer.updated")]
    pub r#type: String,
    /// To what kind of record.
    #[schema(max_length = 40, example = "customer")]
    pub subject_type: String,
    /// To which record.
    pub subject_id: Uuid,
    /// The customer that it concerns.
    #[schema(required)]
    pub customer_id: Option<Uuid>,
    /// `user`, `api_client` or `system`
    #[schema(max_length = 20, example = "user")]
    pub actor_type: String,
    /// Who did it.
    #[schema(required)]
    pub actor_id: Option<Uuid>,
    /// The request that did it.
    #[schema(required, max_length = 128, example = "0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b")]
    pub request_id: Option<String>,
    /// The version of the record afterwards.
    #[schema(required, minimum = 1, example = 2)]
    pub version: Option<i32>,
    /// Each field that changed, with its old and its new value.
    #[schema(value_type = Object, example = json!({"grade": {"from": "B", "to": "A"}}))]
    pub changes: Value,
}

list_view!(
    /// A page of events, newest first.
    EventList of EventView
);

impl From<events::Event> for EventView {
    fn from(row: events::Event) -> EventView {
        EventView {
            id: row.seq.to_string(),
            at: row.at,
            r#type: row.type_,
            subject_type: row.subject_type,
            subject_id: row.subject_id,
            customer_id: row.customer_id,
            actor_type: row.actor_type,
            actor_id: row.actor_id,
            request_id: row.request_id,
            version: row.version,
            changes: row.changes,
        }
    }
}

/// Which events, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// One of these types.
    #[param(max_items = 50)]
    pub r#type: Vec<FilterText>,
    /// About one of these kinds of records.
    #[param(max_items = 50)]
    pub subject_type: Vec<FilterText>,
    /// About one of these records.
    #[param(max_items = 50)]
    pub subject_id: Vec<Uuid>,
    /// Concerning one of these customers: themselves, and everything that belongs to them.
    #[param(max_items = 50)]
    pub customer_id: Vec<Uuid>,
    /// Done by one of these.
    #[param(max_items = 50)]
    pub actor_id: Vec<Uuid>,
    /// At this instant or later.
    pub at_from: Option<DateTime<Utc>>,
    /// At this instant or before.
    pub at_to: Option<DateTime<Utc>>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for EventQuery {
    fn default() -> EventQuery {
        EventQuery {
            r#type: vec![],
            subject_type: vec![],
            subject_id: vec![],
            customer_id: vec![],
            actor_id: vec![],
            at_from: None,
            at_to: None,
            cursor: None,
            limit: 50,
        }
    }
}

impl EventQuery {
    /// The filter that the parameters select.
    pub fn filter(&self) -> Filter {
        let texts = |list: &[FilterText]| list.iter().map(|text| text.0.clone()).collect();
        Filter {
            types: texts(&self.r#type),
            subject_types: texts(&self.subject_type),
            subject_ids: self.subject_id.clone(),
            customer_ids: self.customer_id.clone(),
            actor_ids: self.actor_id.clone(),
            at_from: self.at_from,
            at_to: self.at_to,
        }
    }
}
