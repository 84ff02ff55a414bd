//! Whether an automation does something, and doing it: all of its actions or none.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use fulcrum_domain::access::Actor;
use fulcrum_persistence::platform::automations::Automation;
use fulcrum_persistence::platform::events::{self, Event};
use fulcrum_persistence::{StoreError, Tx};
use uuid::Uuid;

use super::actions::Doing;
use super::facts::{self, Found};
use super::service::input_of;
use super::views::AutomationInput;
use crate::App;
use crate::http::catalog::Code;
use crate::http::problem::Problem;
use crate::platform::automation_runs::views::{ActionResult, RunReason, RunState};
use crate::platform::events::vocabulary::{self, Unreadable};

/// What an automation is asked about.
pub(super) struct Asked<'a> {
    pub(super) app: &'a App,
    pub(super) automation: &'a Automation,
    pub(super) run_id: Uuid,
    /// Place in the log, and the time.
    pub(super) event: Option<(i64, Option<DateTime<Utc>>)>,
    /// The word and the id of the record.
    pub(super) subject: Option<(String, Uuid)>,
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) state: RunState,
    pub(super) reason: Option<RunReason>,
    pub(super) detail: Option<String>,
    pub(super) actions: Vec<ActionResult>,
}

impl Verdict {
    pub(super) fn new(state: RunState, reason: RunReason) -> Verdict {
        Verdict { state, reason: Some(reason), detail: None, actions: vec![] }
    }
}

/// Whether another time could bring something else: then nothing is decided.
pub(super) fn is_passing(problem: &Problem) -> bool {
    matches!(problem.code, Code::Overloaded | Code::DatabaseUnavailable)
}

/// What the request ids of what a run does are.
pub(super) fn mark(run_id: Uuid) -> String {
    format!("{}{run_id}", crate::http::context::AUTOMATION)
}

impl Asked<'_> {
    /// Asks, as the author, who is the actor of the transaction, and does what comes of it. `guard` is asked when something is about
    /// to be done.
    ///
    /// # Errors
    /// What another time may not bring.
    pub(super) fn decide(
        &self,
        tx: &mut Tx,
        guard: impl FnOnce(&mut Tx) -> Result<Option<Verdict>, StoreError>,
    ) -> Result<Verdict, Problem> {
        let not = |reason| Ok(Verdict::new(RunState::NotFired, reason));
        let event = match self.event.map(|(seq, at)| seen(tx, seq, at)).transpose() {
            Err(StoreError::NotFound) => return not(RunReason::NotVisible),
            found => found?,
        };
        let kind = self.subject.as_ref().and_then(|(word, id)| Some((facts::kind_of(word)?, *id)));
        let record: Option<Found> = match kind.map(|(kind, id)| kind.find(tx, id)).transpose() {
            Err(problem) if [Code::NotFound, Code::PermissionDenied].contains(&problem.code) => {
                return not(RunReason::NotVisible);
            }
            found => found?,
        };
        let known = facts::known(tx, event.as_ref(), record.as_ref());
        let input = input_of(self.automation);
        match holds(&input, &known)? {
            Ok(true) => {}
            Ok(false) => return not(RunReason::Condition),
            Err(why) => {
                let verdict = Verdict::new(RunState::NotFired, RunReason::ConditionFailed);
                return Ok(Verdict { detail: Some(why), ..verdict });
            }
        }
        if let Some(verdict) = guard(tx)? {
            return Ok(verdict);
        }
        let record = kind.zip(record.as_ref()).map(|((kind, id), found)| (kind, id, found));
        let doing = Doing {
            app: self.app,
            automation: self.automation,
            run_id: self.run_id,
            event: event.as_ref(),
            record,
            known: &known,
        };
        tx.request_id = Some(mark(self.run_id));
        do_all(tx, &doing, &input)
    }
}

/// An event that the actor may read of. What happened to a record that automations can look at, who sees the record may know.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none.
pub(super) fn seen(tx: &mut Tx, seq: i64, at: Option<DateTime<Utc>>) -> Result<Event, StoreError> {
    let event = events::find_any(tx, seq, at)?;
    match facts::kind_of(&event.subject_type) {
        Some(_) => Ok(event),
        None => events::find(tx, seq),
    }
}

/// Whether the condition is true; in words, why that can't be told.
fn holds(
    input: &AutomationInput,
    known: &serde_json::Map<String, serde_json::Value>,
) -> Result<Result<bool, String>, Problem> {
    let Some(text) = &input.condition else { return Ok(Ok(true)) };
    let about = serde_json::to_string(&input.trigger).unwrap_or_default();
    match vocabulary::read(&about, text, || facts::fields(&input.trigger)) {
        Ok(condition) => Ok(condition.holds(known)),
        Err(Unreadable::Busy) => Err(StoreError::Overloaded.into()),
        Err(Unreadable::Wrong) => Ok(Err("it names something that there is not any more".into())),
    }
}

/// Why the actions were taken back.
enum Stopped {
    At(usize, Problem),
    Store(StoreError),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Stopped {
        Stopped::Store(error)
    }
}

fn do_all(tx: &mut Tx, doing: &Doing, input: &AutomationInput) -> Result<Verdict, Problem> {
    let mut done = Vec::new();
    let ended = tx.part(|tx| {
        let fired = doing.begin(tx).map_err(|problem| Stopped::At(0, problem))?;
        for (place, action) in input.actions.iter().enumerate() {
            let result = doing.act(tx, &fired, place, action);
            done.push(result.map_err(|problem| Stopped::At(place, problem))?);
        }
        Ok(())
    });
    match ended {
        Ok(()) => Ok(Verdict { state: RunState::Fired, reason: None, detail: None, actions: done }),
        Err(Stopped::Store(error)) => Err(error.into()),
        Err(Stopped::At(_, problem)) if is_passing(&problem) => Err(problem),
        Err(Stopped::At(place, problem)) => {
            let mut actions: Vec<ActionResult> = done.into_iter().map(ActionResult::undone).collect();
            if problem.code == Code::Internal {
                tracing::error!(%problem, automation = %doing.automation.id, "an automation failed by a mistake of ours");
            }
            if let Some(action) = input.actions.get(place) {
                actions.push(ActionResult::failed(action.kind, &problem));
            }
            let verdict = Verdict::new(RunState::Failed, RunReason::Action);
            Ok(Verdict { actions, ..verdict })
        }
    }
}

/// The author of an automation with the rights that they have now; `None` when they have gone or may not sign in any more.
///
/// # Errors
/// Those of the database.
pub(super) fn author(
    tx: &mut Tx,
    automation: &Automation,
) -> Result<Option<Arc<Actor>>, crate::platform::jobs::JobFailed> {
    use crate::platform::jobs::{Again, who};
    let principal = (automation.author_type.as_str(), automation.author_id);
    match who(tx, automation.tenant_id, Some(principal)) {
        Ok(actor) => Ok(Some(actor)),
        Err(failed) if failed.again == Again::Never => Ok(None),
        Err(failed) => Err(failed),
    }
}
