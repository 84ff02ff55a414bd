//! Jobs that only tests know, and workers that do them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use actix_web::web;
use fulcrum_api::App;
use fulcrum_api::platform::jobs::{Context, Job, JobFailed, Kinds, Priority, Worker, WorkerSettings};
use fulcrum_api::platform::operations::{self, Step};
use fulcrum_api::settings::KeepingSettings;
use fulcrum_domain::access::Actor;
use fulcrum_persistence::platform::events::{self, NewEvent};
use fulcrum_persistence::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::TestApp;

/// Leaves a trace in the event log that can be counted.
#[derive(Serialize, Deserialize)]
pub struct Count {
    /// Which trace.
    pub number: u32,
}

impl Job for Count {
    const KIND: &'static str = "test.count";
}

/// Leaves a trace, once for all who ask before it runs.
#[derive(Serialize, Deserialize)]
pub struct CountOnce {
    /// Which trace.
    pub number: u32,
}

impl Job for CountOnce {
    const KIND: &'static str = "test.count_once";
    const PRIORITY: Priority = Priority::Later;
    fn unique_key(&self) -> Option<String> {
        Some("once".into())
    }
}

/// Leaves a trace and fails.
#[derive(Serialize, Deserialize)]
pub struct Fail {
    /// How.
    pub how: How,
}

/// Ways to fail.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum How {
    ForNow,
    ForGood,
    ByPanic,
}

impl Job for Fail {
    const KIND: &'static str = "test.fail";
    const MAX_ATTEMPTS: i32 = 3;
}

/// The same outside of a transaction.
#[derive(Serialize, Deserialize)]
pub struct FailOutside {
    /// How.
    pub how: How,
}

impl Job for FailOutside {
    const KIND: &'static str = "test.fail_outside";
    const MAX_ATTEMPTS: i32 = 3;
}

/// Never ends by itself.
#[derive(Serialize, Deserialize)]
pub struct Hang {}

impl Job for Hang {
    const KIND: &'static str = "test.hang";
}

/// An operation of ten steps of one unit each, each of which leaves a trace.
#[derive(Clone, Serialize, Deserialize)]
pub struct TenSteps {
    /// The step that fails the first time.
    pub fails_at: Option<u32>,
}

impl Job for TenSteps {
    const KIND: &'static str = "test.ten_steps";
}

async fn ten_steps(context: Context, job: TenSteps) -> Result<(), JobFailed> {
    let again = context.attempt > 1;
    operations::in_steps(&context, move |tx, step: Option<u32>| {
        let step = step.unwrap_or(0);
        if job.fails_at == Some(step) && !again {
            return Err(JobFailed::for_now("a step failed"));
        }
        trace(tx, step)?;
        Ok(match step {
            9 => Step::last(1, json!({ "steps": 10 })),
            _ => Step::with_next(1, Some(10), step + 1),
        })
    })
    .await
}

/// How often a job was done outside of a transaction.
pub static OUTSIDE: AtomicU32 = AtomicU32::new(0);

fn trace(tx: &mut Tx, number: u32) -> Result<(), StoreError> {
    let event = NewEvent {
        kind: "test.counted".into(),
        subject_type: "test",
        subject_id: Uuid::from_u128(u128::from(number)),
        customer_id: None,
        version: None,
        changes: json!({}),
    };
    events::append(tx, event)
}

fn fail(how: How) -> Result<(), JobFailed> {
    match how {
        How::ForNow => Err(JobFailed::for_now("not today")),
        How::ForGood => Err(JobFailed::for_good("never")),
        How::ByPanic => panic!("a bug"),
    }
}

async fn fail_outside(_: Context, job: FailOutside) -> Result<(), JobFailed> {
    OUTSIDE.fetch_add(1, Ordering::Relaxed);
    fail(job.how)
}

/// The kinds that tests know, beside the usual ones.
pub fn kinds() -> Kinds {
    Kinds::standard()
        .in_transaction(|_, tx, job: Count| Ok(trace(tx, job.number)?))
        .in_transaction(|_, tx, job: CountOnce| Ok(trace(tx, job.number)?))
        .in_transaction(|_, tx, job: Fail| {
            trace(tx, 0)?;
            fail(job.how)
        })
        .outside(fail_outside)
        .outside(ten_steps)
        .outside(|_, _: Hang| std::future::pending())
}

/// How test workers behave.
pub fn settings() -> WorkerSettings {
    WorkerSettings { worker_jobs: 4, worker_beat_ms: 100, worker_shutdown_seconds: 5 }
}

impl TestApp {
    /// Does everything that is due by now, and returns how many jobs that were.
    pub fn work(&self) -> usize {
        self.work_keeping(&super::NOTHING_KEPT)
    }

    /// The same for an installation that keeps things.
    pub fn work_keeping(&self, keeping: &KeepingSettings) -> usize {
        let (db, keys, url, outside) = (
            self.db.clone(),
            self.keys.clone(),
            self.url.clone(),
            super::outside_with_mail(&self.data, keeping, self.smtp_url.as_deref()),
        );
        let working = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = web::Data::new(App::new(db, keys, super::settings(), super::contract(), outside));
                Worker::new(app, kinds(), settings(), &url).drain().await
            })
        });
        working.join().expect("a worker").expect("it works")
    }

    /// Lets a worker run, as in a server, until something is true; then stops it as a server is stopped.
    pub fn run_worker_until(&self, done: impl Fn() -> bool) {
        let (db, keys, url, outside) = (
            self.db.clone(),
            self.keys.clone(),
            self.url.clone(),
            super::outside_with_mail(&self.data, &super::NOTHING_KEPT, self.smtp_url.as_deref()),
        );
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let working = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = web::Data::new(App::new(db, keys, super::settings(), super::contract(), outside));
                let settings = WorkerSettings { worker_shutdown_seconds: 0, ..settings() };
                Worker::new(app, kinds(), settings, &url).run(stopped).await;
            });
        });
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < Duration::from_secs(30), "it never came true");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        stop.send(true).expect("the worker runs");
        working.join().expect("it ends");
    }

    /// Waits until nothing that began before now is open: transactions of other tests hold the feed back, too.
    pub fn settle(&self) {
        let number =
            |query: &str| -> i64 { super::database::texts(&self.url, query)[0].parse().expect("a number") };
        let now = number("select pg_current_xact_id()::text as text");
        let began = Instant::now();
        while number("select pg_snapshot_xmin(pg_current_snapshot())::text as text") <= now {
            assert!(began.elapsed() < Duration::from_secs(60), "something is open for a minute");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Runs something in one transaction as the installation, in the company `demo`.
    pub fn write<T>(&self, work: impl Fn(&mut Tx) -> Result<T, StoreError>) -> T {
        self.db.write_now(&self.system("demo"), work).expect("a transaction")
    }

    /// The installation as an actor in a company.
    pub fn system(&self, slug: &str) -> Arc<Actor> {
        let me = self.user_of(slug, "admin").get("/v1/me").ok();
        let id = me["tenant"]["id"].as_str().and_then(|id| id.parse().ok()).expect("a tenant");
        Arc::new(Actor::system(id, chrono_tz::Asia::Shanghai, "CN"))
    }
}
