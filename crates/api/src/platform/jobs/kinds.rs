//! Which kinds of jobs there are, and what does them.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::web;
use fulcrum_domain::access::Actor;
use fulcrum_persistence::Tx;
use fulcrum_persistence::platform::jobs as store;
use tokio::sync::watch;
use uuid::Uuid;

use super::{Job, JobFailed, upkeep};
use crate::App;
use crate::customers::{completeness, custom_fields, duplicates, handovers, tags};
use crate::engagement::tasks;
use crate::platform::{automations, backups, exports, files, imports, notifications, webhooks};

/// What a job that works outside of a transaction gets.
#[derive(Clone)]
pub struct Context {
    /// The installation.
    pub app: web::Data<App>,
    /// Whose work it is.
    pub actor: Arc<Actor>,
    /// The job.
    pub job_id: Uuid,
    /// The how-manieth attempt at it this is.
    pub attempt: i32,
    /// Becomes true when the worker is to stop: what takes long ends at the next good place.
    pub stopping: watch::Receiver<bool>,
    /// libpq URL of the database.
    pub database_url: Arc<str>,
}

type InTransaction =
    Arc<dyn Fn(&web::Data<App>, &mut Tx, &store::Job) -> Result<(), JobFailed> + Send + Sync>;
type Done = Pin<Box<dyn Future<Output = Result<(), JobFailed>>>>;
type Outside = Arc<dyn Fn(Context, &store::Job) -> Result<Done, JobFailed> + Send + Sync>;

#[derive(Clone)]
pub(super) enum Handler {
    /// Its effect and its end are one transaction: the effect is there exactly once.
    InTransaction(InTransaction),
    /// It reaches outside of the database. It can happen that it is done and nobody notes it, so it has to be safe to do
    /// twice.
    Outside(Outside),
}

/// Kinds of jobs by name.
#[derive(Clone, Default)]
pub struct Kinds(HashMap<&'static str, Handler>);

impl Kinds {
    /// All that the program knows.
    pub fn standard() -> Kinds {
        Kinds::default()
            .outside(upkeep::run)
            .outside(files::sweep::run)
            .outside(exports::running::run)
            .outside(imports::analysing::run)
            .outside(imports::running::run)
            .outside(imports::undoing::run)
            .outside(custom_fields::keeping::run)
            .outside(completeness::keeping::run)
            .outside(duplicates::indexing::run)
            .outside(duplicates::scanning::run)
            .outside(handovers::giving::run)
            .outside(handovers::undoing::run)
            .outside(tags::renaming::run)
            .outside(tags::tagging::run)
            .outside(backups::run)
            .outside(webhooks::replay::run)
            .outside(webhooks::deliver::run)
            .in_transaction(tasks::clock::run)
            .in_transaction(automations::clock::run)
            .in_transaction(automations::running::run)
            .outside(notifications::mail::run)
            .outside(notifications::digest::run)
    }

    /// Bringing spreadsheets in, and nothing else.
    pub fn of_imports() -> Kinds {
        Kinds::default()
            .outside(imports::analysing::run)
            .outside(imports::running::run)
            .outside(imports::undoing::run)
    }

    /// Adds a kind whose effect is in the database alone.
    pub fn in_transaction<J: Job>(
        mut self,
        work: fn(&web::Data<App>, &mut Tx, J) -> Result<(), JobFailed>,
    ) -> Kinds {
        let handler: InTransaction = Arc::new(move |app, tx, job| work(app, tx, read(job)?));
        self.0.insert(J::KIND, Handler::InTransaction(handler));
        self
    }

    /// Adds a kind that reaches outside of the database.
    pub fn outside<J: Job, F>(mut self, work: fn(Context, J) -> F) -> Kinds
    where
        F: Future<Output = Result<(), JobFailed>> + 'static,
    {
        let handler: Outside = Arc::new(move |context, job| Ok(Box::pin(work(context, read(job)?)) as Done));
        self.0.insert(J::KIND, Handler::Outside(handler));
        self
    }

    /// The same without a kind: others do that.
    pub(super) fn without(mut self, kind: &str) -> Kinds {
        self.0.remove(kind);
        self
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }

    pub(super) fn get(&self, kind: &str) -> Option<&Handler> {
        self.0.get(kind)
    }
}

fn read<J: Job>(job: &store::Job) -> Result<J, JobFailed> {
    job.payload.read().ok_or_else(|| JobFailed::for_good("what is stored of the job can't be read"))
}
