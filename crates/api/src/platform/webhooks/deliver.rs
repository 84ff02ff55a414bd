//! Sending what waits for a webhook.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use fulcrum_domain::platform::tell_again;
use fulcrum_persistence::platform::events::{self, NewEvent};
use fulcrum_persistence::platform::webhook_deliveries::{self as deliveries, Attempt, Delivery};
use fulcrum_persistence::platform::webhooks::{self as store, Webhook};
use fulcrum_persistence::{StoreError, Tx};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::message;
use super::sender::Outcome;
use crate::App;
use crate::auth::keys::Keys;
use crate::platform::jobs::{Context, Job, JobFailed, Lane, enqueue_for_company};

/// Messages that one webhook gets at one time.
const AT_ONCE: usize = 8;
/// Messages that are fetched together: even if nobody answers, they are done before others take the sender for dead.
const ROUND: i64 = 32;
/// How long a sender has a webhook for itself without a word.
const BUSY: TimeDelta = TimeDelta::minutes(3);
/// How long a webhook is sent to before the others have their turn.
const TURN: Duration = Duration::from_secs(30);
/// After so long without anything getting through, a webhook is disabled (Standard Webhooks says five days).
const GIVEN_UP: TimeDelta = TimeDelta::days(5);

/// Sends what waits for one webhook, as far as it is due. One at a time does that, so a receiver that hangs holds up nothing but
/// its own messages.
#[derive(Serialize, Deserialize)]
pub(crate) struct Deliver {
    pub(super) webhook_id: Uuid,
}

impl Job for Deliver {
    const KIND: &'static str = "platform.webhook_delivery";
    const LANE: Lane = Lane::Waiting;

    fn unique_key(&self) -> Option<String> {
        Some(self.webhook_id.to_string())
    }
}

/// What is sent together.
struct Round {
    url: String,
    secrets: Vec<String>,
    /// Deliveries with their messages; without one when the event isn't kept any more.
    messages: Vec<(Delivery, Option<String>)>,
}

pub(crate) async fn run(context: Context, job: Deliver) -> Result<(), JobFailed> {
    let (began, id) = (Instant::now(), job.webhook_id);
    let app = context.app.clone();
    let mut round = context.write(move |tx| begin(tx, &app.keys, id)).await?;
    while let Some(now) = round {
        let outcomes: Vec<(Delivery, Sent)> = stream::iter(now.messages)
            .map(|(delivery, body)| send(&context.app, &now.url, &now.secrets, delivery, body))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let (app, goes_on) = (context.app.clone(), began.elapsed() < TURN);
        round = context
            .write(move |tx| {
                let webhook = note_all(tx, id, &outcomes)?;
                Ok(if goes_on { next(tx, &app.keys, webhook)? } else { end(tx, webhook)? })
            })
            .await?;
    }
    Ok(())
}

struct Sent {
    at: DateTime<Utc>,
    outcome: Outcome,
}

async fn send(
    app: &App,
    url: &str,
    secrets: &[String],
    delivery: Delivery,
    body: Option<String>,
) -> (Delivery, Sent) {
    let at = app.db.clock().now();
    let outcome = match body {
        Some(body) => app.sender.send(url, message::signed(&delivery.message_id, at, body, secrets)).await,
        None => {
            Outcome { status: None, error: Some(NOT_KEPT.into()), response: None, duration: Duration::ZERO }
        }
    };
    (delivery, Sent { at, outcome })
}

const NOT_KEPT: &str = "the event is not kept any more";

/// The first round, or nothing when somebody else is at it.
fn begin(tx: &mut Tx, keys: &Keys, id: Uuid) -> Result<Option<Round>, JobFailed> {
    let webhook = match store::lock(tx, id) {
        Err(StoreError::NotFound) => return Ok(None),
        found => found?,
    };
    if let Some(until) = webhook.busy_until.filter(|until| *until > tx.now) {
        // Whoever it is looks again before leaving. In case that never happens, somebody looks then.
        enqueue_for_company(tx, &Deliver { webhook_id: id }, until)?;
        return Ok(None);
    }
    next(tx, keys, webhook)
}

/// The next round, or the end.
fn next(tx: &mut Tx, keys: &Keys, webhook: Webhook) -> Result<Option<Round>, JobFailed> {
    let mut due = match webhook.deleted_at {
        Some(_) => vec![],
        None => deliveries::due(tx, webhook.id, ROUND)?,
    };
    if webhook.disabled_at.is_some() {
        due.retain(|delivery| delivery.origin == "test");
    }
    if due.is_empty() {
        return Ok(end(tx, webhook)?);
    }
    let mut secrets = vec![webhook.secret.as_slice()];
    let previous = webhook.previous_secret.as_deref();
    secrets.extend(previous.filter(|_| webhook.previous_secret_until.is_some_and(|until| until > tx.now)));
    let opened = secrets.into_iter().map(|sealed| {
        let secret = keys.open(sealed).and_then(|bytes| String::from_utf8(bytes).ok());
        secret.ok_or_else(|| {
            JobFailed::for_now("its secret can't be decrypted: the key of the installation is another one")
        })
    });
    let secrets = opened.collect::<Result<Vec<_>, _>>()?;
    let mut found = deliveries::events_of(tx, &due)?;
    let messages = due.into_iter().map(|delivery| {
        let body = match delivery.event_seq {
            None => {
                Some(message::test(delivery.tenant_id, webhook.id, &delivery.message_id, delivery.created_at))
            }
            Some(seq) => {
                let event = found.iter().position(|event| event.seq == seq).map(|index| found[index].clone());
                event.map(|event| message::about(delivery.tenant_id, event))
            }
        };
        (delivery, body)
    });
    let messages = messages.collect();
    found.clear();
    let (url, busy_until) = (webhook.url.clone(), Some(tx.now + BUSY));
    store::replace(tx, &Webhook { busy_until, ..webhook })?;
    Ok(Some(Round { url, secrets, messages }))
}

/// Leaves, and has somebody come back when there is something to do again.
fn end(tx: &mut Tx, webhook: Webhook) -> Result<Option<Round>, StoreError> {
    let (id, idle) = (webhook.id, webhook.disabled_at.is_some() || webhook.deleted_at.is_some());
    if webhook.busy_until.is_some() {
        store::replace(tx, &Webhook { busy_until: None, ..webhook })?;
    }
    if let Some(at) = deliveries::next_due(tx, id)?
        && !idle
    {
        let at = at.max(tx.now);
        enqueue_for_company(tx, &Deliver { webhook_id: id }, at)?;
    }
    Ok(None)
}

/// Notes what came of a round, and what that means for the webhook.
fn note_all(tx: &mut Tx, id: Uuid, outcomes: &[(Delivery, Sent)]) -> Result<Webhook, JobFailed> {
    let mut webhook = store::lock(tx, id)?;
    let was_failing = webhook.failing_since;
    let mut stop = None;
    for (delivery, Sent { at, outcome }) in outcomes {
        let number = delivery.attempts + 1;
        let attempt = Attempt {
            tenant_id: delivery.tenant_id,
            delivery_id: delivery.id,
            number,
            at: *at,
            duration_ms: outcome.duration.as_millis().min(i32::MAX as u128) as i32,
            status: outcome.status.and_then(|status| status.try_into().ok()),
            error: outcome.error.clone(),
            response: outcome.response.clone(),
        };
        let again = tell_again(number as u32, rand::random()).map(|wait| *at + wait);
        let again = again.filter(|_| {
            delivery.origin != "test"
                && outcome.status != Some(410)
                && outcome.error.as_deref() != Some(NOT_KEPT)
        });
        let state = match (outcome.is_success(), again) {
            (true, _) => "succeeded",
            (false, Some(_)) => "waiting",
            (false, None) => "failed",
        };
        let next_at = again.filter(|_| state == "waiting");
        let ended = Delivery {
            state: state.into(),
            next_at,
            finished_at: next_at.is_none().then_some(tx.now),
            ..delivery.clone()
        };
        deliveries::note(tx, &ended, &attempt)?;
        if outcome.is_success() {
            webhook.failing_since = None;
        } else if delivery.origin != "test" && outcome.error.as_deref() != Some(NOT_KEPT) {
            let since = *webhook.failing_since.get_or_insert(*at);
            if outcome.status == Some(410) {
                stop = Some("gone");
            } else if *at - since >= GIVEN_UP {
                stop = stop.or(Some("failing"));
            }
        }
    }
    if let Some(reason) = stop.filter(|_| webhook.disabled_at.is_none()) {
        webhook = disable(tx, webhook, reason)?;
    }
    if webhook.failing_since.is_some() != was_failing.is_some() && stop.is_none() {
        // Shown, so the version tells of it.
        webhook.version += 1;
        webhook.updated_at = tx.now;
    }
    store::replace(tx, &webhook)?;
    Ok(webhook)
}

/// Stops telling somebody who doesn't listen, and says so in the log.
fn disable(tx: &mut Tx, webhook: Webhook, reason: &str) -> Result<Webhook, StoreError> {
    deliveries::cancel_waiting(tx, webhook.id)?;
    let webhook = Webhook {
        disabled_at: Some(tx.now),
        disabled_reason: Some(reason.into()),
        version: webhook.version + 1,
        updated_at: tx.now,
        ..webhook
    };
    tracing::warn!(webhook = %webhook.id, tenant = %webhook.tenant_id, reason, "a webhook is disabled");
    events::append(
        tx,
        NewEvent {
            kind: format!("{}.disabled", store::SUBJECT),
            subject_type: store::SUBJECT,
            subject_id: webhook.id,
            customer_id: None,
            version: Some(webhook.version),
            changes: json!({
                "disabled": { "from": false, "to": true },
                "reason": { "from": null, "to": reason },
            }),
        },
    )?;
    Ok(webhook)
}
