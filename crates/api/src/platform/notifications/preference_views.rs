//! Preferences on the wire.

use chrono::{DateTime, Utc};
use fulcrum_domain::platform::notifications::{Channels, NotificationKind, Wishes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::body::Input;

macro_rules! by_kind {
    ($($(#[$doc:meta])* $name:ident: $kind:ident,)+) => {
        /// What is to be otherwise than usual, by kind; null makes it as usual again.
        #[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[schema(
            as = NotificationWishesByKind,
            example = json!({"task_assigned": {"mail": "now"}, "task_overdue": {"webhook": true}})
        )]
        pub struct WishesByKind {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<Wishes>,)+
        }

        /// By which ways each kind goes to the caller.
        #[derive(Clone, Debug, Serialize, ToSchema)]
        #[schema(as = NotificationChannelsByKind)]
        pub struct ChannelsByKind {
            $($(#[$doc])* pub $name: Channels,)+
        }

        impl ChannelsByKind {
            /// By what holds for each of them.
            pub(super) fn of(channels: impl Fn(NotificationKind) -> Channels) -> ChannelsByKind {
                ChannelsByKind { $($name: channels(NotificationKind::$kind),)+ }
            }
        }
    };
}

by_kind! {
    /// A task was given to the caller.
    task_assigned: TaskAssigned,
    /// The caller wanted to be reminded of a task.
    task_reminder: TaskReminder,
    /// A task should have been done.
    task_overdue: TaskOverdue,
    /// An automation says something.
    automation_message: AutomationMessage,
    /// An automation was stopped by itself.
    automation_stopped: AutomationStopped,
    /// A webhook was disabled by itself.
    webhook_disabled: WebhookDisabled,
    /// Customers were given to the caller.
    customers_handed_over: CustomersHandedOver,
}

/// What can be said of one's notifications.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NotificationPreferencesInput)]
pub struct PreferencesInput {
    /// What is to be otherwise than usual, by kind.
    #[serde(default)]
    pub kinds: Option<WishesByKind>,
    /// The hour of the daily mail, in the caller's time zone; null: as usual.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 23, example = 18)]
    pub digest_hour: Option<i16>,
}

impl Input for PreferencesInput {}

/// By which ways the caller is told of what.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = NotificationPreferences)]
pub struct PreferencesView {
    /// By kind.
    pub kinds: ChannelsByKind,
    /// The hour of the daily mail, in the caller's time zone. A mail that waits already goes at the hour for which it was planned.
    #[schema(minimum = 0, maximum = 23, example = 8)]
    pub digest_hour: i16,
    /// The caller's time zone.
    #[schema(max_length = 60, example = "Asia/Shanghai")]
    pub time_zone: String,
    /// Grows by one with each change; the ETag.
    #[schema(minimum = 1, example = 1)]
    pub version: i32,
    /// When they were last changed; null when everything is as usual since ever.
    #[schema(required)]
    pub updated_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_has_its_preferences() {
        let all = json!(ChannelsByKind::of(NotificationKind::usual));
        let words: Vec<&str> = NotificationKind::all().into_iter().map(NotificationKind::word).collect();
        let mut named: Vec<&String> = all.as_object().expect("an object").keys().collect();
        named.sort();
        let mut words = words;
        words.sort();
        assert_eq!(named, words);
    }
}
