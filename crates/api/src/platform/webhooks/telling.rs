//! Following the log of each company, and putting down what its webhooks are to be told.

use std::collections::BTreeSet;
use std::time::Duration;

use fulcrum_persistence::platform::changes;
use fulcrum_persistence::platform::events::Event;
use fulcrum_persistence::platform::log_places::{self, Follower};
use fulcrum_persistence::platform::webhook_deliveries::Delivery;
use fulcrum_persistence::platform::webhooks as store;
use fulcrum_persistence::{StoreError, Tx};
use uuid::Uuid;

use super::deliver::disable;
use super::selection::Selection;
use super::wanted::{new_delivery, put_down};
use crate::platform::events::vocabulary;
use crate::platform::events::vocabulary::Unreadable;
use crate::platform::following::{Following, Went};

/// Events that are read in one transaction.
const AT_ONCE: usize = 200;
/// How long the filter of one webhook may work on a page. A usual one takes a hundredth of it.
const PATIENCE: Duration = Duration::from_millis(200);

/// Follows the logs of companies with webhooks.
pub(crate) fn telling() -> Following {
    Following::new(store::tenants_listening, tell)
}

/// Puts down what the webhooks of the actor's company are to be told next.
fn tell(tx: &mut Tx) -> Result<Went, StoreError> {
    let Some(place) = log_places::take(tx, Follower::Webhooks)? else {
        return Ok(if store::is_listened_to(tx)? { Went::BySomebodyElse } else { Went::Everything });
    };
    let webhooks = store::hold_listening(tx)?;
    let types: BTreeSet<&str> = webhooks
        .iter()
        .flat_map(|webhook| vocabulary::subjects_of(&webhook.event_types))
        .map(|(subject, _)| subject)
        .collect();
    let types: Vec<&str> = types.into_iter().collect();
    let Some(read) = changes::read(tx, place, &types, AT_ONCE)? else {
        let end = changes::end(tx)?;
        log_places::set(tx, Follower::Webhooks, end)?;
        return Ok(Went::Everything);
    };
    if !read.events.is_empty() {
        let mut new = Vec::new();
        for webhook in webhooks {
            let selection = match Selection::of(&webhook) {
                Ok(selection) => selection,
                Err(Unreadable::Wrong) => {
                    disable(tx, webhook, "filter")?;
                    continue;
                }
                Err(Unreadable::Busy) => return Err(StoreError::Overloaded),
            };
            let heard = read
                .events
                .iter()
                .zip(&read.xids)
                .filter(|(_, xid)| !log_places::is_in(&webhook.listens_after, **xid));
            match wanted(&selection, heard.map(|(event, _)| event)) {
                Some(wanted) => {
                    new.extend(wanted.into_iter().map(|event| about(tx, &webhook, event, "event")))
                }
                None => drop(disable(tx, webhook, "filter")?),
            }
        }
        put_down(tx, &new)?;
    }
    if read.next != place {
        log_places::set(tx, Follower::Webhooks, read.next)?;
    }
    Ok(if read.more { Went::Some } else { Went::Everything })
}

/// What a webhook wants of a page; nothing when that takes longer to find out than the others should have to wait.
fn wanted<'e>(selection: &Selection, heard: impl Iterator<Item = &'e Event>) -> Option<Vec<&'e Event>> {
    let (began, mut wanted) = (worked(), Vec::new());
    for event in heard {
        if selection.wants(event) {
            wanted.push(event);
        }
        if worked().saturating_sub(began) > PATIENCE {
            return None;
        }
    }
    Some(wanted)
}

/// How long this thread has worked, not counting what it waited for others.
#[cfg(unix)]
fn worked() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Into::into)
}

#[cfg(not(unix))]
fn worked() -> Duration {
    static BEGAN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGAN.elapsed()
}

/// The delivery of an event.
pub(super) fn about(tx: &Tx, webhook: &store::Webhook, event: &Event, origin: &str) -> Delivery {
    Delivery {
        // The same however often it is told, so that a receiver that heard it already knows that. With the time, because a database
        // that was restored from a copy gives numbers again that were given to other events.
        message_id: format!("msg_{}_{}_{}", webhook.id.simple(), event.seq, event.at.timestamp_micros()),
        event_type: event.type_.clone(),
        event_seq: Some(event.seq),
        event_at: Some(event.at),
        ..new_delivery(tx, webhook, Uuid::now_v7(), origin)
    }
}
