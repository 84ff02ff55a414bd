//! Workers as processes of their own, killed at random while they work.

use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use actix_web::web;
use fulcrum_api::App;
use fulcrum_api::auth::keys::Keys;
use fulcrum_api::platform::jobs::Worker;
use fulcrum_api::platform::jobs::enqueue;
use fulcrum_persistence::platform::jobs::NewJob;
use fulcrum_persistence::platform::workers::Listener;
use fulcrum_persistence::{Clock, StoreError};

use crate::support::jobs::{Count, kinds, settings};
use crate::support::{NOTHING_KEPT, TestApp, database, outside};

/// Where the worker finds its database, when the test binary is started as one.
const URL: &str = "FULCRUM_TEST_WORKER_URL";
/// And its data folder.
const DATA: &str = "FULCRUM_TEST_WORKER_DATA";
const JOBS: usize = 10_000;

/// Not a test: what the processes of the test below run.
#[test]
#[ignore = "started by the test below"]
fn a_worker_process() {
    let Ok(url) = std::env::var(URL) else { return };
    let data = std::path::PathBuf::from(std::env::var(DATA).expect("a folder"));
    let db = database::door(&url, Clock::system(), 4);
    actix_web::rt::System::new().block_on(async move {
        let contract = crate::support::contract();
        let app = web::Data::new(App::new(
            db,
            Keys::new([9; 32]),
            crate::support::settings(),
            contract,
            outside(&data, &NOTHING_KEPT),
        ));
        let (_stop, stopped) = tokio::sync::watch::channel(false);
        Worker::new(app, kinds(), settings(), &url).run(stopped).await;
    });
}

/// A random number below a limit.
fn chance(limit: usize) -> usize {
    (uuid::Uuid::new_v4().as_u128() % limit as u128) as usize
}

struct Process(Child);

impl Process {
    fn start(app: &TestApp) -> Process {
        Process::of(app, "journeys::workers::a_worker_process")
    }

    fn of(app: &TestApp, what: &str) -> Process {
        let program = std::env::current_exe().expect("the test binary");
        let child = Command::new(program)
            .args([what, "--exact", "--ignored"])
            .env(URL, &app.url)
            .env(DATA, &app.data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        Process(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGKILL: it has no time for anything.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn workers_are_killed_and_every_effect_is_there_exactly_once() {
    let app = TestApp::start();
    let tenant = app.system("demo").tenant_id;
    database::execute(
        &app.url,
        &format!(
            "insert into jobs (tenant_id, id, kind, state, priority, payload, run_at, attempts, max_attempts, created_at) \
             select '{tenant}', gen_random_uuid(), 'test.count', 'waiting', 1, jsonb_build_object('number', n), '2020-01-01', \
             0, 50, '2020-01-01' from generate_series(1, {JOBS}) n"
        ),
    );
    let number = |query: &str| -> usize { database::texts(&app.url, query)[0].parse().expect("a number") };
    // Not all jobs: the hour may strike, and the installation's own ones are done, too.
    let counted = "select count(*)::text as text from jobs where state = 'succeeded' and kind = 'test.count'";
    let done = || number(counted);
    let mut workers = [Process::start(&app), Process::start(&app)];
    let began = Instant::now();
    let (mut kills, mut next) = (0, JOBS / 20);
    loop {
        let so_far = done();
        if so_far == JOBS {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(240), "{so_far} jobs are done after 240 s");
        // After some more of the jobs, one of the two dies in the middle of what it does.
        if so_far > next {
            workers[chance(2)] = Process::start(&app);
            kills += 1;
            next = so_far + JOBS / 20 + chance(JOBS / 10);
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert!(kills >= 5, "{kills} workers were killed");
    let traces = "select count(*)::text as text from events where type = 'test.counted'";
    let different = "select count(distinct subject_id)::text as text from events where type = 'test.counted'";
    assert_eq!((number(traces), number(different)), (JOBS, JOBS));
}

/// Not a test: `fulcrum worker`.
#[test]
#[ignore = "started by the test below"]
fn the_worker_command() {
    let (Ok(url), Ok(data)) = (std::env::var(URL), std::env::var(DATA)) else { return };
    let at = ["worker", "--database-url", &url, "--data", &data, "--metrics-listen", "127.0.0.1:0"];
    fulcrum_api::commands::run_with(&at).expect("it ends well");
}

#[test]
fn the_worker_command_does_jobs_until_it_is_told_to_stop() {
    let app = TestApp::start();
    let admin = app.user("admin");
    // Something that every worker knows; done by the clock of the machine.
    let job = app.write(|tx| {
        let new = NewJob {
            kind: "platform.webhook_delivery",
            lane: 1,
            priority: 0,
            payload: fulcrum_persistence::Json::of(&serde_json::json!({ "webhook_id": uuid::Uuid::nil() })),
            unique_key: None,
            run_at: "2020-01-01T00:00:00Z".parse().expect("an instant"),
            max_attempts: 3,
            requester: None,
        };
        fulcrum_persistence::platform::jobs::enqueue(tx, &new)
    });
    let mut process = Process::of(&app, "journeys::workers::the_worker_command");
    let began = Instant::now();
    while admin.get(&format!("/v1/jobs/{job}")).ok()["state"] != "succeeded" {
        assert!(began.elapsed() < Duration::from_secs(60), "nobody did it");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let told = Command::new("kill").arg(process.0.id().to_string()).status().expect("kill");
    assert!(told.success());
    assert!(process.0.wait().expect("it ends").success(), "and ends as it should");
    let left = database::texts(&app.url, "select count(*)::text as text from workers");
    assert_eq!(left, ["0"], "it said good-bye");
}

#[test]
fn who_waits_for_jobs_is_told_at_the_commit_and_not_before() {
    let app = TestApp::start();
    let (tell, told) = mpsc::channel();
    let _listener = Listener::start(app.url.clone(), move || {
        let _ = tell.send(());
    });
    let patience = Duration::from_secs(30);
    told.recv_timeout(patience).expect("what came before the connection was there");
    let refused: Result<(), StoreError> = app.db.write_now(&app.system("demo"), |tx| {
        enqueue(tx, &Count { number: 1 })?;
        Err(StoreError::NotFound)
    });
    assert!(refused.is_err());
    let heard = told.recv_timeout(Duration::from_millis(300));
    assert!(heard.is_err(), "of what was taken back nothing is heard");
    app.write(|tx| enqueue(tx, &Count { number: 2 }));
    told.recv_timeout(patience).expect("it is told");
}
