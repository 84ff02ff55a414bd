//! A worker: takes jobs that are due, has them done, and says that it lives.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::web;
use clap::Args;
use fulcrum_persistence::platform::jobs as store;
use fulcrum_persistence::platform::workers::{self, Listener};
use fulcrum_persistence::{Db, QueryStats, StoreError, Tx};
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::depth::Depths;
use super::{Context, Job, Kinds, Lane, requester, schedules};
use crate::App;
use crate::platform::backups::Nightly;
use crate::platform::following;
use crate::platform::notifications::digest::NotificationDigest;
use crate::platform::notifications::mail::NotificationMail;
use crate::platform::notifications::sends_mail;

/// How a worker behaves.
#[derive(Args, Clone, Debug)]
pub struct WorkerSettings {
    /// Jobs that are done at one time, but never more than half of the connections to the database.
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

impl WorkerSettings {
    fn beat(&self) -> Duration {
        Duration::from_millis(self.worker_beat_ms)
    }
}

/// Signs of life that have to be missing for a worker to count as dead.
const MISSED: u32 = 6;
/// How often a worker looks for jobs that are due without being told: those whose time has come.
const LOOK: Duration = Duration::from_secs(1);
/// Jobs at one time that wait for somebody out there.
const WAITING: usize = 32;
/// How often the jobs are counted for the metrics.
const COUNT: Duration = Duration::from_secs(15);
/// Connections for the worker's own accounts, beside those that jobs and requests share: a busy server is no dead one.
const OWN_CONNECTIONS: u32 = 2;

/// A worker, one for each process that does jobs.
pub struct Worker {
    app: web::Data<App>,
    kinds: Kinds,
    settings: WorkerSettings,
    database_url: Arc<str>,
    accounts: Accounts,
    stopping: watch::Receiver<bool>,
}

/// What a worker notes of itself and its jobs.
#[derive(Clone)]
pub(super) struct Accounts {
    db: Db,
    pub(super) worker_id: Uuid,
    /// Jobs that were taken and not noted as ended. Held while jobs are taken, so that none is seen half way.
    in_hand: Arc<Mutex<HashSet<Uuid>>>,
}

impl Accounts {
    /// Writes in one transaction, as the installation.
    ///
    /// # Errors
    /// What the closure returns, and those of the database.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.db.write(&requester::installation(), &Arc::new(QueryStats::default()), work).await
    }

    /// The job has ended, and that is noted.
    pub(super) async fn put_down(&self, job: &store::Job) {
        self.in_hand.lock().await.remove(&job.id);
    }

    async fn claim(&self, kinds: &Kinds, lane: Lane, limit: usize) -> Result<Vec<store::Job>, StoreError> {
        let mut in_hand = self.in_hand.lock().await;
        let (id, kinds) = (self.worker_id, kinds.names());
        let jobs = self
            .write(move |tx| store::claim(tx, id, &kinds, lane.places(), limit as i64, rand::random()))
            .await?;
        in_hand.extend(jobs.iter().map(|job| job.id));
        Ok(jobs)
    }

    /// Says that the worker lives; `false` when it was taken for dead. What the table says it has and it doesn't know of
    /// is put back.
    async fn beat(&self) -> Result<bool, StoreError> {
        let in_hand = self.in_hand.lock().await;
        let (id, known) = (self.worker_id, in_hand.iter().copied().collect::<Vec<_>>());
        let alive = self.write(move |tx| workers::beat(tx, id)).await?;
        if alive {
            let forgotten = self.write(move |tx| store::put_back_forgotten(tx, id, &known)).await?;
            if forgotten > 0 {
                tracing::warn!(forgotten, "jobs whose end is not known are done again");
            }
        }
        Ok(alive)
    }
}

impl Worker {
    /// A worker for these kinds of jobs.
    pub fn new(app: web::Data<App>, kinds: Kinds, settings: WorkerSettings, database_url: &str) -> Worker {
        let accounts = Accounts {
            db: app.db.apart(OWN_CONNECTIONS),
            worker_id: Uuid::now_v7(),
            in_hand: Arc::default(),
        };
        // Where no backups are kept, none are made: somebody who keeps them is waited for.
        let kinds = if app.backups.is_some() { kinds } else { kinds.without(Nightly::KIND) };
        // Where no mail goes out, none is lost: somebody who can send it is waited for.
        let kinds = match app.mail {
            Some(_) => kinds,
            None => kinds.without(NotificationMail::KIND).without(NotificationDigest::KIND),
        };
        // Until it runs, nobody stops it.
        let stopping = watch::channel(false).1;
        Worker { app, kinds, settings, database_url: database_url.into(), accounts, stopping }
    }

    /// Works until it is told to stop, and then until the jobs in hand have ended or their time is up.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        self.stopping = stop.clone();
        self.app.pulse.expect(self.settings.beat() * MISSED);
        let wake = Arc::new(Notify::new());
        let waker = wake.clone();
        let _listener = Listener::start(self.database_url.to_string(), move || waker.notify_one());
        let counting = actix_web::rt::spawn(count(self.accounts.db.clone(), self.kinds.clone()));
        let following = actix_web::rt::spawn(follow_logs(self.app.db.apart(1)));
        while !*stop.borrow() {
            match self.register().await {
                Ok(()) => self.live(&wake, &mut stop).await,
                Err(error) => {
                    complain(&error);
                    tokio::select! { () = tokio::time::sleep(LOOK) => {}, _ = stop.changed() => {} }
                }
            }
            // Who was taken for dead goes on as somebody else: what it has in hand is no longer its own.
            self.accounts.worker_id = Uuid::now_v7();
            self.accounts.in_hand = Arc::default();
        }
        counting.abort();
        following.abort();
    }

    /// Does everything that is due now, schedules included, and returns how many jobs that were. For tests and tools.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn drain(&self) -> Result<usize, StoreError> {
        self.register().await?;
        self.accounts.write(take_over_from_the_dead).await?;
        self.follow_schedules().await?;
        let (mut done, mut followers) = (0, following::all());
        loop {
            for follower in &mut followers {
                follower.look(&self.accounts.db).await?;
            }
            let mut jobs = self.accounts.claim(&self.kinds, Lane::Work, 16).await?;
            jobs.extend(self.accounts.claim(&self.kinds, Lane::Waiting, 16).await?);
            if jobs.is_empty() {
                break;
            }
            done += jobs.len();
            for job in jobs {
                self.attempt(job).await;
            }
        }
        self.leave().await?;
        Ok(done)
    }

    async fn register(&self) -> Result<(), StoreError> {
        let (id, host, silence) = (self.accounts.worker_id, host(), self.settings.beat() * MISSED);
        let (backups, mails) = (self.app.backups.is_some(), self.app.mail.is_some());
        self.accounts
            .write(move |tx| {
                workers::register(tx, id, &host, std::process::id(), silence)?;
                if mails {
                    sends_mail(tx)?;
                }
                schedules::ensure(tx, backups)
            })
            .await
    }

    async fn live(&self, wake: &Notify, stop: &mut watch::Receiver<bool>) {
        let dead = Arc::new(AtomicBool::new(false));
        let mut beating = actix_web::rt::spawn(self.heart());
        let most = usize::from(self.settings.worker_jobs).min(self.app.db.connections() as usize / 2).max(1);
        let mut lanes = [(Lane::Work, most, JoinSet::new()), (Lane::Waiting, WAITING, JoinSet::new())];
        let mut looked = Instant::now() - LOOK;
        while !*stop.borrow() && !dead.load(Ordering::Relaxed) {
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.follow_schedules().await.unwrap_or_else(|error| complain(&error));
            }
            for (lane, most, running) in &mut lanes {
                let free = most.saturating_sub(running.len());
                if free == 0 {
                    continue;
                }
                let claimed = self.accounts.claim(&self.kinds, *lane, free).await;
                for job in claimed.unwrap_or_else(|error| {
                    complain(&error);
                    Vec::new()
                }) {
                    running.spawn_local(self.attempt(job));
                }
            }
            let [(_, _, working), (_, _, waiting)] = &mut lanes;
            tokio::select! {
                Some(_) = working.join_next() => {}
                Some(_) = waiting.join_next() => {}
                () = wake.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
                _ = &mut beating => dead.store(true, Ordering::Relaxed),
                _ = stop.changed() => {}
            }
        }
        let [(_, _, mut working), (_, _, mut waiting)] = lanes;
        if dead.load(Ordering::Relaxed) {
            working.shutdown().await;
            waiting.shutdown().await;
            return;
        }
        let patience = Duration::from_secs(self.settings.worker_shutdown_seconds);
        let rest = async {
            while working.join_next().await.is_some() {}
            while waiting.join_next().await.is_some() {}
        };
        if tokio::time::timeout(patience, rest).await.is_err() {
            tracing::warn!("jobs that didn't end in time are given back");
        }
        // Nothing goes on here that somebody else is given.
        working.shutdown().await;
        waiting.shutdown().await;
        self.leave().await.unwrap_or_else(|error| complain(&error));
        beating.abort();
    }

    /// Says that the worker lives, and takes the jobs of those that don't. Ends when the worker was taken for dead.
    fn heart(&self) -> impl Future<Output = ()> + use<> {
        let (app, accounts, beat) = (self.app.clone(), self.accounts.clone(), self.settings.beat());
        async move {
            let mut heard = Instant::now() - beat * MISSED;
            loop {
                match accounts.beat().await {
                    Ok(true) => {
                        // After a pause of everybody, who wakes first shall not bury the others.
                        let awake = heard.elapsed() < beat * 3;
                        heard = Instant::now();
                        app.pulse.beat();
                        metrics::gauge!("fulcrum_worker_seen_seconds")
                            .set(app.db.clock().now().timestamp_millis() as f64 / 1000.0);
                        if awake {
                            accounts
                                .write(take_over_from_the_dead)
                                .await
                                .unwrap_or_else(|error| complain(&error));
                        }
                    }
                    Ok(false) => {
                        tracing::warn!("this worker was taken for dead and begins anew");
                        return;
                    }
                    Err(error) => complain(&error),
                }
                tokio::time::sleep(beat).await;
            }
        }
    }

    async fn follow_schedules(&self) -> Result<(), StoreError> {
        let kinds = self.kinds.names();
        self.accounts.write(move |tx| schedules::follow(tx, &kinds)).await
    }

    /// One attempt at a job, to its end and its account.
    fn attempt(&self, job: store::Job) -> impl Future<Output = ()> + use<> {
        let context = Context {
            app: self.app.clone(),
            actor: requester::installation(),
            job_id: job.id,
            attempt: job.attempts,
            stopping: self.stopping.clone(),
            database_url: self.database_url.clone(),
        };
        let (handler, accounts) = (self.kinds.get(&job.kind).cloned(), self.accounts.clone());
        async move { context.perform(handler, job, &accounts).await }
    }

    async fn leave(&self) -> Result<(), StoreError> {
        let id = self.accounts.worker_id;
        self.accounts
            .write(move |tx| {
                store::give_back(tx, id)?;
                workers::leave(tx, id)
            })
            .await
    }
}

fn take_over_from_the_dead(tx: &mut Tx) -> Result<(), StoreError> {
    workers::bury(tx)?;
    let taken = store::take_over(tx)?;
    if taken > 0 {
        tracing::warn!(taken, "jobs of a worker that died are done by others");
    }
    Ok(())
}

/// Follows the logs, on a connection of its own: jobs don't wait for it, nor it for them.
async fn follow_logs(db: Db) {
    let mut followers = following::all();
    loop {
        for follower in &mut followers {
            follower.look(&db).await.unwrap_or_else(|error| complain(&error));
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn count(db: Db, kinds: Kinds) {
    let mut depths = Depths::new(&kinds);
    loop {
        let stats = Arc::new(QueryStats::default());
        match db.read(&requester::installation(), &stats, |tx| Ok((tx.now, store::depths(tx)?))).await {
            Ok((now, found)) => depths.show(now, found),
            Err(error) => complain(&error),
        }
        tokio::time::sleep(COUNT).await;
    }
}

/// What concerns the worker and no job.
pub(super) fn complain(error: &StoreError) {
    tracing::warn!(%error, "the worker could not do its own work");
}

fn host() -> String {
    let named = std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME"));
    named.or_else(|_| std::fs::read_to_string("/etc/hostname")).unwrap_or_default().trim().to_owned()
}
