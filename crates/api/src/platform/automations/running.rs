//! Asking the automations that were triggered. Each company has one job for it, so what happened first is asked first; what a run
//! does and its entry in the log of runs are one transaction, so it is done once.

use std::collections::HashMap;

use actix_web::web;
use chrono::TimeDelta;
use fulcrum_persistence::platform::automation_runs::{self as runs, Run};
use fulcrum_persistence::platform::automations::{self as store, Automation};
use fulcrum_persistence::{Json, StoreError, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clock::AutomationClock;
use super::deciding::{Asked, Verdict, author, is_passing};
use super::stopping::stop;
use super::views::StopReason;
use crate::App;
use crate::http::problem::Problem;
use crate::platform::automation_runs::views::{RunReason, RunState, shortened};
use crate::platform::jobs::{Job, JobFailed, enqueue_for_company, look_again};

/// Asks what waits to be asked.
#[derive(Serialize, Deserialize)]
pub(crate) struct AutomationRuns {}

impl Job for AutomationRuns {
    const KIND: &'static str = "platform.automation_runs";

    fn unique_key(&self) -> Option<String> {
        Some("runs".into())
    }
}

/// Runs of one transaction: what they hold, others wait for.
const AT_ONCE: i64 = 25;
/// Automations in a row, each caused by the one before.
const DEEPEST: i32 = 5;
/// How often an automation may do something in an hour, in all and for one record.
const MOST_PER_HOUR: i64 = 10_000;
const MOST_PER_RECORD: i64 = 20;

/// Has somebody ask.
pub(super) fn ask_soon(tx: &mut Tx) -> Result<(), StoreError> {
    let now = tx.now;
    enqueue_for_company(tx, &AutomationRuns {}, now).map(|_| ())
}

/// Has somebody look where something is due and nobody is going to.
///
/// # Errors
/// Those of the database.
pub(crate) fn revive(tx: &mut Tx) -> Result<(), StoreError> {
    look_again(tx, &AutomationClock {}, store::late)?;
    look_again(tx, &AutomationRuns {}, runs::late)
}

/// Asks what waits to be asked, a piece of it.
pub(crate) fn run(app: &web::Data<App>, tx: &mut Tx, _: AutomationRuns) -> Result<(), JobFailed> {
    let waiting = runs::take_waiting(tx, AT_ONCE)?;
    let mut ids: Vec<Uuid> = waiting.iter().map(|run| run.automation_id).collect();
    ids.sort();
    ids.dedup();
    let found = store::lock_all(tx, &ids)?;
    let mut automations: HashMap<Uuid, Automation> = found.into_iter().map(|row| (row.id, row)).collect();
    let full = waiting.len() == AT_ONCE as usize;
    for run in waiting {
        let Some(automation) = automations.get_mut(&run.automation_id) else { continue };
        let verdict = ask(app, tx, automation, &run)?;
        if let Some(reason) = stops(&verdict) {
            *automation = stop(tx, automation, reason)?;
        }
        runs::replace(tx, &ended(tx, run, automation, verdict))?;
    }
    if full {
        ask_soon(tx)?;
    }
    Ok(())
}

fn ask(app: &App, tx: &mut Tx, automation: &Automation, run: &Run) -> Result<Verdict, JobFailed> {
    if automation.disabled_at.is_some() || automation.deleted_at.is_some() {
        return Ok(Verdict::new(RunState::NotFired, RunReason::Disabled));
    }
    let Some(author) = author(tx, automation)? else {
        return Ok(Verdict::new(RunState::Failed, RunReason::Author));
    };
    let asked = Asked {
        app,
        automation,
        run_id: run.id,
        event: run.event_seq.map(|seq| (seq, run.event_at)),
        subject: run.subject_type.clone().zip(run.subject_id),
    };
    // Who acts and as what request counts until this is over.
    let decided: Result<Verdict, Problem> = tx.part(|tx| {
        tx.actor = author;
        asked.decide(tx, |tx| too_much(tx, run))
    });
    match decided {
        Err(problem) if is_passing(&problem) => Err(JobFailed::not_now(problem.to_string())),
        // Others of the company wait behind it.
        Err(problem) => {
            tracing::error!(%problem, automation = %automation.id, run = %run.id, "an automation could not be asked");
            let verdict = Verdict::new(RunState::Failed, RunReason::Action);
            Ok(Verdict { detail: Some(problem.in_words()), ..verdict })
        }
        Ok(verdict) => Ok(verdict),
    }
}

/// Whether an automation would do too much.
fn too_much(tx: &mut Tx, run: &Run) -> Result<Option<Verdict>, StoreError> {
    if run.depth > DEEPEST {
        return Ok(Some(Verdict::new(RunState::Stopped, RunReason::Loop)));
    }
    let since = tx.now - TimeDelta::hours(1);
    let (all, same) = runs::fired_since(tx, run.automation_id, run.subject_id, since, MOST_PER_HOUR)?;
    let reached = all >= MOST_PER_HOUR || same >= MOST_PER_RECORD;
    Ok(reached.then(|| Verdict::new(RunState::Stopped, RunReason::Rate)))
}

/// Why what became of a run ends its automation.
fn stops(verdict: &Verdict) -> Option<StopReason> {
    match (verdict.state, verdict.reason) {
        (RunState::Stopped, Some(RunReason::Loop)) => Some(StopReason::Loop),
        (RunState::Stopped, _) => Some(StopReason::Rate),
        (RunState::Failed, Some(RunReason::Author)) => Some(StopReason::Author),
        _ => None,
    }
}

fn ended(tx: &Tx, run: Run, automation: &Automation, verdict: Verdict) -> Run {
    Run {
        // When it is stopped, of the one that was.
        automation_version: automation.version - i32::from(stops(&verdict).is_some()),
        state: verdict.state.to_string(),
        reason: verdict.reason.map(|reason| reason.to_string()),
        detail: verdict.detail.map(|text| shortened(&text)),
        actions: Json::of(&verdict.actions),
        finished_at: Some(tx.now),
        ..run
    }
}
