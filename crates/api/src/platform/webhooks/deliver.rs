//! Sending what waits for a webhook.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use fulcrum_domain::platform::tell_again;
use fulcrum_persistence::platform::events::{self, NewEvent};
use fulcrum_persistence::platform::webhook_deliveries::{self as deliveries, Attempt, Delivery};
use fulcrum_persistence::platform::webhooks::{self as store, Webhook};
use fulcrum_persistence::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::sender::Outcome;
use super::service::secret_of;
use super::wanted::look_after;
use super::{keepers, message};
use crate::App;
use crate::auth::keys::Keys;
use crate::platform::events::vocabulary::is_selected;
use crate::platform::jobs::{Context, Job, JobFailed, Lane, enqueue_for_company, system_of};

/// Messages that one webhook gets at one time.
const ROUND: i64 = 8;
/// How long a sender has a webhook for itself without a word: longer than a round takes when nobody answers.
const BUSY: TimeDelta = TimeDelta::minutes(1);
/// Deliveries that are given up in one transaction.
const GIVEN_UP_AT_ONCE: i64 = 1000;
/// How often it is tried to note what came of a round, a second apart: what isn't noted is sent again.
const NOTING: u32 = 10;
/// How late something may be before it is looked for.
const OVERDUE: TimeDelta = TimeDelta::minutes(5);
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

/// To whom a round is sent, and until when the webhook is ours.
#[derive(Clone)]
struct Told {
    url: String,
    /// In which of its periods the webhook is.
    period: i32,
    until: DateTime<Utc>,
}

/// What is sent together.
struct Round {
    told: Told,
    secrets: Vec<String>,
    /// Deliveries with their messages, or why there is none.
    messages: Vec<(Delivery, Result<String, &'static str>)>,
}

pub(crate) async fn run(context: Context, job: Deliver) -> Result<(), JobFailed> {
    let (began, id) = (Instant::now(), job.webhook_id);
    let app = context.app.clone();
    let mut round = context.write(move |tx| Ok(begin(tx, &app.keys, id)?)).await?;
    while let Some(now) = round {
        let told = now.told.clone();
        let outcomes: Arc<[(Delivery, Sent)]> = send(&context.app, now).await.into();
        let goes_on = began.elapsed() < TURN && !*context.stopping.borrow();
        round = note_and_go_on(&context, id, told, outcomes, goes_on).await?;
    }
    Ok(())
}

/// Notes what came of a round, however long the database is away, within bounds.
async fn note_and_go_on(
    context: &Context,
    id: Uuid,
    told: Told,
    outcomes: Arc<[(Delivery, Sent)]>,
    goes_on: bool,
) -> Result<Option<Round>, JobFailed> {
    let mut tries = 0;
    loop {
        let (app, outcomes, told) = (context.app.clone(), outcomes.clone(), told.clone());
        let noted = context
            .write(move |tx| {
                let webhook = note_all(tx, id, &told, &outcomes)?;
                if webhook.busy_until != Some(told.until) {
                    // It took too long: somebody else is at it by now.
                    return Ok(None);
                }
                Ok(if goes_on { next(tx, &app.keys, webhook)? } else { end(tx, webhook)? })
            })
            .await;
        if noted.is_ok() || tries == NOTING {
            return noted;
        }
        tries += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// When it was sent, and what came of it.
struct Sent {
    at: DateTime<Utc>,
    outcome: Outcome,
}

async fn send(app: &App, round: Round) -> Vec<(Delivery, Sent)> {
    let at = app.db.clock().now();
    let (mut sent, mut to_send, mut messages) = (Vec::new(), Vec::new(), Vec::new());
    for (delivery, body) in round.messages {
        match body {
            Ok(body) => {
                messages.push(message::signed(&delivery.message_id, at, body, &round.secrets));
                to_send.push(delivery);
            }
            Err(why) => sent.push((delivery, Sent { at, outcome: Outcome::without_sending(why) })),
        }
    }
    if !messages.is_empty() {
        let outcomes = app.sender.send_all(&round.told.url, messages).await;
        let outcomes = outcomes.into_iter().map(|outcome| Sent { at, outcome });
        sent.extend(to_send.into_iter().zip(outcomes));
    }
    for (_, Sent { outcome, .. }) in &sent {
        let word = match (outcome.is_success(), outcome.status) {
            (true, _) => "taken",
            (false, Some(_)) => "refused",
            (false, None) => "not_sent",
        };
        metrics::counter!("fulcrum_webhook_attempts_total", "outcome" => word).increment(1);
    }
    sent
}

const NOT_KEPT: &str = "the event is not kept any more";
const NO_SECRET: &str = "its secret can't be decrypted: the key of the installation is another one";

/// The first round, or nothing when somebody else is at it.
fn begin(tx: &mut Tx, keys: &Keys, id: Uuid) -> Result<Option<Round>, StoreError> {
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
fn next(tx: &mut Tx, keys: &Keys, webhook: Webhook) -> Result<Option<Round>, StoreError> {
    let idle = webhook.disabled_at.is_some() || webhook.deleted_at.is_some();
    // What was put down before it was disabled and enabled again is of a time that is over.
    let over = if idle { webhook.period + 1 } else { webhook.period };
    let tests = webhook.deleted_at.is_some();
    let given_up = deliveries::cancel_waiting(tx, webhook.id, over, tests, GIVEN_UP_AT_ONCE)? as i64;
    let due = match webhook.deleted_at {
        Some(_) => vec![],
        // One that doesn't get through is tried with one message at a time.
        None => {
            deliveries::due(tx, webhook.id, idle, if webhook.failing_since.is_some() { 1 } else { ROUND })?
        }
    };
    if due.is_empty() && given_up < GIVEN_UP_AT_ONCE {
        return end(tx, webhook);
    }
    let mut wanted = Vec::new();
    for delivery in due {
        if ["test", "automation"].contains(&delivery.origin.as_str())
            || is_selected(&webhook.event_types, &delivery.event_type)
        {
            wanted.push(delivery);
        } else {
            deliveries::cancel(tx, delivery.id)?;
        }
    }
    let secrets = secrets(tx, keys, &webhook);
    let found = deliveries::events_of(tx, &wanted)?;
    let body = |delivery: &Delivery| match delivery.event_seq {
        _ if secrets.is_none() => Err(NO_SECRET),
        None => Ok(message::test(delivery.tenant_id, webhook.id, &delivery.message_id, delivery.created_at)),
        Some(seq) => {
            let event = found.iter().find(|event| event.seq == seq);
            event.map(|event| message::about(delivery.tenant_id, event.clone())).ok_or(NOT_KEPT)
        }
    };
    let messages = wanted.into_iter().map(|delivery| (delivery.clone(), body(&delivery))).collect();
    let (secrets, until) = (secrets.unwrap_or_default(), tx.now + BUSY);
    let told = Told { url: webhook.url.clone(), period: webhook.period, until };
    store::replace(tx, &Webhook { busy_until: Some(until), ..webhook })?;
    Ok(Some(Round { told, secrets, messages }))
}

/// What messages are signed with: the secret, and for a while the one before it. Nothing when they can't be decrypted.
fn secrets(tx: &Tx, keys: &Keys, webhook: &Webhook) -> Option<Vec<String>> {
    let previous = webhook.previous_secret.as_deref();
    let previous = previous.filter(|_| webhook.previous_secret_until.is_some_and(|until| until > tx.now));
    let what = secret_of(webhook);
    let open = |sealed: &[u8]| String::from_utf8(keys.open(&what, sealed)?).ok();
    let mut secrets = vec![open(&webhook.secret)?];
    secrets.extend(previous.and_then(open));
    Some(secrets)
}

/// Leaves, and has somebody come back when there is something to do again.
fn end(tx: &mut Tx, webhook: Webhook) -> Result<Option<Round>, StoreError> {
    let (id, idle, deleted) = (webhook.id, webhook.disabled_at.is_some(), webhook.deleted_at.is_some());
    if webhook.busy_until.is_some() {
        store::replace(tx, &Webhook { busy_until: None, ..webhook })?;
    }
    if deleted {
        return Ok(None);
    }
    if let Some(at) = deliveries::next_due(tx, id, idle)? {
        let at = at.max(tx.now);
        enqueue_for_company(tx, &Deliver { webhook_id: id }, at)?;
    }
    Ok(None)
}

/// Notes what came of a round, and what that means for the webhook.
fn note_all(
    tx: &mut Tx,
    id: Uuid,
    told: &Told,
    outcomes: &[(Delivery, Sent)],
) -> Result<Webhook, StoreError> {
    let before = store::lock(tx, id)?;
    let mut webhook = before.clone();
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
            } else if next_at.is_none() && *at - since >= GIVEN_UP {
                // One that was told often enough, and nothing else got through in all that time.
                stop = stop.or(Some("failing"));
            }
        }
    }
    // What another address said, or this one in another time, is no judgement of what the webhook is now.
    if (&before.url, before.period) != (&told.url, told.period) {
        return Ok(before);
    }
    if webhook.failing_since != before.failing_since {
        // Shown, so the version tells of it.
        webhook.version += 1;
        webhook.updated_at = tx.now;
    }
    if let Some(reason) = stop.filter(|_| webhook.disabled_at.is_none()) {
        return disable(tx, webhook, reason);
    }
    store::replace(tx, &webhook)?;
    Ok(webhook)
}

/// Stops telling somebody who doesn't listen, and says so in the log.
pub(super) fn disable(tx: &mut Tx, webhook: Webhook, reason: &str) -> Result<Webhook, StoreError> {
    let webhook = Webhook {
        disabled_at: Some(tx.now),
        disabled_reason: Some(reason.into()),
        version: webhook.version + 1,
        updated_at: tx.now,
        ..webhook
    };
    store::replace(tx, &webhook)?;
    // Gives up what waits for it.
    look_after(tx, webhook.id)?;
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
    keepers::tell(tx, &webhook, reason)?;
    Ok(webhook)
}

/// Has somebody look where something is overdue and nobody is going to look: whoever was to do it has failed too often, or was
/// given up by an administrator.
///
/// # Errors
/// Those of the database.
pub(crate) fn revive(tx: &mut Tx) -> Result<(), StoreError> {
    for (tenant_id, webhook_id) in deliveries::overdue(tx, tx.now - OVERDUE)? {
        let own = std::mem::replace(&mut tx.actor, system_of(tenant_id));
        let looked = look_after(tx, webhook_id);
        tx.actor = own;
        looked?;
    }
    Ok(())
}
