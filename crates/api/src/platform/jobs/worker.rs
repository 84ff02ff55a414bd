//! A worker: takes jobs that are due, does them, and says that it lives.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::web;
use clap::Args;
use fulcrum_domain::platform::backoff;
use fulcrum_persistence::platform::jobs as store;
use fulcrum_persistence::platform::workers::{self, Listener};
use fulcrum_persistence::{QueryStats, StoreError, Tx};
use futures_util::FutureExt;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::kinds::Handler;
use super::{Again, Context, JobFailed, Kinds, requester, schedules};
use crate::App;

/// How a worker behaves.
#[derive(Args, Clone, Debug)]
pub struct WorkerSettings {
    /// Jobs that are done at one time.
    #[arg(long, env = "FULCRUM_WORKER_JOBS", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub worker_jobs: u16,
    /// Milliseconds between two signs of life. A worker that gives none for six times as long is taken for dead, and its
    /// jobs are done by others.
    #[arg(long, env = "FULCRUM_WORKER_BEAT_MS", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    pub worker_beat_ms: u64,
    /// Seconds that jobs have to end when the worker is stopped; what hasn't ended is done again by another one.
    #[arg(long, env = "FULCRUM_WORKER_SHUTDOWN_SECONDS", default_value_t = 20)]
    pub worker_shutdown_seconds: u64,
}

/// Signs of life that have to be missing for a worker to count as dead.
const MISSED: u32 = 6;
/// How often a worker looks for jobs that are due without being told: those whose time has come.
const LOOK: Duration = Duration::from_secs(1);
/// How often the jobs are counted for the metrics.
const COUNT: Duration = Duration::from_secs(15);
/// What is kept of an error.
const LONGEST_ERROR: usize = 2000;

/// A worker, one for each process that does jobs.
pub struct Worker {
    app: web::Data<App>,
    kinds: Kinds,
    settings: WorkerSettings,
    database_url: Arc<str>,
    id: Uuid,
}

impl Worker {
    /// A worker for these kinds of jobs.
    pub fn new(app: web::Data<App>, kinds: Kinds, settings: WorkerSettings, database_url: &str) -> Worker {
        Worker { app, kinds, settings, database_url: database_url.into(), id: Uuid::now_v7() }
    }

    /// Works until it is told to stop, and then until the jobs in hand have ended or their time is up.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let wake = Arc::new(Notify::new());
        let waker = wake.clone();
        let _listener = Listener::start(self.database_url.to_string(), move || waker.notify_one());
        while !*stop.borrow() {
            match self.register().await {
                Ok(()) => self.live(&wake, &mut stop).await,
                Err(error) => {
                    tracing::warn!(error = error.message, "the worker can't reach the database");
                    tokio::select! { () = tokio::time::sleep(LOOK) => {}, _ = stop.changed() => {} }
                }
            }
            // Who was taken for dead goes on as somebody else: what it has in hand is no longer its own.
            self.id = Uuid::now_v7();
        }
    }

    /// Does everything that is due now, schedules included, and returns how many jobs that were. For tests and tools.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn drain(&self) -> Result<usize, JobFailed> {
        self.register().await?;
        let beat = Duration::from_millis(self.settings.worker_beat_ms);
        self.write(move |tx| Ok(take_over_from_the_dead(tx, beat)?)).await?;
        self.follow_schedules().await?;
        let mut done = 0;
        loop {
            let jobs = self.claim(16).await?;
            if jobs.is_empty() {
                break;
            }
            done += jobs.len();
            for job in jobs {
                self.context().perform(self.kinds.get(&job.kind).cloned(), job).await;
            }
        }
        self.leave().await?;
        Ok(done)
    }

    async fn register(&self) -> Result<(), JobFailed> {
        let (id, host) = (self.id, host());
        self.write(move |tx| {
            workers::register(tx, id, &host, std::process::id())?;
            schedules::ensure(tx).map_err(|problem| JobFailed::for_now(format!("{problem:?}")))
        })
        .await
    }

    async fn live(&self, wake: &Notify, stop: &mut watch::Receiver<bool>) {
        let dead = Arc::new(AtomicBool::new(false));
        let beating = actix_web::rt::spawn(self.heart(dead.clone()));
        let mut running = JoinSet::new();
        let mut looked = Instant::now() - LOOK;
        while !*stop.borrow() && !dead.load(Ordering::Relaxed) {
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.follow_schedules().await.unwrap_or_else(|error| complain(&error));
            }
            let free = usize::from(self.settings.worker_jobs).saturating_sub(running.len());
            if free > 0 {
                for job in self.claim(free as i64).await.unwrap_or_else(|error| {
                    complain(&error);
                    Vec::new()
                }) {
                    let (context, handler) = (self.context(), self.kinds.get(&job.kind).cloned());
                    running.spawn_local(async move { context.perform(handler, job).await });
                }
            }
            tokio::select! {
                Some(_) = running.join_next() => {}
                () = wake.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
                _ = stop.changed() => {}
            }
        }
        if !dead.load(Ordering::Relaxed) {
            let patience = Duration::from_secs(self.settings.worker_shutdown_seconds);
            let rest = async { while running.join_next().await.is_some() {} };
            if tokio::time::timeout(patience, rest).await.is_err() {
                tracing::warn!("jobs that didn't end in time are given back");
            }
            self.leave().await.unwrap_or_else(|error| complain(&error));
        }
        beating.abort();
    }

    /// Says that the worker lives, takes the jobs of those that don't, and counts.
    fn heart(&self, dead: Arc<AtomicBool>) -> impl Future<Output = ()> + use<> {
        let beat = Duration::from_millis(self.settings.worker_beat_ms);
        let (context, id) = (self.context(), self.id);
        async move {
            let mut counted = Instant::now() - COUNT;
            loop {
                let known = context
                    .write(move |tx| {
                        let known = workers::beat(tx, id)?;
                        take_over_from_the_dead(tx, beat)?;
                        Ok(known)
                    })
                    .await;
                match known {
                    Ok(true) => metrics::gauge!("fulcrum_worker_seen_seconds").set(context.seconds()),
                    Ok(false) => {
                        tracing::warn!("this worker was taken for dead and begins anew");
                        dead.store(true, Ordering::Relaxed);
                        return;
                    }
                    Err(error) => complain(&error),
                }
                if counted.elapsed() >= COUNT {
                    counted = Instant::now();
                    context.count().await.unwrap_or_else(|error| complain(&error));
                }
                tokio::time::sleep(beat).await;
            }
        }
    }

    async fn claim(&self, limit: i64) -> Result<Vec<store::Job>, JobFailed> {
        let (id, kinds) = (self.id, self.kinds.names());
        self.write(move |tx| Ok(store::claim(tx, id, &kinds, limit)?)).await
    }

    async fn follow_schedules(&self) -> Result<(), JobFailed> {
        self.write(|tx| Ok(schedules::follow(tx)?)).await
    }

    async fn leave(&self) -> Result<(), JobFailed> {
        let id = self.id;
        self.write(move |tx| {
            store::give_back(tx, id)?;
            Ok(workers::leave(tx, id)?)
        })
        .await
    }

    fn context(&self) -> Context {
        Context {
            app: self.app.clone(),
            actor: requester::installation(),
            database_url: self.database_url.clone(),
        }
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx) -> Result<T, JobFailed> + Send + 'static,
    ) -> Result<T, JobFailed> {
        self.context().write(work).await
    }
}

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

    async fn perform(self, handler: Option<Handler>, job: store::Job) {
        let started = Instant::now();
        let outcome = self.attempt(handler, &job).await;
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
            Err(failed) => self.note_failure(job, failed).await,
        }
    }

    /// One attempt; `false` when the job was somebody else's when it was done.
    async fn attempt(&self, handler: Option<Handler>, job: &store::Job) -> Result<bool, JobFailed> {
        let handler = handler.ok_or_else(|| JobFailed::for_now("this program doesn't know the kind"))?;
        let wanted = job.clone();
        let actor = match job.tenant_id.is_nil() {
            true => requester::installation(),
            false => {
                let (door, stats) = (&self.app.db, Arc::new(QueryStats::default()));
                door.read(&self.actor, &stats, move |tx| requester::of(tx, &wanted)).await?
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
                done.unwrap_or_else(|panic| {
                    Err(JobFailed::for_now(format!("it panicked: {}", said(&*panic))))
                })?;
                self.write(move |tx| Ok(store::succeed(tx, &wanted)?)).await
            }
        }
    }

    async fn note_failure(&self, job: store::Job, failed: JobFailed) {
        let left = job.attempts < job.max_attempts;
        let wait = backoff(job.attempts.max(1) as u32, rand::random());
        let message: String = failed.message.chars().take(LONGEST_ERROR).collect();
        tracing::warn!(
            job = %job.id, kind = job.kind, attempt = job.attempts, error = message, again = ?failed.again, left,
            "a job failed"
        );
        let noted = self
            .write(move |tx| {
                let again = match failed.again {
                    Again::Never => None,
                    Again::WithBackoff => left.then(|| tx.now + wait),
                    Again::At(then) => left.then_some(then),
                };
                Ok(store::fail(tx, &job, &message, again)?)
            })
            .await;
        // Whoever takes it over will find out; it is not lost.
        if let Err(error) = noted {
            complain(&error);
        }
    }

    async fn count(&self) -> Result<(), JobFailed> {
        let depths = self.write(|tx| Ok((tx.now, store::depths(tx)?))).await;
        let (now, depths) = depths?;
        let mut waiting: HashMap<String, f64> = HashMap::new();
        for depth in depths {
            let oldest = (now - depth.oldest).num_milliseconds().max(0) as f64 / 1000.0;
            metrics::gauge!("fulcrum_jobs", "kind" => depth.kind.clone(), "state" => depth.state.clone())
                .set(depth.count as f64);
            if depth.state == "waiting" {
                waiting.insert(depth.kind, oldest);
            }
        }
        for kind in Kinds::standard().names() {
            let oldest = waiting.get(kind).copied().unwrap_or_default();
            metrics::gauge!("fulcrum_job_oldest_seconds", "kind" => kind).set(oldest);
        }
        Ok(())
    }

    fn seconds(&self) -> f64 {
        self.app.db.clock().now().timestamp_millis() as f64 / 1000.0
    }
}

fn take_over_from_the_dead(tx: &mut Tx, beat: Duration) -> Result<(), StoreError> {
    workers::bury(tx, beat * MISSED)?;
    let taken = store::take_over(tx)?;
    if taken > 0 {
        tracing::warn!(taken, "jobs of a worker that died are done by others");
    }
    Ok(())
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

fn complain(error: &JobFailed) {
    let away = matches!(
        error.store,
        Some(StoreError::Unreachable(_) | StoreError::Unavailable(_) | StoreError::Overloaded)
    );
    tracing::warn!(error = error.message, away, "the worker could not do its own work");
}

fn host() -> String {
    let named = std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME"));
    named.or_else(|_| std::fs::read_to_string("/etc/hostname")).unwrap_or_default().trim().to_owned()
}
