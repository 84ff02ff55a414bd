//! Delivering the events of a time again.

use chrono::{DateTime, Utc};
use fulcrum_persistence::Tx;
use fulcrum_persistence::platform::webhook_deliveries::{self as deliveries, Delivery};
use fulcrum_persistence::platform::webhooks as store;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::selection::Selection;
use super::service::may_hear;
use super::telling::about;
use super::wanted::put_down;
use crate::platform::events::vocabulary;
use crate::platform::events::vocabulary::Unreadable;
use crate::platform::jobs::{Context, Job, JobFailed};
use crate::platform::operations::{Step, in_steps};

/// Events that are looked at in one step.
const AT_ONCE: i64 = 500;

/// Events that are counted beforehand.
const MOST_COUNTED: i64 = 100_000;

/// Puts down again what a webhook wants of the events of a time.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Replay {
    pub(super) webhook_id: Uuid,
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
}

impl Job for Replay {
    const KIND: &'static str = "platform.webhook_replay";
    const MAX_ATTEMPTS: i32 = 5;
}

/// Where the next step goes on.
#[derive(Serialize, Deserialize)]
struct Behind {
    seq: i64,
    /// Nothing when there are more than can be counted in a moment.
    total: Option<i64>,
    delivered: i64,
}

pub(crate) async fn run(context: Context, replay: Replay) -> Result<(), JobFailed> {
    in_steps(&context, move |tx, behind| step(tx, &replay, behind)).await
}

fn step(tx: &mut Tx, replay: &Replay, behind: Option<Behind>) -> Result<Step<Behind>, JobFailed> {
    // Held, so that it is not disabled while something is put down for it.
    let webhook = store::hold(tx, replay.webhook_id)?;
    if webhook.disabled_at.is_some() || webhook.deleted_at.is_some() {
        return Err(JobFailed::for_good("the webhook is disabled or deleted"));
    }
    may_hear(tx, &webhook).map_err(|_| {
        JobFailed::for_good("who asked for it may not read any more what the webhook is told")
    })?;
    let subjects: Vec<&str> =
        vocabulary::subjects_of(&webhook.event_types).into_iter().map(|(subject, _)| subject).collect();
    let mut behind = match behind {
        Some(behind) => behind,
        None => {
            let some = deliveries::count_between(tx, replay.from, replay.to, &subjects, MOST_COUNTED)?;
            Behind { seq: 0, total: (some < MOST_COUNTED).then_some(some), delivered: 0 }
        }
    };
    let found = deliveries::events_between(tx, replay.from, replay.to, &subjects, behind.seq, AT_ONCE)?;
    let selection = Selection::of(&webhook).map_err(|wrong| match wrong {
        Unreadable::Wrong => JobFailed::for_good("its filter can't be read any more"),
        Unreadable::Busy => JobFailed::for_now("its filter can't be read now"),
    })?;
    let new: Vec<_> = found
        .iter()
        .filter(|event| selection.wants(event))
        .map(|event| Delivery { later: true, ..about(tx, &webhook, event, "replay") })
        .collect();
    put_down(tx, &new)?;
    behind.delivered += new.len() as i64;
    behind.seq = found.last().map_or(behind.seq, |event| event.seq);
    let (done, total) = (found.len() as i64, behind.total);
    Ok(match done < AT_ONCE {
        true => Step::last(done, json!({ "delivered": behind.delivered })),
        false => Step::with_next(done, total, behind),
    })
}
