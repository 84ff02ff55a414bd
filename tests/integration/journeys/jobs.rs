use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use fulcrum_api::platform::jobs::{Job, enqueue, enqueue_at};
use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_persistence::StoreError;
use fulcrum_persistence::platform::jobs::{self as store, Then};
use fulcrum_persistence::platform::workers;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::jobs::{Count, CountOnce, Fail, FailOutside, Hang, How, OUTSIDE};
use crate::support::{Client, TestApp, database};

const WORK: store::Places = store::Places { lane: 0, share: i64::MAX };
const SILENCE: Duration = Duration::from_secs(60);

fn traces(app: &TestApp) -> usize {
    app.user("admin").get("/v1/events?type=test.counted&limit=200").ok()["data"].as_array().unwrap().len()
}

fn only(client: &Client, query: &str) -> Value {
    let list = client.get(&format!("/v1/jobs{query}")).ok();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{list}");
    list["data"][0].clone()
}

#[test]
fn a_job_is_there_with_its_transaction_and_gone_with_it() {
    let app = TestApp::start();
    let system = app.system("demo");
    let refused: Result<(), StoreError> = app.db.write_now(&system, |tx| {
        enqueue(tx, &Count { number: 1 })?;
        Err(StoreError::NotFound)
    });
    assert!(refused.is_err());
    let id = app.write(|tx| enqueue(tx, &Count { number: 2 }));
    let admin = app.user("admin");
    let waiting = only(&admin, "?kind=test.count");
    assert_eq!((&waiting["id"], &waiting["state"]), (&json!(id.to_string()), &json!("waiting")));
    app.work();
    let done = admin.get(&format!("/v1/jobs/{id}")).ok();
    assert_eq!(
        (&done["state"], &done["attempts"], &done["last_error"]),
        (&json!("succeeded"), &json!(1), &json!(null))
    );
    assert_eq!(traces(&app), 1);
    let event = admin.get("/v1/events?type=test.counted").ok()["data"][0].clone();
    assert_eq!(event["request_id"], format!("job-{id}"));
    app.work();
    assert_eq!(traces(&app), 1, "what is done is done");
}

#[test]
fn a_job_waits_for_its_time_and_for_its_turn() {
    let app = TestApp::start();
    let later = app.now() + TimeDelta::hours(2);
    app.write(|tx| enqueue_at(tx, &Count { number: 1 }, later));
    app.work();
    assert_eq!(traces(&app), 0);
    app.clock.advance(TimeDelta::hours(2));
    app.work();
    assert_eq!(traces(&app), 1);
    let order = app.write(|tx| {
        enqueue(tx, &CountOnce { number: 2 })?;
        let usual = enqueue(tx, &Count { number: 3 })?;
        let worker = Uuid::now_v7();
        workers::register(tx, worker, "here", 1, SILENCE)?;
        let first = store::claim(tx, worker, &[Count::KIND, CountOnce::KIND], WORK, 1, 7)?;
        Ok((usual, first))
    });
    assert_eq!(order.1.iter().map(|job| job.id).collect::<Vec<_>>(), [order.0], "the more urgent one");
}

#[test]
fn while_one_waits_another_one_for_the_same_is_the_same() {
    let app = TestApp::start();
    let (first, second) =
        app.write(|tx| Ok((enqueue(tx, &CountOnce { number: 1 })?, enqueue(tx, &CountOnce { number: 2 })?)));
    assert_eq!(first, second);
    // One that is being done may have read what was true before: another one waits.
    let (running, third) = app.write(|tx| {
        let worker = Uuid::now_v7();
        workers::register(tx, worker, "here", 1, SILENCE)?;
        let running = store::claim(tx, worker, &[CountOnce::KIND], WORK, 5, 7)?;
        Ok((running, enqueue(tx, &CountOnce { number: 3 })?))
    });
    assert_eq!(running.len(), 1);
    assert_ne!(running[0].id, third);
    // The first one fails: the one that waits is enough.
    let kept = app.write(|tx| store::fail(tx, &running[0], "x", Then::Again(tx.now)));
    assert!(kept);
    let admin = app.user("admin");
    let given_up = admin.get(&format!("/v1/jobs/{first}")).ok();
    assert_eq!(given_up["state"], "discarded");
    assert!(given_up["finished_at"].is_string());
    app.work();
    assert_eq!(traces(&app), 1);
    // Two at once put down one.
    app.write(|tx| enqueue(tx, &CountOnce { number: 4 }));
    admin.post_nothing(&format!("/v1/jobs/{first}/retry")).problem(409, "already_exists");
}

#[test]
fn what_fails_is_tried_again_later_and_is_dead_in_the_end() {
    let app = TestApp::start();
    let admin = app.user("admin");
    for (how, reason) in [(How::ForNow, "not today"), (How::ByPanic, "a bug")] {
        let id = app.write(|tx| enqueue(tx, &Fail { how }));
        let outside = app.write(|tx| enqueue(tx, &FailOutside { how }));
        for attempt in 1..=3 {
            let before = OUTSIDE.load(Ordering::Relaxed);
            app.work();
            assert!(OUTSIDE.load(Ordering::Relaxed) > before);
            for id in [id, outside] {
                let job = admin.get(&format!("/v1/jobs/{id}")).ok();
                assert_eq!(job["attempts"], attempt);
                assert_eq!(job["state"], if attempt < 3 { "waiting" } else { "dead" }, "{how:?}");
                assert!(job["last_error"].as_str().is_some_and(|error| error.contains(reason)), "{job}");
                let wait = job["run_at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap()
                    - app.now();
                let least = TimeDelta::milliseconds(3750 << (attempt - 1));
                assert!(attempt == 3 || (wait >= least && wait <= least * 5 / 3), "{attempt}: {wait}");
            }
            app.work();
            assert_eq!(admin.get(&format!("/v1/jobs/{id}")).ok()["attempts"], attempt, "not before its time");
            app.clock.advance(TimeDelta::minutes(1));
        }
        assert_eq!(traces(&app), 0, "what an attempt wrote is taken back");
    }
    let id = app.write(|tx| enqueue(tx, &Fail { how: How::ForGood }));
    app.work();
    let dead = admin.get(&format!("/v1/jobs/{id}")).ok();
    assert_eq!(
        (&dead["state"], &dead["attempts"], &dead["last_error"]),
        (&json!("dead"), &json!(1), &json!("never"))
    );
}

#[test]
fn administrators_retry_and_give_up() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let id = app.write(|tx| enqueue(tx, &Fail { how: How::ForGood }));
    let (retry, discard) = (format!("/v1/jobs/{id}/retry"), format!("/v1/jobs/{id}/discard"));
    let problem = admin.post_nothing(&retry).problem(409, "job_state");
    assert!(problem["detail"].as_str().unwrap().contains("waiting"), "{problem}");
    assert_eq!(admin.post_nothing(&discard).ok()["state"], "discarded");
    admin.post_nothing(&discard).problem(409, "job_state");
    app.work();
    assert_eq!(admin.post_nothing(&retry).ok()["state"], "waiting");
    app.work();
    assert_eq!(admin.get(&format!("/v1/jobs/{id}")).ok()["state"], "dead");
    let again = admin.post_nothing(&retry).ok();
    assert_eq!(
        (&again["state"], &again["attempts"], &again["finished_at"]),
        (&json!("waiting"), &json!(0), &json!(null))
    );
    let kinds: Vec<_> = admin.get(&format!("/v1/events?subject_id={id}")).ok()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["job.retried", "job.retried", "job.discarded"]);
    admin.get("/v1/jobs?state=nonsense").problem(400, "invalid_parameters");
    assert_eq!(only(&admin, "?state=waiting&kind=test.fail")["id"], id.to_string());
    assert_eq!(admin.get("/v1/jobs?state=succeeded&kind=test.fail").ok()["data"], json!([]));
}

#[test]
fn a_job_has_the_rights_that_its_requester_has_now() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let rep = app.user("rep.east").get("/v1/me").ok();
    let client = app.like(&rep, &[Permission::JobsRead], DataScope::Own);
    let mut actor = fulcrum_domain::access::Actor::clone(&app.system("demo"));
    actor.principal = fulcrum_domain::access::Principal::User {
        id: rep["id"].as_str().unwrap().parse().unwrap(),
        session_id: Uuid::nil(),
    };
    let actor = Arc::new(actor);
    let ask = |number| app.db.write_now(&actor, |tx| enqueue(tx, &Count { number })).expect("a job");
    let (own, foreign) = (ask(1), app.write(|tx| enqueue(tx, &Count { number: 2 })));
    // Outside of the scope of the company one sees what one asked for.
    assert_eq!(only(&client, "")["id"], own.to_string());
    client.get(&format!("/v1/jobs/{foreign}")).problem(404, "not_found");
    app.work();
    let event = admin.get(&format!("/v1/events?subject_id={}", Uuid::from_u128(1))).ok()["data"][0].clone();
    assert_eq!((&event["actor_type"], &event["actor_id"]), (&json!("user"), &rep["id"]));
    let refused = ask(3);
    admin.patch(&format!("/v1/users/{}", rep["id"].as_str().unwrap()), &json!({ "disabled": true })).ok();
    app.work();
    let dead = admin.get(&format!("/v1/jobs/{refused}")).ok();
    assert_eq!(
        (&dead["state"], &dead["last_error"]),
        (&json!("dead"), &json!("who asked for it is disabled"))
    );
}

#[test]
fn one_company_does_not_hold_up_another() {
    let app = TestApp::start();
    let system = app.system("demo");
    database::execute(
        &app.url,
        &format!(
            "insert into jobs (tenant_id, id, kind, state, priority, payload, run_at, attempts, max_attempts, created_at) \
             select '{}', gen_random_uuid(), 'test.count', 'waiting', 0, '{{\"number\": 1}}', '2027-01-01', 0, 3, '2027-01-01' \
             from generate_series(1, 100000)",
            system.tenant_id
        ),
    );
    let other = app.system("other");
    let late = app.db.write_now(&other, |tx| enqueue(tx, &CountOnce { number: 1 })).expect("a job");
    let claimed = app.write(|tx| {
        let worker = Uuid::now_v7();
        workers::register(tx, worker, "here", 1, SILENCE)?;
        store::claim(tx, worker, &[Count::KIND, CountOnce::KIND], WORK, 4, 7)
    });
    assert_eq!(claimed.len(), 4);
    assert!(claimed.iter().any(|job| job.id == late), "the other company's only job is among the first");
}

#[test]
fn a_worker_that_is_silent_loses_its_jobs_and_cannot_end_them() {
    let app = TestApp::start();
    let id = app.write(|tx| enqueue(tx, &Count { number: 1 }));
    let (worker, claimed) = app.write(|tx| {
        let worker = Uuid::now_v7();
        workers::register(tx, worker, "there", 1, SILENCE)?;
        Ok((worker, store::claim(tx, worker, &[Count::KIND], WORK, 1, 7)?))
    });
    app.work();
    assert_eq!(traces(&app), 0, "it is somebody's");
    database::execute(&app.url, "update workers set seen_at = seen_at - interval '1 hour'");
    app.work();
    assert_eq!(traces(&app), 1);
    assert!(!app.write(|tx| workers::beat(tx, worker)));
    assert!(!app.write(|tx| store::succeed(tx, &claimed[0])), "too late");
    assert!(!app.write(|tx| store::fail(tx, &claimed[0], "x", Then::Dead)), "too late");
    let job = app.user("admin").get(&format!("/v1/jobs/{id}")).ok();
    assert_eq!((&job["state"], &job["attempts"]), (&json!("succeeded"), &json!(2)));
}

#[test]
fn what_is_scheduled_is_done_once_each_time() {
    let app = TestApp::start();
    let runs = || {
        let query =
            "select count(*)::text as text from jobs where kind = 'platform.upkeep' and state = 'succeeded'";
        database::texts(&app.url, query)[0].clone()
    };
    app.work();
    assert_eq!(runs(), "0", "its first time comes in the next hour");
    app.clock.advance(TimeDelta::minutes(59));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| app.work());
        }
    });
    assert_eq!(runs(), "1", "two workers, one job");
    // Nobody worked for a day: it is made up for once.
    app.clock.advance(TimeDelta::days(1));
    app.work();
    app.work();
    assert_eq!(runs(), "2");
    app.user("admin").get("/v1/jobs?kind=platform.upkeep").ok();
    assert_eq!(
        app.user("admin").get("/v1/jobs").ok()["data"],
        json!([]),
        "the installation's own jobs are its own"
    );
}

#[test]
fn the_rights_of_one_are_not_used_for_the_work_of_another() {
    let app = TestApp::start();
    let rep = app.user("rep.east").get("/v1/me").ok();
    let mut actor = fulcrum_domain::access::Actor::clone(&app.system("demo"));
    actor.principal = fulcrum_domain::access::Principal::User {
        id: rep["id"].as_str().unwrap().parse().unwrap(),
        session_id: Uuid::nil(),
    };
    let ours = app.write(|tx| enqueue(tx, &CountOnce { number: 1 }));
    let theirs =
        app.db.write_now(&Arc::new(actor), |tx| enqueue(tx, &CountOnce { number: 2 })).expect("a job");
    assert_ne!(ours, theirs, "one key, two requesters, two jobs");
}

#[test]
fn two_that_run_with_one_key_come_back_as_one() {
    let app = TestApp::start();
    let running = |bury: bool| {
        let (worker, first, second) = app.write(|tx| {
            let worker = Uuid::now_v7();
            workers::register(tx, worker, "here", 1, SILENCE)?;
            let first = enqueue(tx, &CountOnce { number: 1 })?;
            store::claim(tx, worker, &[CountOnce::KIND], WORK, 1, 7)?;
            let second = enqueue(tx, &CountOnce { number: 2 })?;
            store::claim(tx, worker, &[CountOnce::KIND], WORK, 1, 7)?;
            Ok((worker, first, second))
        });
        let back = match bury {
            true => app.write(|tx| {
                workers::leave(tx, worker)?;
                store::take_over(tx)
            }),
            false => app.write(|tx| store::give_back(tx, worker)),
        };
        assert_eq!(back, 2);
        let state = |id: Uuid| {
            app.user("admin").get(&format!("/v1/jobs/{id}")).ok()["state"].as_str().unwrap().to_owned()
        };
        let mut states = [state(first), state(second)];
        states.sort();
        assert_eq!(states, ["discarded", "waiting"]);
    };
    running(true);
    app.work();
    running(false);
    app.work();
    assert_eq!(traces(&app), 2);
}

#[test]
fn what_a_worker_holds_without_knowing_is_put_back() {
    let app = TestApp::start();
    let (worker, known, forgotten) = app.write(|tx| {
        let worker = Uuid::now_v7();
        workers::register(tx, worker, "here", 1, SILENCE)?;
        let (known, forgotten) = (enqueue(tx, &Count { number: 1 })?, enqueue(tx, &Count { number: 2 })?);
        store::claim(tx, worker, &[Count::KIND], WORK, 2, 7)?;
        Ok((worker, known, forgotten))
    });
    assert_eq!(app.write(|tx| store::put_back_forgotten(tx, worker, &[known])), 1);
    let state = |id: Uuid| app.user("admin").get(&format!("/v1/jobs/{id}")).ok()["state"].clone();
    assert_eq!((state(known), state(forgotten)), (json!("running"), json!("waiting")));
    // Who was taken for dead is given nothing.
    let stranger = app.write(|tx| store::claim(tx, Uuid::now_v7(), &[Count::KIND], WORK, 5, 7));
    assert!(stranger.is_empty());
}

#[test]
fn companies_take_turns_also_where_there_is_only_one_place() {
    let app = TestApp::start();
    for tenant in 1..=5 {
        database::execute(
            &app.url,
            &format!(
                "insert into jobs (tenant_id, id, kind, state, priority, payload, run_at, attempts, max_attempts, created_at) \
                 select '00000000-0000-7000-8000-00000000000{tenant}', gen_random_uuid(), 'test.count', 'waiting', 0, '{{}}', \
                 '2020-01-01', 0, 3, '2020-01-01' from generate_series(1, 200)"
            ),
        );
    }
    let late = app.write(|tx| enqueue(tx, &CountOnce { number: 1 }));
    let worker = app.write(|tx| {
        let worker = Uuid::now_v7();
        workers::register(tx, worker, "here", 1, SILENCE)?;
        Ok(worker)
    });
    let turn = (0..100).position(|chance| {
        let jobs = app.write(|tx| {
            let jobs = store::claim(tx, worker, &[Count::KIND, CountOnce::KIND], WORK, 1, chance)?;
            assert!(store::succeed(tx, &jobs[0])?);
            Ok(jobs)
        });
        jobs[0].id == late
    });
    // Of six companies each is asked next with a chance of a sixth; the numbers above are always the same.
    assert!(turn.is_some_and(|turn| turn < 40), "{turn:?}");
}

#[test]
fn a_worker_that_is_stopped_gives_back_what_has_not_ended() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let (hanging, counted) = app.write(|tx| Ok((enqueue(tx, &Hang {})?, enqueue(tx, &Count { number: 1 })?)));
    let job = |id: Uuid| admin.get(&format!("/v1/jobs/{id}")).ok();
    app.run_worker_until(|| job(hanging)["state"] == "running" && job(counted)["state"] == "succeeded");
    let given_back = job(hanging);
    assert_eq!((&given_back["state"], &given_back["attempts"]), (&json!("waiting"), &json!(0)));
    assert_eq!(
        database::texts(&app.url, "select id::text as text from workers"),
        Vec::<String>::new(),
        "it has left"
    );
}

#[test]
fn a_worker_that_was_taken_for_dead_goes_on_as_somebody_else() {
    let app = TestApp::start();
    let workers = || database::texts(&app.url, "select id::text as text from workers");
    let first = std::cell::RefCell::new(Vec::new());
    app.run_worker_until(|| {
        let now = workers();
        let mut first = first.borrow_mut();
        match (first.is_empty(), now.is_empty()) {
            (true, false) => {
                database::execute(&app.url, "delete from workers");
                *first = now;
                app.write(|tx| enqueue(tx, &Count { number: 1 }));
                false
            }
            (false, false) => now != *first && traces(&app) == 1,
            _ => false,
        }
    });
}
