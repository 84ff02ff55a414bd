//! Automations whose time comes. Each company has one job that waits for the next of them.

use actix_web::web;
use chrono::{DateTime, TimeDelta, Utc};
use fulcrum_domain::platform::Schedule;
use fulcrum_persistence::platform::automation_runs::{self as runs, Run};
use fulcrum_persistence::platform::automation_times;
use fulcrum_persistence::platform::automations::{self as store, Automation};
use fulcrum_persistence::{Json, StoreError, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::running::ask_soon;
use super::service::input_of;
use super::views::{AutomationTrigger, TriggerType};
use crate::App;
use crate::platform::jobs::{Job, JobFailed, enqueue_for_company};

/// Puts down what has become due.
#[derive(Serialize, Deserialize)]
pub(crate) struct AutomationClock {}

impl Job for AutomationClock {
    const KIND: &'static str = "platform.automation_clock";

    fn unique_key(&self) -> Option<String> {
        Some("clock".into())
    }
}

/// How often times in records are looked at.
pub(super) const PERIOD: TimeDelta = TimeDelta::minutes(1);
/// How long a transaction may take that has written a time and isn't committed: so far back is looked again.
const IN_FLIGHT: TimeDelta = TimeDelta::minutes(1);
/// When to look again at what somebody else holds.
const HELD: TimeDelta = TimeDelta::seconds(1);

/// Has the clock go off at an instant.
pub(super) fn wind(tx: &mut Tx, at: DateTime<Utc>) -> Result<(), StoreError> {
    enqueue_for_company(tx, &AutomationClock {}, at).map(|_| ())
}

/// Puts down what has become due, and waits for the next.
pub(crate) fn run(_: &web::Data<App>, tx: &mut Tx, _: AutomationClock) -> Result<(), JobFailed> {
    let due = store::take_due(tx)?;
    for automation in &due {
        let trigger = input_of(automation).trigger;
        let next_at = match trigger.kind {
            TriggerType::Relative => look(tx, automation, &trigger)?,
            TriggerType::Schedule => its_time(tx, automation, &trigger)?,
            TriggerType::Event => None,
        };
        store::advance(tx, automation.id, next_at)?;
    }
    if !due.is_empty() {
        ask_soon(tx)?;
    }
    if let Some(next) = store::next(tx)? {
        let at = next.max(tx.now + HELD);
        wind(tx, at)?;
    }
    Ok(())
}

/// Puts down a run for each record whose time has come since the last look.
fn look(
    tx: &mut Tx,
    automation: &Automation,
    trigger: &AutomationTrigger,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let offset = TimeDelta::minutes(trigger.offset_minutes.unwrap_or_default().into());
    let looked = automation.next_at.unwrap_or(tx.now) - PERIOD;
    let times = (looked - IN_FLIGHT - offset, tx.now - offset);
    let time = (trigger.subject_type.as_deref(), trigger.field.as_deref());
    if let (Some(subject), Some(field)) = time {
        automation_times::put_down(tx, (automation.id, automation.version), (subject, field), times)?;
    }
    Ok(Some(tx.now + PERIOD))
}

/// Puts down a run. Times that were missed while nobody worked are made up for once.
fn its_time(
    tx: &mut Tx,
    automation: &Automation,
    trigger: &AutomationTrigger,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let at = automation.next_at.unwrap_or(tx.now);
    let new = Run { key: format!("schedule/{}", at.timestamp_micros()), ..new_run(tx, automation) };
    runs::insert(tx, &[new])?;
    let zone = trigger.time_zone.as_deref().and_then(|zone| zone.parse().ok()).unwrap_or_default();
    let schedule = Schedule::new(trigger.cron.as_deref().unwrap_or_default(), zone, tx.now);
    Ok(schedule.ok().and_then(|schedule| schedule.after(tx.now)))
}

/// A run that waits, without what it is asked by.
pub(super) fn new_run(tx: &Tx, automation: &Automation) -> Run {
    Run {
        tenant_id: automation.tenant_id,
        id: Uuid::now_v7(),
        automation_id: automation.id,
        automation_version: automation.version,
        key: String::new(),
        event_seq: None,
        event_at: None,
        event_type: None,
        subject_type: None,
        subject_id: None,
        depth: 0,
        state: "waiting".into(),
        reason: None,
        detail: None,
        actions: Json::empty_list(),
        created_at: tx.now,
        finished_at: None,
    }
}
