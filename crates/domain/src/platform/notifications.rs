//! What people are told of, and by which ways.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};
use utoipa::ToSchema;

use super::Schedule;

/// What a notification is about.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
    Display,
    EnumString,
    EnumIter,
    IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum NotificationKind {
    /// A task was given to somebody.
    TaskAssigned,
    /// Somebody wanted to be reminded of a task.
    TaskReminder,
    /// A task should have been done.
    TaskOverdue,
    /// An automation says something.
    AutomationMessage,
    /// An automation was stopped by itself.
    AutomationStopped,
    /// A webhook was disabled by itself.
    WebhookDisabled,
    /// Customers were given to somebody.
    CustomersHandedOver,
}

impl NotificationKind {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        self.into()
    }

    /// Every kind there is.
    pub fn all() -> Vec<NotificationKind> {
        <NotificationKind as strum::IntoEnumIterator>::iter().collect()
    }

    /// By which ways it goes to who never said otherwise: by mail at once what can't wait, and what is hardly ever there.
    pub fn usual(self) -> Channels {
        let mail = match self {
            NotificationKind::TaskAssigned => MailTiming::Digest,
            NotificationKind::AutomationMessage => MailTiming::Off,
            NotificationKind::TaskReminder
            | NotificationKind::TaskOverdue
            | NotificationKind::AutomationStopped
            | NotificationKind::WebhookDisabled
            | NotificationKind::CustomersHandedOver => MailTiming::Now,
        };
        Channels { in_app: true, mail, webhook: false }
    }
}

/// When mail is sent of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum MailTiming {
    /// Never.
    Off,
    /// At once.
    Now,
    /// Once a day, together with others.
    Digest,
}

/// By which ways something goes to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = NotificationChannels)]
pub struct Channels {
    /// It stands in the inbox.
    pub in_app: bool,
    /// When mail is sent of it.
    pub mail: MailTiming,
    /// It is told to webhooks as `notification.outbound`, for who sends it on, by SMS for instance.
    pub webhook: bool,
}

impl Channels {
    /// Whether it goes any way at all.
    pub fn any(self) -> bool {
        self.in_app || self.webhook || self.mail != MailTiming::Off
    }
}

/// What somebody wants to be otherwise than usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NotificationWishes)]
pub struct Wishes {
    /// Whether it stands in the inbox; null: as usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_app: Option<bool>,
    /// When mail is sent of it; null: as usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailTiming>,
    /// Whether it is told to webhooks as `notification.outbound`; null: as usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<bool>,
}

impl Wishes {
    /// What comes of the wishes about a kind.
    pub fn about(self, kind: NotificationKind) -> Channels {
        let usual = kind.usual();
        Channels {
            in_app: self.in_app.unwrap_or(usual.in_app),
            mail: self.mail.unwrap_or(usual.mail),
            webhook: self.webhook.unwrap_or(usual.webhook),
        }
    }
}

/// What is said of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskFacts {
    /// Its title.
    pub title: String,
    /// When it is due.
    pub due_at: Option<DateTime<Utc>>,
    /// Who is to do it.
    pub assignee_name: Option<String>,
    /// The customer that it concerns.
    pub customer_name: Option<String>,
}

/// What a notification says: its kind, and what the texts of that kind are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
#[allow(missing_docs)] // the kinds say it
pub enum Content {
    TaskAssigned(TaskFacts),
    TaskReminder(TaskFacts),
    TaskOverdue(TaskFacts),
    AutomationMessage {
        title: String,
        body: String,
    },
    AutomationStopped {
        name: String,
        reason: String,
    },
    /// `reason` as the webhook has it: `gone`, `failing` or `filter`.
    WebhookDisabled {
        name: String,
        reason: String,
    },
    CustomersHandedOver {
        by: Option<String>,
        customers: i64,
        tasks: i64,
        note: Option<String>,
    },
}

impl Content {
    /// What it is about.
    pub fn kind(&self) -> NotificationKind {
        match self {
            Content::TaskAssigned(_) => NotificationKind::TaskAssigned,
            Content::TaskReminder(_) => NotificationKind::TaskReminder,
            Content::TaskOverdue(_) => NotificationKind::TaskOverdue,
            Content::AutomationMessage { .. } => NotificationKind::AutomationMessage,
            Content::AutomationStopped { .. } => NotificationKind::AutomationStopped,
            Content::WebhookDisabled { .. } => NotificationKind::WebhookDisabled,
            Content::CustomersHandedOver { .. } => NotificationKind::CustomersHandedOver,
        }
    }

    /// What the texts are made of.
    pub fn data(&self) -> Value {
        json!(self)["data"].take()
    }

    /// As it was stored; `None` for what another release wrote and this one can't read.
    pub fn of(kind: &str, data: Value) -> Option<Content> {
        serde_json::from_value(json!({ "kind": kind, "data": data })).ok()
    }
}

/// The hour of the digest for who never said otherwise.
pub const USUAL_DIGEST_HOUR: i16 = 8;

/// When the next digest is due: at the full hour, in somebody's time zone.
pub fn next_digest(hour: i16, time_zone: Tz, now: DateTime<Utc>) -> DateTime<Utc> {
    let schedule = Schedule::new(&format!("0 {hour} * * *"), time_zone, now);
    let next = schedule.ok().and_then(|schedule| schedule.after(now));
    // An hour that there is not: it is looked at again tomorrow.
    next.unwrap_or(now + TimeDelta::days(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    #[test]
    fn what_is_not_wished_is_as_usual() {
        let wishes = Wishes { mail: Some(MailTiming::Off), ..Wishes::default() };
        let channels = wishes.about(NotificationKind::TaskOverdue);
        assert_eq!(channels, Channels { in_app: true, mail: MailTiming::Off, webhook: false });
        let nothing = Wishes { in_app: Some(false), mail: Some(MailTiming::Off), webhook: None };
        assert!(!nothing.about(NotificationKind::TaskOverdue).any());
        assert!(NotificationKind::all().into_iter().all(|kind| Wishes::default().about(kind).any()));
    }

    #[test]
    fn contents_are_stored_by_kind_and_data() {
        let content = Content::TaskReminder(TaskFacts {
            title: "回访".into(),
            due_at: Some(at("2027-03-01T02:00:00Z")),
            assignee_name: None,
            customer_name: None,
        });
        assert_eq!(content.kind().word(), "task_reminder");
        assert_eq!(content.data()["title"], "回访");
        assert_eq!(Content::of("task_reminder", content.data()), Some(content));
        let message = Content::AutomationMessage { title: "a".into(), body: "b".into() };
        assert_eq!(message.data(), json!({ "title": "a", "body": "b" }));
        assert_eq!(Content::of("automation_message", message.data()), Some(message));
        assert_eq!(Content::of("task_reminder", json!({})), None);
        assert_eq!(Content::of("something_newer", json!({})), None);
    }

    #[test]
    fn a_digest_comes_at_its_hour_where_the_reader_is() {
        let shanghai = Tz::Asia__Shanghai;
        assert_eq!(next_digest(8, shanghai, at("2027-03-01T02:00:00Z")), at("2027-03-02T00:00:00Z"));
        assert_eq!(next_digest(11, shanghai, at("2027-03-01T02:00:00Z")), at("2027-03-01T03:00:00Z"));
        // On the hour itself: tomorrow, because today's has gone.
        assert_eq!(next_digest(10, shanghai, at("2027-03-01T02:00:00Z")), at("2027-03-02T02:00:00Z"));
    }

    #[test]
    fn a_digest_keeps_its_hour_when_clocks_change() {
        let berlin = Tz::Europe__Berlin;
        assert_eq!(next_digest(8, berlin, at("2027-03-27T12:00:00Z")), at("2027-03-28T06:00:00Z"));
        assert_eq!(next_digest(8, berlin, at("2027-03-26T12:00:00Z")), at("2027-03-27T07:00:00Z"));
        // 02:00 doesn't exist on 28 March, and is there twice on 31 October.
        assert_eq!(next_digest(2, berlin, at("2027-03-27T12:00:00Z")), at("2027-03-28T01:00:00Z"));
        let once = next_digest(2, berlin, at("2027-10-30T12:00:00Z"));
        assert_eq!(next_digest(2, berlin, once), at("2027-11-01T01:00:00Z"));
    }
}
