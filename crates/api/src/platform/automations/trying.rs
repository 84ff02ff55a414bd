//! Trying an automation on something that happened, without a trace.

use std::sync::Arc;

use fulcrum_domain::access::Actor;
use fulcrum_persistence::platform::automations::{self as store, Automation};
use fulcrum_persistence::platform::events::{self, Event};
use fulcrum_persistence::{StoreError, Tx};
use uuid::Uuid;

use super::deciding::{Asked, Verdict, author, mark, seen};
use super::facts;
use super::service::input_of;
use super::views::{DryRunInput, DryRunView, TriggerType};
use crate::App;
use crate::http::catalog::{Code, FieldCode};
use crate::http::problem::Problem;
use crate::platform::automation_runs::views::{RunReason, RunState, shortened};
use crate::platform::events::vocabulary;

/// What ends the part that is taken back.
enum Ended {
    Tried(Box<DryRunView>),
    Failed(Problem),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Ended {
        Ended::Failed(error.into())
    }
}

impl From<Problem> for Ended {
    fn from(problem: Problem) -> Ended {
        Ended::Failed(problem)
    }
}

/// Asks an automation as its author, enabled or not, and takes everything back that it does.
///
/// # Errors
/// 404, 409 when it is deleted, 422 for an event or a record that is missing or that the actor doesn't see.
pub(super) fn dry_run(tx: &mut Tx, app: &App, id: Uuid, input: &DryRunInput) -> Result<DryRunView, Problem> {
    let automation = store::find(tx, id)?;
    if automation.deleted_at.is_some() {
        return Err(Problem::deleted(id));
    }
    let trigger = input_of(&automation).trigger;
    let mut asked =
        Asked { app, automation: &automation, run_id: Uuid::now_v7(), event: None, subject: None };
    match trigger.kind {
        TriggerType::Schedule => {}
        TriggerType::Relative => {
            let subject =
                input.subject_id.ok_or_else(|| Problem::field("/subject_id", FieldCode::Required))?;
            asked.subject = trigger.subject_type.map(|word| (word, subject));
        }
        TriggerType::Event => {
            let text = input.event_id.as_deref();
            let text = text.ok_or_else(|| Problem::field("/event_id", FieldCode::Required))?;
            let event = told(tx, text.parse().unwrap_or(0))?;
            let event = event.ok_or_else(|| Problem::field("/event_id", FieldCode::NotFound))?;
            if !vocabulary::is_selected(&trigger.event_types(), &event.type_)
                || event.subject_type == store::SUBJECT
            {
                return Ok(shown(Verdict::new(RunState::NotFired, RunReason::EventType)));
            }
            asked.event = Some((event.seq, Some(event.at)));
            asked.subject = Some((event.subject_type, event.subject_id));
        }
    }
    let Some(author) = written_by(tx, &automation)? else {
        return Ok(shown(Verdict::new(RunState::Failed, RunReason::Author)));
    };
    try_out(tx, &asked, author)
}

/// An event that the actor may read of, or whose record they see.
fn told(tx: &mut Tx, seq: i64) -> Result<Option<Event>, Problem> {
    let event = match seen(tx, seq, None) {
        Err(StoreError::NotFound) => return Ok(None),
        found => found?,
    };
    let Some(kind) = facts::kind_of(&event.subject_type) else { return Ok(Some(event)) };
    match kind.find(tx, event.subject_id) {
        Err(problem) if [Code::NotFound, Code::PermissionDenied].contains(&problem.code) => Ok(None),
        found => found.map(|_| Some(event)),
    }
}

fn written_by(tx: &mut Tx, automation: &Automation) -> Result<Option<Arc<Actor>>, Problem> {
    // What it failed by is in the log of the program.
    author(tx, automation).map_err(|failed| {
        tracing::warn!(error = failed.message, "the author of an automation can't be looked up");
        Problem::new(Code::DatabaseUnavailable).retry_after(2)
    })
}

fn try_out(tx: &mut Tx, asked: &Asked, author: Arc<Actor>) -> Result<DryRunView, Problem> {
    let ended = tx.part(|tx| -> Result<(), Ended> {
        let caller = std::mem::replace(&mut tx.actor, author);
        let verdict = asked.decide(tx, |_| Ok(None))?;
        tx.actor = caller;
        let written = events::of_request(tx, &mark(asked.run_id), 200)?;
        let events = written.into_iter().map(Into::into).collect();
        Err(Ended::Tried(Box::new(DryRunView { events, ..shown(verdict) })))
    });
    match ended {
        Err(Ended::Tried(view)) => Ok(*view),
        Err(Ended::Failed(problem)) => Err(problem),
        Ok(()) => Err(Problem::new(Code::Internal)),
    }
}

fn shown(verdict: Verdict) -> DryRunView {
    DryRunView {
        state: verdict.state,
        reason: verdict.reason,
        detail: verdict.detail.map(|text| shortened(&text)),
        actions: verdict.actions,
        events: vec![],
    }
}
