use chrono::TimeDelta;
use fulcrum_api::http::problem::Problem;
use fulcrum_api::platform::operations::begin;
use fulcrum_domain::access::{DataScope, Permission};
use serde_json::{Value, json};

use crate::support::jobs::TenSteps;
use crate::support::{Client, TestApp, database};

/// Begins an operation in the name of a user, as a handler does; returns its path.
fn start(app: &TestApp, user: &Client, job: &TenSteps) -> String {
    let before = ids(user);
    let me = user.get("/v1/me").ok();
    let id = |value: &Value| value.as_str().unwrap().parse().unwrap();
    let actor = fulcrum_domain::access::Actor {
        principal: fulcrum_domain::access::Principal::User {
            id: id(&me["id"]),
            session_id: id(&me["session_id"]),
        },
        ..fulcrum_domain::access::Actor::system(id(&me["tenant"]["id"]), chrono_tz::Tz::UTC, "CN")
    };
    app.db
        .write_now(&std::sync::Arc::new(actor), |tx| begin(tx, job))
        .map_err(|problem: Problem| problem.to_string())
        .unwrap();
    let new: Vec<String> = ids(user).into_iter().filter(|id| !before.contains(id)).collect();
    format!("/v1/operations/{}", new[0])
}

fn ids(user: &Client) -> Vec<String> {
    user.all_ids("/v1/operations", 200)
}

fn traces(app: &TestApp) -> Vec<String> {
    database::texts(
        &app.url,
        "select subject_id::text as text from events where type = 'test.counted' order by seq",
    )
}

const SMOOTH: TenSteps = TenSteps { fails_at: None };

#[test]
fn a_long_request_is_followed_to_its_end() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let path = start(&app, &admin, &SMOOTH);
    let waiting = admin.get(&path).ok();
    assert_eq!(
        (&waiting["state"], &waiting["done"], &waiting["total"], &waiting["result"]),
        (&json!("waiting"), &json!(0), &json!(null), &json!(null))
    );
    app.work();
    let done = admin.get(&path).ok();
    assert_eq!(
        (&done["state"], &done["done"], &done["total"]),
        (&json!("succeeded"), &json!(10), &json!(10))
    );
    assert_eq!(done["result"], json!({ "steps": 10 }));
    assert_eq!(traces(&app).len(), 10);
    let problem = admin.post_nothing(&format!("{path}/cancel")).problem(409, "operation_ended");
    assert!(problem["detail"].as_str().unwrap().contains("succeeded"), "{problem}");
}

#[test]
fn an_operation_that_fails_half_way_goes_on_where_it_was() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let path = start(&app, &admin, &TenSteps { fails_at: Some(4) });
    app.work();
    let half = admin.get(&path).ok();
    assert_eq!(
        (&half["state"], &half["done"], &half["total"], &half["last_error"]),
        (&json!("waiting"), &json!(4), &json!(10), &json!("a step failed"))
    );
    app.clock.advance(TimeDelta::minutes(1));
    app.work();
    let done = admin.get(&path).ok();
    assert_eq!(
        (&done["state"], &done["done"], &done["last_error"]),
        (&json!("succeeded"), &json!(10), &json!(null))
    );
    let steps: Vec<String> = (0..10).map(|step| uuid::Uuid::from_u128(step).to_string()).collect();
    assert_eq!(traces(&app), steps, "each once, in order");
}

#[test]
fn an_operation_is_stopped_before_it_begins_or_before_its_next_step() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let path = start(&app, &admin, &SMOOTH);
    let stopped = admin.post_nothing(&format!("{path}/cancel")).ok();
    assert_eq!((&stopped["state"], &stopped["cancel_requested"]), (&json!("cancelled"), &json!(true)));
    app.work();
    assert_eq!(traces(&app).len(), 0);
    admin.post_nothing(&format!("{path}/cancel")).problem(409, "operation_ended");
    let path = start(&app, &admin, &SMOOTH);
    // As it stands while a worker is at it.
    database::execute(
        &app.url,
        "update jobs set state = 'running', attempts = 1 where state = 'waiting' and kind = 'test.ten_steps'",
    );
    let asked = admin.post_nothing(&format!("{path}/cancel")).ok();
    assert_eq!((&asked["state"], &asked["cancel_requested"]), (&json!("running"), &json!(true)));
    assert_eq!(admin.post_nothing(&format!("{path}/cancel")).ok(), asked, "asking twice is asking once");
    database::execute(&app.url, "update jobs set state = 'waiting', attempts = 0 where state = 'running'");
    app.work();
    assert_eq!(admin.get(&path).ok()["state"], "cancelled");
    assert_eq!(traces(&app).len(), 0);
    let events = admin.get("/v1/events?type=operation.cancelled").ok();
    assert_eq!(events["data"].as_array().unwrap().len(), 2);
}

#[test]
fn one_sees_ones_own_operations_and_administrators_see_all() {
    let app = TestApp::start();
    let (admin, rep, other) = (app.user("admin"), app.user("rep.east"), app.user("rep.north"));
    let path = start(&app, &rep, &SMOOTH);
    assert_eq!(rep.get(&path).ok()["state"], "waiting");
    assert_eq!(admin.get(&path).ok()["state"], "waiting");
    other.get(&path).problem(404, "not_found");
    other.post_nothing(&format!("{path}/cancel")).problem(404, "not_found");
    assert_eq!((ids(&rep).len(), ids(&admin).len(), ids(&other).len()), (1, 1, 0));
    let me = other.get("/v1/me").ok();
    let without =
        app.like(&me, &[Permission::OperationsRead, Permission::OperationsWrite], DataScope::Tenant);
    without.get(&path).problem(404, "not_found");
    // Its rights are those of who asked for it, when it is done.
    let id = rep.get("/v1/me").ok()["id"].as_str().unwrap().to_owned();
    admin.patch(&format!("/v1/users/{id}"), &json!({ "disabled": true })).ok();
    app.work();
    let failed = admin.get(&path).ok();
    assert_eq!(
        (&failed["state"], &failed["last_error"]),
        (&json!("failed"), &json!("who asked for it is disabled"))
    );
    assert_eq!(traces(&app).len(), 0);
}
