//! Notifications on the wire.

use chrono::{DateTime, Utc};
use fulcrum_domain::platform::notifications::{Content, NotificationKind};
use fulcrum_persistence::platform::notifications::{Filter, Notification};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{Display, EnumString};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::texts::{self, Reader};
use crate::http::body::Input;
use crate::http::cursor::list_view;

/// What became of the mail about a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum MailState {
    /// There is none: it isn't wanted, the installation sends no mail, or the notification was read before it went out.
    None,
    /// It is being sent, again and again while the mail server is away.
    Waiting,
    /// It waits for the daily mail.
    Digest,
    /// The mail server has taken it.
    Sent,
    /// The mail server refused it, or was away for days.
    Failed,
}

/// Something that the caller is told.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Notification)]
pub struct NotificationView {
    /// Id.
    pub id: Uuid,
    /// What it is about.
    pub kind: NotificationKind,
    /// One line, in the reader's language.
    #[schema(max_length = 300, example = "Webhook“金蝶 ERP”已停用")]
    pub title: String,
    /// What there is to say, in the reader's language; times are in the reader's time zone.
    #[schema(
        max_length = 10000,
        example = "连续五天未能送达接收方。在重新启用之前，不会再向其投递任何内容。"
    )]
    pub body: String,
    /// What both are made of.
    #[schema(value_type = Object, example = json!({"name": "金蝶 ERP", "reason": "failing"}))]
    pub data: Value,
    /// What kind of record it is about.
    #[schema(required, max_length = 40, example = "webhook")]
    pub subject_type: Option<String>,
    /// Which record.
    #[schema(required)]
    pub subject_id: Option<Uuid>,
    /// The customer that it concerns.
    #[schema(required)]
    pub customer_id: Option<Uuid>,
    /// What became of the mail about it.
    pub mail: MailState,
    /// When the mail server took it.
    #[schema(required)]
    pub mailed_at: Option<DateTime<Utc>>,
    /// When it came.
    pub created_at: DateTime<Utc>,
    /// When it was read; null while it isn't.
    #[schema(required)]
    pub read_at: Option<DateTime<Utc>>,
}

impl NotificationView {
    /// As somebody reads it.
    pub(crate) fn of(row: &Notification, reader: &Reader) -> NotificationView {
        let data: Value = row.data.read().unwrap_or_default();
        let content = Content::of(&row.kind, data.clone());
        let texts = texts::of(&row.kind, content.as_ref(), reader);
        NotificationView {
            id: row.id,
            // A word of another release: something is said.
            kind: row.kind.parse().unwrap_or(NotificationKind::AutomationMessage),
            title: texts.title,
            body: texts.body,
            data,
            subject_type: row.subject_type.clone(),
            subject_id: row.subject_id,
            customer_id: row.customer_id,
            mail: row.mail_state.parse().unwrap_or(MailState::None),
            mailed_at: row.mailed_at,
            created_at: row.created_at,
            read_at: row.read_at,
        }
    }
}

list_view!(
    /// A page of the inbox, newest first.
    NotificationList of NotificationView
);

/// How many notifications are unread.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NotificationSummary {
    /// In all.
    #[schema(minimum = 0, example = 3)]
    pub unread: i64,
    /// By kind; those without any are left out.
    #[schema(max_items = 50)]
    pub by_kind: Vec<UnreadOfKind>,
}

/// How many notifications of a kind are unread.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnreadOfKind {
    /// The kind.
    pub kind: NotificationKind,
    /// How many.
    #[schema(minimum = 0, example = 3)]
    pub unread: i64,
}

/// Which notifications were read.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadAllInput {
    /// Those that came at this instant or before: what the reader has seen of the list. All of them unless given.
    #[serde(default)]
    pub before: Option<DateTime<Utc>>,
}

impl Input for ReadAllInput {}

/// Which notifications, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct NotificationQuery {
    /// Only unread ones, or only those that were read.
    pub unread: Option<bool>,
    /// Of one of these kinds.
    #[param(max_items = 50)]
    pub kind: Vec<NotificationKind>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for NotificationQuery {
    fn default() -> NotificationQuery {
        NotificationQuery { unread: None, kind: vec![], cursor: None, limit: 50 }
    }
}

impl NotificationQuery {
    /// The filter that the parameters select.
    pub fn filter(&self) -> Filter {
        Filter { unread: self.unread, kinds: self.kind.iter().map(NotificationKind::to_string).collect() }
    }
}
