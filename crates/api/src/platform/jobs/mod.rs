//! Work that happens later: what a job is, and how one is put down.

mod attempt;
mod depth;
mod kinds;
mod pulse;
mod requester;
pub mod routes;
mod schedules;
mod service;
mod upkeep;
pub mod views;
mod worker;

use chrono::{DateTime, Utc};
use fulcrum_persistence::platform::jobs::{self as store, NewJob};
use fulcrum_persistence::{AsStoreError, Json, StoreError, Tx};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::http::problem::Problem;

pub use kinds::{Context, Kinds};
pub use pulse::Pulse;
pub(crate) use requester::{system_of, who};
pub(crate) use upkeep::look_again;
pub use worker::{Worker, WorkerSettings};

/// Something that is done later. What it holds is stored as JSON, so a later release has to understand what an earlier one
/// put down.
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// Its name, `area.what`.
    const KIND: &'static str;
    /// How often it is tried before it is dead.
    const MAX_ATTEMPTS: i32 = 12;
    /// How urgent it is among the jobs of its company.
    const PRIORITY: Priority = Priority::Usual;

    /// Which others it can hold up.
    const LANE: Lane = Lane::Work;

    /// While one with this key waits, another one is the same one.
    fn unique_key(&self) -> Option<String> {
        None
    }
}

/// How urgent a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Somebody waits for it.
    Urgent = 0,
    /// Most.
    Usual = 1,
    /// When nothing else is to be done.
    Later = 2,
}

/// What a job takes, and so which others it can hold up: each lane has places of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Processor and database.
    Work = 0,
    /// It waits for somebody out there most of the time.
    Waiting = 1,
}

impl Lane {
    fn places(self) -> store::Places {
        let share = match self {
            Lane::Work => i64::MAX,
            // Those of one company that hang leave places for the others.
            Lane::Waiting => 8,
        };
        store::Places { lane: self as i16, share }
    }
}

/// Why a job was not done.
#[derive(Debug)]
pub struct JobFailed {
    /// In words, for the administrator.
    pub message: String,
    /// When it makes sense to try again.
    pub again: Again,
    store: Option<StoreError>,
}

/// When a job that failed is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// After a while that grows with each failure.
    WithBackoff,
    /// After a while, and without counting: it wasn't the job's fault.
    NotCounted,
    /// Never: it would fail again.
    Never,
}

impl JobFailed {
    /// It may work another time.
    pub fn for_now(message: impl Into<String>) -> JobFailed {
        JobFailed { message: message.into(), again: Again::WithBackoff, store: None }
    }

    pub(super) fn by_panic(text: &str) -> JobFailed {
        JobFailed::for_now(format!("it panicked: {text}"))
    }

    /// The database was busy or away.
    pub(crate) fn not_now(message: impl Into<String>) -> JobFailed {
        JobFailed { again: Again::NotCounted, ..JobFailed::for_now(message) }
    }

    /// It won't ever work.
    pub fn for_good(message: impl Into<String>) -> JobFailed {
        JobFailed { message: message.into(), again: Again::Never, store: None }
    }
}

impl From<&StoreError> for JobFailed {
    /// The text is for administrators and programs; what PostgreSQL said stands in the log.
    fn from(error: &StoreError) -> JobFailed {
        JobFailed::for_now(match error {
            StoreError::NotFound => "a record that it needs is not there",
            StoreError::Unique { .. } => "something has to be unique and is there already",
            StoreError::ForeignKey { .. } => "a record that it refers to has gone",
            StoreError::Conflict => "it got in the way of something else",
            StoreError::Timeout => "a statement took too long",
            StoreError::Overloaded => "the database was too busy",
            StoreError::Unreachable(_) | StoreError::Unavailable(_) => "the database was away",
            StoreError::Internal(_) => "the program made a mistake: its log tells more",
        })
    }
}

impl From<Problem> for JobFailed {
    /// What the database said may be otherwise another time; what a rule said it would say again.
    fn from(problem: Problem) -> JobFailed {
        match problem.as_store_error() {
            Some(error) => error.clone().into(),
            None => JobFailed::for_good(problem.in_words()),
        }
    }
}

impl From<StoreError> for JobFailed {
    fn from(error: StoreError) -> JobFailed {
        let JobFailed { message, .. } = JobFailed::from(&error);
        let again = match error {
            StoreError::Overloaded | StoreError::Unreachable(_) | StoreError::Unavailable(_) => {
                Again::NotCounted
            }
            _ => Again::WithBackoff,
        };
        // The door says of a panic what it was.
        match &error {
            StoreError::Internal(text) if text.contains("panicked") => JobFailed::by_panic(text),
            _ => JobFailed { message, again, store: Some(error) },
        }
    }
}

impl AsStoreError for JobFailed {
    fn as_store_error(&self) -> Option<&StoreError> {
        self.store.as_ref()
    }
}

/// Puts a job down for now, in the transaction of what wants it done, in the name of the actor.
///
/// # Errors
/// Those of the database.
pub fn enqueue<J: Job>(tx: &mut Tx, job: &J) -> Result<Uuid, StoreError> {
    let now = tx.now;
    enqueue_at(tx, job, now)
}

/// Puts a job down that the installation does for the actor's company, in nobody's name.
///
/// # Errors
/// Those of the database.
pub(crate) fn enqueue_for_company<J: Job>(
    tx: &mut Tx,
    job: &J,
    run_at: DateTime<Utc>,
) -> Result<Uuid, StoreError> {
    let company = requester::system_of(tx.actor.tenant_id);
    let own = std::mem::replace(&mut tx.actor, company);
    let put = enqueue_at(tx, job, run_at);
    tx.actor = own;
    put
}

/// The same for later.
///
/// # Errors
/// Those of the database.
pub fn enqueue_at<J: Job>(tx: &mut Tx, job: &J, run_at: DateTime<Utc>) -> Result<Uuid, StoreError> {
    let key = job.unique_key();
    let new = NewJob {
        kind: J::KIND,
        lane: J::LANE as i16,
        priority: J::PRIORITY as i16,
        payload: Json::of(job),
        unique_key: key.as_deref(),
        run_at,
        max_attempts: J::MAX_ATTEMPTS,
        requester: tx.actor.principal_id().map(|id| (tx.actor.principal_type(), id)),
    };
    store::enqueue(tx, &new)
}
