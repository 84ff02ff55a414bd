//! Timelines on the wire.

use chrono::{DateTime, Utc};
use fulcrum_domain::engagement::ActivityKind;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::engagement::activities::views::ActivityView;
use crate::http::cursor::list_view;
use crate::platform::events::views::EventView;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimelineKind {
    /// A telephone call.
    Call,
    /// A mail.
    Mail,
    /// A visit.
    Visit,
    /// A meeting.
    Meeting,
    /// A note.
    Note,
    /// A change of the customer or of something that belongs to it.
    Change,
}

impl TimelineKind {
    /// The kind of activity; nothing for a change.
    pub fn activity(self) -> Option<ActivityKind> {
        match self {
            TimelineKind::Call => Some(ActivityKind::Call),
            TimelineKind::Mail => Some(ActivityKind::Mail),
            TimelineKind::Visit => Some(ActivityKind::Visit),
            TimelineKind::Meeting => Some(ActivityKind::Meeting),
            TimelineKind::Note => Some(ActivityKind::Note),
            TimelineKind::Change => None,
        }
    }

    /// Of an activity.
    pub fn of(kind: ActivityKind) -> TimelineKind {
        match kind {
            ActivityKind::Call => TimelineKind::Call,
            ActivityKind::Mail => TimelineKind::Mail,
            ActivityKind::Visit => TimelineKind::Visit,
            ActivityKind::Meeting => TimelineKind::Meeting,
            ActivityKind::Note => TimelineKind::Note,
        }
    }
}

/// Something that happened with a customer: an activity or a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineEntry {
    /// What it is.
    pub kind: TimelineKind,
    /// When.
    pub at: DateTime<Utc>,
    /// The activity; null for a change.
    #[schema(required)]
    pub activity: Option<ActivityView>,
    /// The change; null for an activity.
    #[schema(required)]
    pub event: Option<EventView>,
}

list_view!(
    /// A page of a customer's timeline, the last entry first.
    TimelineList of TimelineEntry
);

/// What of a timeline, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct TimelineQuery {
    /// Of one of these kinds.
    #[param(max_items = 6)]
    pub kind: Vec<TimelineKind>,
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

impl Default for TimelineQuery {
    fn default() -> TimelineQuery {
        TimelineQuery { kind: vec![], at_from: None, at_to: None, cursor: None, limit: 50 }
    }
}
