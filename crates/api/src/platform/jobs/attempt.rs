//! One attempt at a job.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fulcrum_domain::platform::backoff;
use fulcrum_persistence::platform::jobs::{self as store, Then};
use fulcrum_persistence::{QueryStats, StoreError, Tx};
use futures_util::FutureExt;

use super::kinds::Handler;
use super::worker::{Accounts, complain};
use super::{Again, Context, JobFailed, requester};

/// What is kept of an error.
const LONGEST_ERROR: usize = 2000;
/// How often it is tried to note how a job ended, a second apart. After that the next beat finds it.
const NOTING: u32 = 20;

impl Context {
    /// Writes in one transaction, as the actor of the job.
    ///
    /// # Errors
    /// What the closure returns, and those of the database.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx) -> Result<T, JobFailed> + Send + 'static,
    ) -> Result<T, JobFailed> {
        self.app.db.work(&self.actor, &Arc::new(QueryStats::default()), work).await
    }

    pub(super) async fn perform(self, handler: Option<Handler>, job: store::Job, accounts: &Accounts) {
        let started = Instant::now();
        let outcome = self.attempt(handler, &job, accounts).await;
        let word = match &outcome {
            Ok(true) => "succeeded",
            Ok(false) => "lost",
            Err(_) => "failed",
        };
        metrics::histogram!("fulcrum_job_seconds", "kind" => job.kind.clone(), "outcome" => word)
            .record(started.elapsed().as_secs_f64());
        match outcome {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(job = %job.id, kind = job.kind, "somebody else has taken over the job")
            }
            Err(failed) => note_failure(&job, failed, accounts).await,
        }
        accounts.put_down(&job).await;
    }

    /// One attempt; `false` when the job was somebody else's when it was done.
    async fn attempt(
        &self,
        handler: Option<Handler>,
        job: &store::Job,
        accounts: &Accounts,
    ) -> Result<bool, JobFailed> {
        let handler = handler.ok_or_else(|| JobFailed::for_now("this program doesn't know the kind"))?;
        let wanted = job.clone();
        let actor = match job.tenant_id.is_nil() {
            true => requester::installation(),
            false => {
                let stats = Arc::new(QueryStats::default());
                self.app.db.read(&self.actor, &stats, move |tx| requester::of(tx, &wanted)).await?
            }
        };
        let context = Context { actor, ..self.clone() };
        let (app, wanted) = (self.app.clone(), job.clone());
        match handler {
            Handler::InTransaction(work) => {
                let lost = Arc::new(AtomicBool::new(false));
                let noted = lost.clone();
                let result = context
                    .write(move |tx| {
                        tx.request_id = Some(format!("job-{}", wanted.id));
                        work(&app, tx, &wanted)?;
                        if store::succeed(tx, &wanted)? {
                            return Ok(());
                        }
                        noted.store(true, Ordering::Relaxed);
                        // Takes back what was done.
                        Err(JobFailed::for_good("taken over"))
                    })
                    .await;
                if lost.load(Ordering::Relaxed) { Ok(false) } else { result.map(|()| true) }
            }
            Handler::Outside(work) => {
                let done = AssertUnwindSafe(async { work(context, job)?.await }).catch_unwind().await;
                done.unwrap_or_else(|panic| Err(JobFailed::by_panic(&said(&*panic))))?;
                Ok(noted(accounts, move |tx| store::succeed(tx, &wanted)).await?)
            }
        }
    }
}

/// Notes how a job ended, however long the database is away, within bounds.
async fn noted(
    accounts: &Accounts,
    work: impl Fn(&mut Tx) -> Result<bool, StoreError> + Clone + Send + 'static,
) -> Result<bool, StoreError> {
    let mut tries = 0;
    loop {
        match accounts.write(work.clone()).await {
            Err(error) if tries < NOTING => {
                complain(&error);
                tries += 1;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            outcome => return outcome,
        }
    }
}

async fn note_failure(job: &store::Job, failed: JobFailed, accounts: &Accounts) {
    let left = job.attempts < job.max_attempts;
    let wait = backoff(job.attempts.max(1) as u32, rand::random());
    let message: String = failed.message.replace('\0', " ").chars().take(LONGEST_ERROR).collect();
    tracing::warn!(
        job = %job.id, kind = job.kind, attempt = job.attempts, error = message, again = ?failed.again, left,
        cause = failed.store.as_ref().map(tracing::field::display),
        "a job failed"
    );
    let (again, job) = (failed.again, job.clone());
    let end = move |tx: &mut Tx| {
        let then = match again {
            Again::NotCounted => Then::NotCounted(tx.now + wait),
            Again::WithBackoff if left => Then::Again(tx.now + wait),
            _ => Then::Dead,
        };
        store::fail(tx, &job, &message, then)
    };
    if let Err(error) = noted(accounts, end).await {
        complain(&error);
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
