//! What somebody wants to be delivered, and putting it down.

use fulcrum_persistence::platform::events::Event;
use fulcrum_persistence::platform::webhook_deliveries::{self as deliveries, Delivery};
use fulcrum_persistence::platform::webhooks::Webhook;
use fulcrum_persistence::{StoreError, Tx};
use uuid::Uuid;

use super::deliver::Deliver;
use super::message;
use super::replay::Replay;
use super::service::{changeable, may_read};
use super::telling::about;
use super::views::ReplayInput;
use crate::http::answer::Answer;
use crate::http::catalog::Code;
use crate::http::problem::Problem;
use crate::platform::events::vocabulary;
use crate::platform::jobs::enqueue_for_company;
use crate::platform::operations;

/// Sends a message that says nothing, once; also while the webhook is disabled.
///
/// # Errors
/// 404, 409 when it is deleted, 403 for one that hears more than the actor may read.
pub fn test(tx: &mut Tx, id: Uuid) -> Result<Delivery, Problem> {
    let webhook = changeable(tx, id)?;
    let delivery_id = Uuid::now_v7();
    let delivery = Delivery {
        message_id: format!("msg_{}", delivery_id.simple()),
        event_type: message::TEST.into(),
        event_seq: None,
        event_at: None,
        ..new_delivery(tx, &webhook, delivery_id, "test")
    };
    put_down(tx, std::slice::from_ref(&delivery))?;
    Ok(delivery)
}

/// Delivers the events of a time again, those that the webhook wants now, as an operation.
///
/// # Errors
/// 404, 409 when it is deleted or disabled, 403 for one that hears more than the actor may read.
pub fn replay(tx: &mut Tx, id: Uuid, input: &ReplayInput) -> Result<Answer, Problem> {
    enabled(tx, id)?;
    operations::begin(tx, &Replay { webhook_id: id, from: input.from, to: input.to })
}

/// Delivers the event of a delivery again.
///
/// # Errors
/// 404, 409 when the webhook is deleted or disabled, 403 for one that hears more than the actor may read.
pub fn deliver_again(tx: &mut Tx, id: Uuid) -> Result<Delivery, Problem> {
    let before = deliveries::find(tx, id)?;
    if before.event_seq.is_none() {
        return test(tx, before.webhook_id);
    }
    let webhook = enabled(tx, before.webhook_id)?;
    // Of what the webhook was told in former times, too.
    may_read(tx, std::slice::from_ref(&before.event_type))?;
    if !vocabulary::is_selected(&webhook.event_types, &before.event_type) {
        return Err(Problem::new(Code::EventNotWanted).with("event_type", before.event_type));
    }
    let delivery = Delivery {
        message_id: before.message_id,
        event_type: before.event_type,
        event_seq: before.event_seq,
        event_at: before.event_at,
        ..new_delivery(tx, &webhook, Uuid::now_v7(), "replay")
    };
    put_down(tx, std::slice::from_ref(&delivery))?;
    Ok(delivery)
}

/// Tells a webhook of an event, whatever it listens to. Returns the delivery.
///
/// # Errors
/// 404, 409 when the webhook is deleted or disabled, 403 for one that hears more than the actor may read.
pub fn call(tx: &mut Tx, id: Uuid, event: &Event) -> Result<Uuid, Problem> {
    let webhook = enabled(tx, id)?;
    let delivery = about(tx, &webhook, event, "automation");
    put_down(tx, std::slice::from_ref(&delivery))?;
    Ok(delivery.id)
}

fn enabled(tx: &mut Tx, id: Uuid) -> Result<Webhook, Problem> {
    let webhook = changeable(tx, id)?;
    match webhook.disabled_at {
        Some(_) => Err(Problem::new(Code::WebhookDisabled)),
        None => Ok(webhook),
    }
}

/// A delivery that is due now, without what it is about.
pub(super) fn new_delivery(tx: &Tx, webhook: &Webhook, id: Uuid, origin: &str) -> Delivery {
    Delivery {
        tenant_id: webhook.tenant_id,
        id,
        webhook_id: webhook.id,
        period: webhook.period,
        message_id: String::new(),
        event_type: String::new(),
        event_seq: None,
        event_at: None,
        origin: origin.into(),
        state: "waiting".into(),
        attempts: 0,
        next_at: Some(tx.now),
        later: false,
        created_at: tx.now,
        finished_at: None,
    }
}

/// Puts deliveries down, and who makes them.
///
/// # Errors
/// Those of the database.
pub(super) fn put_down(tx: &mut Tx, new: &[Delivery]) -> Result<(), StoreError> {
    deliveries::insert(tx, new)?;
    let mut webhook_ids: Vec<Uuid> = new.iter().map(|delivery| delivery.webhook_id).collect();
    webhook_ids.sort();
    webhook_ids.dedup();
    for webhook_id in webhook_ids {
        look_after(tx, webhook_id)?;
    }
    Ok(())
}

/// Has somebody look at what waits for a webhook.
pub(super) fn look_after(tx: &mut Tx, webhook_id: Uuid) -> Result<(), StoreError> {
    let now = tx.now;
    enqueue_for_company(tx, &Deliver { webhook_id }, now).map(|_| ())
}
