//! What happened with a customer.

use chrono::{DateTime, Utc};
use fulcrum_domain::access::Permission;
use fulcrum_domain::engagement::ActivityKind;
use fulcrum_persistence::Tx;
use fulcrum_persistence::customers::{customers, merges};
use fulcrum_persistence::engagement::activities::{self, Activity};
use fulcrum_persistence::paging::{Position, SortKey};
use fulcrum_persistence::platform::events::{self, Event};
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;
use uuid::Uuid;

use super::views::{TimelineEntry, TimelineKind, TimelineList, TimelineQuery};
use crate::App;
use crate::engagement::activities::service::views;
use crate::http::cursor::List;
use crate::http::problem::Problem;
use crate::platform::events::views::EventView;

/// How far each of the two was read. They are merged by when things happened, and each goes on behind its own last entry: so a page
/// costs what it shows, wherever it lies.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Places {
    activity: Option<(DateTime<Utc>, Uuid)>,
    /// The position in the log.
    event: Option<i64>,
}

/// One of the two.
enum Entry {
    Activity(Activity),
    Event(Event),
}

impl Entry {
    fn at(&self) -> DateTime<Utc> {
        match self {
            Entry::Activity(activity) => activity.started_at,
            Entry::Event(event) => event.at,
        }
    }
}

/// A page of the timeline: the activities that show on the customer, for who may read activities, and the changes that the caller
/// may read.
///
/// # Errors
/// 404, and 400 when the cursor is not one of this timeline.
pub fn page(tx: &mut Tx, app: &App, id: Uuid, query: &TimelineQuery) -> Result<TimelineList, Problem> {
    customers::find(tx, id)?;
    let unpaged = TimelineQuery { cursor: None, limit: 0, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, "timeline", &(id, &unpaged));
    let after = list.page(&app.keys, query.cursor.as_deref(), query.limit)?.after;
    let mut places = match after {
        Some(Position { key: SortKey::Text(text), .. }) => serde_json::from_str(&text).unwrap_or_default(),
        _ => Places::default(),
    };
    let (shown, more) = read(tx, id, query, &mut places)?;
    let cursor = || {
        let key = SortKey::Text(serde_json::to_string(&places).unwrap_or_default());
        list.cursor(&app.keys, Position { key, id: Uuid::nil() })
    };
    let next_cursor = more.then(cursor);
    Ok(TimelineList { data: entries(tx, shown)?, next_cursor, total_count: None })
}

fn read(
    tx: &mut Tx,
    id: Uuid,
    query: &TimelineQuery,
    places: &mut Places,
) -> Result<(Vec<Entry>, bool), Problem> {
    let (times, one_more) = ((query.at_from, query.at_to), query.limit + 1);
    let kinds = kinds_of(tx, query);
    let activities = match kinds.as_slice() {
        [] => vec![],
        kinds => activities::of_customer(tx, id, kinds, times, places.activity, one_more)?,
    };
    let events = match query.kind.is_empty() || query.kind.contains(&TimelineKind::Change) {
        true => {
            // What happened to those that are part of it now stands under their ids.
            let ids = merges::with_merged(tx, id)?;
            events::of_customer(tx, &ids, activities::SUBJECT, times, places.event, one_more)?
        }
        false => vec![],
    };
    let mut activities = activities.into_iter().peekable();
    let mut events = events.into_iter().peekable();
    let mut shown = Vec::new();
    while shown.len() < query.limit as usize {
        let activity_first = match (activities.peek(), events.peek()) {
            (Some(activity), Some(event)) => activity.started_at >= event.at,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => break,
        };
        if activity_first {
            shown.extend(activities.next().map(Entry::Activity));
        } else {
            shown.extend(events.next().map(Entry::Event));
        }
        match shown.last() {
            Some(Entry::Activity(activity)) => places.activity = Some((activity.started_at, activity.id)),
            Some(Entry::Event(event)) => places.event = Some(event.seq),
            None => {}
        }
    }
    let more = activities.peek().is_some() || events.peek().is_some();
    Ok((shown, more))
}

/// The kinds of activities that are asked for and may be read.
fn kinds_of(tx: &Tx, query: &TimelineQuery) -> Vec<String> {
    if !tx.actor.may(Permission::ActivitiesRead) {
        return vec![];
    }
    let asked: Vec<ActivityKind> = match query.kind.as_slice() {
        [] => ActivityKind::iter().collect(),
        kinds => kinds.iter().filter_map(|kind| kind.activity()).collect(),
    };
    asked.iter().map(ToString::to_string).collect()
}

fn entries(tx: &mut Tx, shown: Vec<Entry>) -> Result<Vec<TimelineEntry>, Problem> {
    let activities: Vec<Activity> = shown
        .iter()
        .filter_map(|entry| match entry {
            Entry::Activity(activity) => Some(activity.clone()),
            Entry::Event(_) => None,
        })
        .collect();
    let mut views = match activities.is_empty() {
        true => vec![],
        false => views(tx, activities)?,
    }
    .into_iter();
    let entry = |entry: Entry| {
        let at = entry.at();
        match entry {
            Entry::Activity(_) => {
                let activity = views.next();
                let kind = activity.as_ref().map_or(TimelineKind::Note, |view| TimelineKind::of(view.kind));
                TimelineEntry { kind, at, activity, event: None }
            }
            Entry::Event(event) => {
                let event = Some(EventView::from(event));
                TimelineEntry { kind: TimelineKind::Change, at, activity: None, event }
            }
        }
    };
    Ok(shown.into_iter().map(entry).collect())
}
