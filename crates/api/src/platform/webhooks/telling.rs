//! Following the log of each company, and putting down what its webhooks are to be told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fulcrum_persistence::platform::changes;
use fulcrum_persistence::platform::events::Event;
use fulcrum_persistence::platform::webhook_deliveries::Delivery;
use fulcrum_persistence::platform::webhooks as store;
use fulcrum_persistence::{Db, QueryStats, StoreError, Tx};
use uuid::Uuid;

use super::deliver::disable;
use super::selection::{self, Selection, Unselectable};
use super::wanted::{new_delivery, put_down};
use crate::platform::jobs::system_of;

/// Events that are read in one transaction.
const AT_ONCE: usize = 200;
/// How long the filter of one webhook may work on a page. A usual one takes a hundredth of it.
const PATIENCE: Duration = Duration::from_millis(200);

/// What a worker knows of the logs. Any number of workers may do this: a company's place in its log is held by one at a time.
#[derive(Default)]
pub(crate) struct Telling {
    /// Up to which transaction the logs were looked at.
    since: Option<i64>,
    /// Companies that had webhooks then.
    known: BTreeSet<Uuid>,
    /// Companies that have something to be told.
    behind: BTreeSet<Uuid>,
}

impl Telling {
    /// Looks whether anything happened, and puts it down. Of a company that is far behind a piece, so that the others have their
    /// turn: the rest the next time.
    ///
    /// # Errors
    /// Those of the database; what wasn't put down is put down the next time.
    pub(crate) async fn look(&mut self, db: &Db) -> Result<(), StoreError> {
        let stats = Arc::new(QueryStats::default());
        let nobody = system_of(Uuid::nil());
        let since = self.since;
        let (tenants, horizon, changed) = db
            .read(&nobody, &stats, move |tx| {
                let tenants = store::tenants_listening(tx)?;
                let (horizon, changed) = match tenants.as_slice() {
                    [] => (None, vec![]),
                    some => {
                        changes::news(tx, since, some).map(|(horizon, changed)| (Some(horizon), changed))?
                    }
                };
                Ok::<_, StoreError>((tenants, horizon, changed))
            })
            .await?;
        self.behind.extend(changed);
        // Of those who have begun to listen since, the news may lie before this look.
        self.behind.extend(tenants.iter().filter(|tenant| !self.known.contains(*tenant)));
        self.known = tenants.into_iter().collect();
        self.since = horizon;
        for tenant in self.behind.clone() {
            match db.write(&system_of(tenant), &stats, tell).await {
                Ok(Told::Everything) => {
                    self.behind.remove(&tenant);
                }
                // If who is at it doesn't come to an end, somebody has to go on.
                Ok(Told::Some | Told::BySomebodyElse) => {}
                // One company's trouble isn't the others'.
                Err(error) => tracing::warn!(%error, %tenant, "webhooks could not be told"),
            }
        }
        Ok(())
    }
}

/// How far it went.
enum Told {
    Everything,
    Some,
    BySomebodyElse,
}

/// Puts down what the webhooks of the actor's company are to be told next.
fn tell(tx: &mut Tx) -> Result<Told, StoreError> {
    let Some(place) = store::take_place(tx)? else {
        return Ok(if store::is_listened_to(tx)? { Told::BySomebodyElse } else { Told::Everything });
    };
    let webhooks = store::hold_listening(tx)?;
    let types: BTreeSet<&str> = webhooks
        .iter()
        .flat_map(|webhook| selection::subjects_of(&webhook.event_types))
        .map(|(subject, _)| subject)
        .collect();
    let types: Vec<&str> = types.into_iter().collect();
    let Some(read) = changes::read(tx, place, &types, AT_ONCE)? else {
        let end = changes::end(tx)?;
        store::set_place(tx, end)?;
        return Ok(Told::Everything);
    };
    if !read.events.is_empty() {
        let mut new = Vec::new();
        for webhook in webhooks {
            let selection = match Selection::of(&webhook) {
                Ok(selection) => selection,
                Err(Unselectable::Unreadable) => {
                    disable(tx, webhook, "filter")?;
                    continue;
                }
                Err(Unselectable::Busy) => return Err(StoreError::Overloaded),
            };
            let heard = read.events.iter().zip(&read.xids).filter(|(_, xid)| !webhook.has_heard(**xid));
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
        store::set_place(tx, read.next)?;
    }
    Ok(if read.more { Told::Some } else { Told::Everything })
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
