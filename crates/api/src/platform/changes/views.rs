//! Changes on the wire.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use strum::IntoStaticStr;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A kind of record that the feed tells of.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ChangedType {
    /// Customers.
    Customer,
    /// Contacts.
    Contact,
    /// The caller's own notifications.
    Notification,
}

/// What has to be done with a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Put it in, or in the place of the older one.
    Upsert,
    /// The record was deleted: take it away, and with a customer its contacts.
    Deleted,
    /// The caller may not see the record any more: take it away, and with a customer its contacts.
    AccessLost,
}

/// Something that changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Change)]
pub struct ChangeView {
    /// What has to be done with a copy.
    pub kind: ChangeKind,
    /// What kind of record.
    pub r#type: ChangedType,
    /// Which record.
    pub id: Uuid,
    /// The customer that it concerns; of a notification null when it concerns none.
    #[schema(required)]
    pub customer_id: Option<Uuid>,
    /// When it changed.
    pub at: DateTime<Utc>,
    /// The record as it is now, which can be newer than this change; null unless it is an upsert.
    #[schema(required, value_type = Option<Object>, example = json!({"name": "杭州科创信息技术有限公司"}))]
    pub record: Option<Box<RawValue>>,
}

/// What changed since the cursor.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChangeList {
    /// Changes in order. Of several changes of one record there is one, in the place of the first. A customer that went and came
    /// back is told as gone and as there.
    #[schema(max_items = 400)]
    pub data: Vec<ChangeView>,
    /// To be sent as `cursor` next time.
    #[schema(max_length = 2000)]
    pub next_cursor: String,
    /// Whether there is more to read at once.
    pub has_more: bool,
}

/// Server-sent events, as long as the stream is open.
#[derive(ToSchema)]
#[allow(dead_code)]
#[schema(max_length = 2147483647)]
pub struct ChangeStream(String);

/// Which records, for how long.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// Where to go on, for who can't send `Last-Event-ID`.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Only these kinds of records; all that the caller may read unless given.
    #[param(max_items = 3, explode = false)]
    pub types: Vec<ChangedType>,
    /// Seconds after which the stream ends at the latest. It ends with the access token in any case.
    #[param(minimum = 1, maximum = 3600, example = 900)]
    pub max_seconds: Option<i64>,
}

/// Since when, of which records.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ChangeQuery {
    /// `next_cursor` of the answer before. Without one the answer is the end of the feed: changes from now on.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Only these kinds of records; all that the caller may read unless given.
    #[param(max_items = 3, explode = false)]
    pub types: Vec<ChangedType>,
    /// Changes at most.
    #[param(minimum = 1, maximum = 200, default = 100)]
    pub limit: i64,
}

impl Default for ChangeQuery {
    fn default() -> ChangeQuery {
        ChangeQuery { cursor: None, types: vec![], limit: 100 }
    }
}
