//! Delivering the events of a time again.

use chrono::{DateTime, Utc};
use fulcrum_persistence::Tx;
use fulcrum_persistence::platform::webhook_deliveries as deliveries;
use fulcrum_persistence::platform::webhooks as store;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::selection::{self, Selection};
use super::service::put_down;
use super::telling::about;
use crate::platform::jobs::{Context, Job, JobFailed};
use crate::platform::operations::{Step, in_steps};

/// Events that are looked at in one step.
const AT_ONCE: i64 = 500;

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
    total: i64,
    delivered: i64,
}

pub(crate) async fn run(context: Context, replay: Replay) -> Result<(), JobFailed> {
    in_steps(&context, move |tx, behind| step(tx, &replay, behind)).await
}

fn step(tx: &mut Tx, replay: &Replay, behind: Option<Behind>) -> Result<Step<Behind>, JobFailed> {
    let webhook = store::find(tx, replay.webhook_id)?;
    if webhook.disabled_at.is_some() || webhook.deleted_at.is_some() {
        return Err(JobFailed::for_good("the webhook is disabled or deleted"));
    }
    let subjects: Vec<&str> =
        selection::subjects_of(&webhook.event_types).into_iter().map(|(subject, _)| subject).collect();
    let mut behind = match behind {
        Some(behind) => behind,
        None => {
            let total = deliveries::count_between(tx, replay.from, replay.to, &subjects)?;
            Behind { seq: 0, total, delivered: 0 }
        }
    };
    let found = deliveries::events_between(tx, replay.from, replay.to, &subjects, behind.seq, AT_ONCE)?;
    let selection = Selection::of(&webhook);
    let new: Vec<_> = found
        .iter()
        .filter(|event| selection.wants(event))
        .map(|event| about(tx, &webhook, event, "replay"))
        .collect();
    put_down(tx, &new)?;
    behind.delivered += new.len() as i64;
    behind.seq = found.last().map_or(behind.seq, |event| event.seq);
    let (done, total) = (found.len() as i64, Some(behind.total));
    Ok(match done < AT_ONCE {
        true => Step::last(done, json!({ "delivered": behind.delivered })),
        false => Step::with_next(done, total, behind),
    })
}
