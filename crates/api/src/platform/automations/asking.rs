//! Following the log of each company, and putting down which automations are to be asked.

use std::collections::{BTreeSet, HashMap};

use fulcrum_persistence::platform::automation_runs::{self as runs, Run};
use fulcrum_persistence::platform::automations::{self as store, Automation};
use fulcrum_persistence::platform::changes;
use fulcrum_persistence::platform::events::Event;
use fulcrum_persistence::platform::log_places::{self, Follower};
use fulcrum_persistence::{StoreError, Tx};
use uuid::Uuid;

use super::clock::new_run;
use super::running::ask_soon;
use super::service::input_of;
use crate::http::context::AUTOMATION;
use crate::platform::events::vocabulary;
use crate::platform::following::{Following, Went};

/// Events that are read in one transaction.
const AT_ONCE: usize = 200;

/// Follows the logs of companies with automations that wait for events.
pub(crate) fn asking() -> Following {
    Following::new(store::tenants_listening, ask)
}

/// Puts down which automations of the actor's company are to be asked next.
fn ask(tx: &mut Tx) -> Result<Went, StoreError> {
    let Some(place) = log_places::take(tx, Follower::Automations)? else {
        return Ok(if store::listens(tx)? { Went::BySomebodyElse } else { Went::Everything });
    };
    let automations: Vec<(Automation, Vec<String>)> = store::hold_enabled(tx)?
        .into_iter()
        .filter(|automation| automation.next_at.is_none())
        .map(|automation| {
            let types = input_of(&automation).trigger.event_types();
            (automation, types)
        })
        .collect();
    let types: BTreeSet<&str> = automations
        .iter()
        .flat_map(|(_, types)| vocabulary::subjects_of(types))
        .map(|(subject, _)| subject)
        // What they do themselves triggers none, or the first `*` would ask itself for ever.
        .filter(|subject| *subject != store::SUBJECT)
        .collect();
    let types: Vec<&str> = types.into_iter().collect();
    let Some(read) = changes::read(tx, place, &types, AT_ONCE)? else {
        let end = changes::end(tx)?;
        log_places::set(tx, Follower::Automations, end)?;
        return Ok(Went::Everything);
    };
    let depths = depths(tx, &read.events)?;
    let mut new = Vec::new();
    for (event, xid) in read.events.iter().zip(&read.xids) {
        let listens = |(automation, types): &&(Automation, Vec<String>)| {
            vocabulary::is_selected(types, &event.type_)
                && !log_places::is_in(&automation.listens_after, *xid)
        };
        let depth = caused_by(event).and_then(|id| depths.get(&id)).map_or(0, |depth| depth + 1);
        let asked = automations.iter().filter(listens);
        new.extend(asked.map(|(automation, _)| asked_by(tx, automation, event, depth)));
    }
    if !new.is_empty() {
        runs::insert(tx, &new)?;
        ask_soon(tx)?;
    }
    if read.next != place {
        log_places::set(tx, Follower::Automations, read.next)?;
    }
    Ok(if read.more { Went::Some } else { Went::Everything })
}

/// The run that did what happened.
fn caused_by(event: &Event) -> Option<Uuid> {
    event.request_id.as_deref()?.strip_prefix(AUTOMATION)?.parse().ok()
}

fn depths(tx: &mut Tx, events: &[Event]) -> Result<HashMap<Uuid, i32>, StoreError> {
    let ids: BTreeSet<Uuid> = events.iter().filter_map(caused_by).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = ids.into_iter().collect();
    Ok(runs::depths(tx, &ids)?.into_iter().collect())
}

fn asked_by(tx: &Tx, automation: &Automation, event: &Event, depth: i32) -> Run {
    Run {
        // With the time, because a database that was restored from a copy gives numbers again.
        key: format!("event/{}-{}", event.seq, event.at.timestamp_micros()),
        event_seq: Some(event.seq),
        event_at: Some(event.at),
        event_type: Some(event.type_.clone()),
        subject_type: Some(event.subject_type.clone()),
        subject_id: Some(event.subject_id),
        depth,
        ..new_run(tx, automation)
    }
}
