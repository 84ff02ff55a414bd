//! What the system does by itself: when something happens or a time comes, why it did or did not, and what stops it.

use chrono::{DateTime, TimeDelta, Utc};
use fulcrum_domain::access::{DataScope, Permission};
use serde_json::{Value, json};

use crate::support::receiver::{Manner, Receiver};
use crate::support::{Client, TestApp, codes, company, database};

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

fn rows(list: Value) -> Vec<Value> {
    list["data"].as_array().unwrap_or_else(|| panic!("no rows in {list}")).clone()
}

/// Lets automations and what they trigger do what they are to do, so many in a row.
fn work(app: &TestApp, links: usize) {
    for _ in 0..links {
        app.settle();
        app.work();
    }
}

fn on(event_types: &[&str]) -> Value {
    json!({ "type": "event", "event_types": event_types })
}

fn follow_up() -> Value {
    json!({
        "name": "A 级客户三天内回访",
        "trigger": on(&["customer.updated"]),
        "condition": "has(changes.grade) && changes.grade.to == 'A' && record.vip == false",
        "actions": [
            { "type": "create_task", "title": "回访 {{ record.name }}", "recipient": "record_owner", "due_in_minutes": 4320 },
            { "type": "set_fields", "fields": { "vip": true } },
            { "type": "add_tag", "tag": "高潜力" },
            { "type": "notify", "recipient": "event_actor", "title": "{{ record.name }}", "body": "{{ changes.grade.from }} → {{ changes.grade.to }}" },
        ],
    })
}

fn runs(client: &Client, automation: &Value) -> Vec<Value> {
    rows(client.get(&format!("/v1/automation-runs?automation_id={}&limit=200", id(automation))).ok())
}

fn states(client: &Client, automation: &Value) -> Vec<(String, Value)> {
    let of = |run: &Value| (run["state"].as_str().unwrap().to_owned(), run["reason"].clone());
    runs(client, automation).iter().map(of).collect()
}

fn now(client: &Client, automation: &Value) -> Value {
    client.get(&format!("/v1/automations/{}", id(automation))).ok()
}

#[test]
fn what_happens_makes_an_automation_do_all_of_its_actions_once() {
    let app = TestApp::start();
    let (admin, rep) = (app.user("admin"), app.user("rep.east"));
    let before = rep.create("/v1/customers", &company("之前"));
    rep.patch(&format!("/v1/customers/{}", id(&before)), &json!({ "grade": "A" })).ok();
    let automation = admin.create("/v1/automations", &follow_up());
    let customer = rep.create("/v1/customers", &json!({ "kind": "company", "name": "杭州", "grade": "B" }));
    let path = format!("/v1/customers/{}", id(&customer));
    rep.patch(&path, &json!({ "grade": "A" })).ok();
    work(&app, 3);
    let is = rep.get(&path).ok();
    assert_eq!((&is["vip"], &is["tags"], &is["version"]), (&json!(true), &json!(["高潜力"]), &json!(4)));
    let tasks = rows(rep.get("/v1/tasks").ok());
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    assert_eq!((&tasks[0]["title"], &tasks[0]["customer_id"]), (&json!("回访 杭州"), &customer["id"]));
    assert_eq!(
        tasks[0]["due_at"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap(),
        app.now() + TimeDelta::days(3)
    );
    let told = rows(rep.get("/v1/notifications").ok());
    let kinds: Vec<&str> = told.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "automation_message").count(), 1, "{kinds:?}");
    let message = told.iter().find(|one| one["kind"] == "automation_message").unwrap();
    assert_eq!((&message["title"], &message["body"]), (&json!("杭州"), &json!("B → A")));
    // Its own changes asked it again, and it saw that there was nothing to do; what happened before it was there didn't.
    let found = runs(&admin, &automation);
    assert_eq!(
        states(&admin, &automation),
        [
            ("not_fired".to_owned(), json!("condition")),
            ("not_fired".to_owned(), json!("condition")),
            ("fired".to_owned(), Value::Null)
        ]
    );
    assert_eq!((&found[0]["depth"], &found[2]["depth"]), (&json!(1), &json!(0)));
    let outcomes: Vec<&Value> =
        found[2]["actions"].as_array().unwrap().iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes, ["done", "done", "done", "done"]);
    assert_eq!(found[2]["actions"][0]["subject_id"], tasks[0]["id"]);
    assert_eq!(admin.get(&format!("/v1/automation-runs/{}", id(&found[2]))).ok(), found[2]);
    // Done in the name of its author, and the log says by what.
    let events =
        rows(admin.get(&format!("/v1/events?subject_id={}&type=customer.updated", id(&customer))).ok());
    assert_eq!(events[0]["actor_id"], admin.get("/v1/me").ok()["id"]);
    assert_eq!(events[0]["request_id"], json!(format!("automation:{}", id(&found[2]))));
    let fired = rows(admin.get("/v1/events?type=automation.fired").ok());
    assert_eq!(fired.len(), 1);
    assert_eq!(fired[0]["changes"]["record_id"]["to"], customer["id"]);
    assert_eq!(fired[0]["customer_id"], customer["id"]);
}

#[test]
fn all_actions_or_none_and_the_log_says_which_one_failed() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let automation = admin.create(
        "/v1/automations",
        &json!({ "name": "a", "trigger": on(&["customer.created"]), "actions": [
            { "type": "add_tag", "tag": "新" },
            { "type": "set_fields", "fields": { "phone": "12" } },
        ] }),
    );
    let customer = admin.create("/v1/customers", &company("甲"));
    work(&app, 2);
    assert_eq!(admin.get(&format!("/v1/customers/{}", id(&customer))).ok()["version"], 1);
    let run = runs(&admin, &automation).remove(0);
    assert_eq!((&run["state"], &run["reason"]), (&json!("failed"), &json!("action")));
    assert_eq!(run["actions"][0]["outcome"], "undone");
    assert_eq!(
        (&run["actions"][1]["outcome"], &run["actions"][1]["code"]),
        (&json!("failed"), &json!("validation_failed"))
    );
    assert!(run["actions"][1]["detail"].as_str().unwrap().contains("/phone"), "{run}");
    assert!(rows(admin.get("/v1/events?type=automation.fired").ok()).is_empty(), "nothing is left of it");
}

#[test]
fn one_that_triggers_itself_is_stopped_and_its_author_told() {
    let app = TestApp::start();
    let (admin, manager) = (app.user("admin"), app.user("manager"));
    let ping = manager.create(
        "/v1/automations",
        &json!({ "name": "ping", "trigger": on(&["task.created"]), "actions": [
            { "type": "create_task", "title": "{{ record.title }}+", "recipient": "author" },
        ] }),
    );
    manager.create("/v1/tasks", &json!({ "title": "x" }));
    work(&app, 9);
    let found = states(&admin, &ping);
    assert_eq!(found.len(), 7, "{found:?}");
    assert_eq!(found[0], ("stopped".to_owned(), json!("loop")));
    assert!(found[1..].iter().all(|(state, _)| state == "fired"), "{found:?}");
    let stopped = now(&manager, &ping);
    assert_eq!((&stopped["enabled"], &stopped["disabled_reason"]), (&json!(false), &json!("loop")));
    let told = rows(manager.get("/v1/notifications").ok());
    let told: Vec<&Value> = told.iter().filter(|one| one["kind"] == "automation_stopped").collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["subject_id"], ping["id"]);
    assert_eq!(rows(admin.get("/v1/events?type=automation.disabled").ok()).len(), 1);
    // Enabled again it begins anew, and what was made meanwhile is not made up for.
    manager.create("/v1/tasks", &json!({ "title": "y" }));
    manager.patch(&format!("/v1/automations/{}", id(&ping)), &json!({ "enabled": true })).ok();
    work(&app, 2);
    assert_eq!(states(&admin, &ping).len(), 7);
}

#[test]
fn two_that_go_round_in_slow_circles_are_stopped_by_their_rate() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let automation = admin.create(
        "/v1/automations",
        &json!({ "name": "a", "trigger": on(&["customer.updated"]), "condition": "has(changes.notes)", "actions": [
            { "type": "notify", "recipient": "author", "title": "x", "body": "y" },
        ] }),
    );
    let customer = admin.create("/v1/customers", &company("甲"));
    let path = format!("/v1/customers/{}", id(&customer));
    for turn in 0..22 {
        admin.patch(&path, &json!({ "notes": turn.to_string() })).ok();
    }
    work(&app, 3);
    let found = states(&admin, &automation);
    assert_eq!(found.iter().filter(|(state, _)| state == "fired").count(), 20);
    assert!(found.contains(&("stopped".to_owned(), json!("rate"))), "{found:?}");
    assert!(found.contains(&("not_fired".to_owned(), json!("disabled"))), "{found:?}");
    assert_eq!(now(&admin, &automation)["disabled_reason"], "rate");
}

#[test]
fn a_request_cannot_pass_for_an_automation() {
    let app = TestApp::start();
    let marked = app.user("admin").with("x-request-id", "automation:0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b");
    let reply = marked.post("/v1/customers", &company("甲"));
    assert!(!reply.header("x-request-id").unwrap().starts_with("automation:"));
}

#[test]
fn it_is_done_with_the_rights_that_its_author_has_now() {
    let app = TestApp::start();
    let (admin, manager, rep) = (app.user("admin"), app.user("manager"), app.user("rep.east"));
    rep.post("/v1/automations", &follow_up()).problem(403, "permission_denied");
    rep.get("/v1/automations").problem(403, "permission_denied");
    let tag = |name: &str| json!({ "name": name, "trigger": on(&["customer.created"]), "actions": [{ "type": "add_tag", "tag": name }] });
    let who = admin.get("/v1/me").ok();
    let all = [Permission::AutomationsRead, Permission::AutomationsWrite, Permission::CustomersRead];
    // Nobody has done what they couldn't do.
    let weak = app.like(&who, &all, DataScope::Tenant);
    let refused = weak.post("/v1/automations", &tag("x")).problem(403, "permission_denied");
    assert_eq!(refused["permission"], "customers.customers:write");
    let blind = app.like(&who, &all[..2], DataScope::Tenant);
    blind.post("/v1/automations", &tag("x")).problem(403, "permission_denied");
    let calls = json!({ "name": "c", "trigger": on(&["customer.created"]), "actions": [{ "type": "call_webhook", "webhook_id": who["id"] }] });
    assert_eq!(
        manager.post("/v1/automations", &calls).problem(403, "permission_denied")["permission"],
        "platform.webhooks:write"
    );
    // What its author doesn't see doesn't trigger it.
    let automation = manager.create("/v1/automations", &tag("经理"));
    let seen = manager.get("/v1/me").ok()["data_scope"].clone();
    assert_eq!(seen, "subtree", "the manager sees a part of the company");
    let own = rep.create("/v1/customers", &company("东"));
    let foreign = admin.create("/v1/customers", &company("总部"));
    work(&app, 2);
    let of = |customer: &Value| admin.get(&format!("/v1/customers/{}", id(customer))).ok()["tags"].clone();
    assert_eq!((of(&own), of(&foreign)), (json!(["经理"]), json!([])));
    assert!(states(&admin, &automation).contains(&("not_fired".to_owned(), json!("not_visible"))));
    // Of what they don't see, its author isn't even told that it was there.
    assert_eq!(states(&manager, &automation), [("fired".to_owned(), Value::Null)]);
    let hidden = states(&admin, &automation).iter().position(|(state, _)| state == "not_fired").unwrap();
    let hidden = format!("/v1/automation-runs/{}", id(&runs(&admin, &automation)[hidden]));
    admin.get(&hidden).ok();
    manager.get(&hidden).problem(404, "not_found");
    // Those of others are theirs, for who doesn't see the whole company.
    let of_admin = admin.create("/v1/automations", &tag("总"));
    let path = format!("/v1/automations/{}", id(&of_admin));
    for reply in [
        manager.get(&path),
        manager.patch(&path, &json!({ "name": "y" })),
        manager.delete(&path),
        manager.get(&format!("{path}/versions")),
    ] {
        reply.problem(404, "not_found");
    }
    assert_eq!(rows(manager.get("/v1/automations").ok()).len(), 1);
    assert_eq!(rows(admin.get("/v1/automations").ok()).len(), 2);
    assert!(runs(&manager, &of_admin).is_empty());
    app.user_of("other", "admin").get(&path).problem(404, "not_found");
    // Who can do less can stop it, and nothing else; it stays whose it is.
    let stopper = app.like(&who, &all[..2], DataScope::Tenant);
    let of_manager = format!("/v1/automations/{}", id(&automation));
    stopper.patch(&of_manager, &json!({ "name": "z" })).problem(403, "permission_denied");
    let stopped = stopper.patch(&of_manager, &json!({ "enabled": false })).ok();
    assert_eq!(
        (&stopped["disabled_reason"], &stopped["author_id"]),
        (&json!("manual"), &automation["author_id"])
    );
    stopper.patch(&of_manager, &json!({ "enabled": true })).problem(403, "permission_denied");
    manager.patch(&of_manager, &json!({ "enabled": true })).ok();
    // Whose account is disabled has no rights left.
    let manager_id = manager.get("/v1/me").ok()["id"].as_str().unwrap().to_owned();
    admin.patch(&format!("/v1/users/{manager_id}"), &json!({ "disabled": true })).ok();
    rep.create("/v1/customers", &company("东二"));
    work(&app, 2);
    let run = runs(&admin, &automation).remove(0);
    assert_eq!((&run["state"], &run["reason"]), (&json!("failed"), &json!("author")));
    assert_eq!(now(&admin, &automation)["disabled_reason"], "author");
    let told = rows(admin.get("/v1/notifications").ok());
    assert!(
        told.iter().any(|one| one["kind"] == "automation_stopped"),
        "somebody who can mend it is told: {told:?}"
    );
    // Who enables it takes it over.
    admin.patch(&format!("/v1/automations/{}", id(&automation)), &json!({ "enabled": true })).ok();
    assert_eq!(now(&admin, &automation)["author_id"], who["id"]);
}

#[test]
fn a_schedule_goes_by_the_clock_of_its_zone_and_is_made_up_for_once() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let body = json!({
        "name": "每周例会", "trigger": { "type": "schedule", "cron": "0 9 * * *", "time_zone": "America/New_York" },
        "actions": [{ "type": "notify", "recipient": "author", "title": "例会 {{ now | date }}", "body": "准备" }],
    });
    let automation = admin.create("/v1/automations", &body);
    let at = |value: &Value| value.as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let first = at(&automation["next_at"]);
    let local = first.with_timezone(&chrono_tz::America::New_York).to_rfc3339();
    assert!(local.contains("T09:00:00"), "{local}");
    app.work();
    assert!(runs(&admin, &automation).is_empty(), "not before its time");
    // Three days without a worker.
    app.clock.advance(first - app.now() + TimeDelta::days(3));
    work(&app, 2);
    let admin = app.user("admin");
    assert_eq!(states(&admin, &automation), [("fired".to_owned(), Value::Null)]);
    let next = at(&now(&admin, &automation)["next_at"]);
    assert!(next > app.now() && next <= app.now() + TimeDelta::days(1), "{next}");
    let message = rows(admin.get("/v1/notifications").ok()).remove(0);
    assert!(message["title"].as_str().unwrap().starts_with("例会 20"), "{message}");
    let never = json!({ "name": "n", "trigger": { "type": "schedule", "cron": "0 0 30 2 *" }, "actions": body["actions"] });
    let problem = admin.post("/v1/automations", &never).problem(422, "validation_failed");
    assert_eq!(codes(&problem), [("/trigger/cron".to_owned(), "schedule".to_owned())]);
}

#[test]
fn a_while_after_a_time_in_a_record_each_record_has_its_turn_once() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let admin = app.user("admin");
    let body = json!({
        "name": "逾期两小时", "trigger": { "type": "relative", "subject_type": "task", "field": "due_at", "offset_minutes": 120 },
        "condition": "record.state == 'open'",
        "actions": [{ "type": "set_fields", "fields": { "priority": "high" } }],
    });
    let automation = admin.create("/v1/automations", &body);
    let due = app.now() + TimeDelta::hours(1);
    let task =
        |title: &str, due: DateTime<Utc>| rep.create("/v1/tasks", &json!({ "title": title, "due_at": due }));
    let (one, later) = (task("到期", due), task("更晚", due + TimeDelta::days(1)));
    let done = task("完成", due);
    rep.patch(&format!("/v1/tasks/{}", id(&done)), &json!({ "state": "done" })).ok();
    let pass = |time: TimeDelta| {
        app.clock.advance(time);
        work(&app, 2);
    };
    pass(TimeDelta::minutes(179));
    assert!(runs(&app.user("admin"), &automation).is_empty(), "not before its time");
    pass(TimeDelta::minutes(2));
    pass(TimeDelta::minutes(2));
    let admin = app.user("admin");
    let found = states(&admin, &automation);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found.contains(&("fired".to_owned(), Value::Null))
            && found.contains(&("not_fired".to_owned(), json!("condition")))
    );
    let priority = |task: &Value| admin.get(&format!("/v1/tasks/{}", id(task))).ok()["priority"].clone();
    assert_eq!(
        (priority(&one), priority(&done), priority(&later)),
        (json!("high"), json!("normal"), json!("normal"))
    );
    // A worker that was away for two days makes up for it.
    pass(TimeDelta::days(2));
    let admin = app.user("admin");
    assert_eq!(admin.get(&format!("/v1/tasks/{}", id(&later))).ok()["priority"], "high");
    assert_eq!(runs(&admin, &automation).len(), 3);
}

#[test]
fn two_workers_ask_once() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let automation = admin.create(
        "/v1/automations",
        &json!({ "name": "a", "trigger": on(&["customer.created"]), "actions": [
            { "type": "create_task", "title": "{{ record.name }}", "recipient": "record_owner" },
        ] }),
    );
    for number in 0..60 {
        admin.create("/v1/customers", &company(&number.to_string()));
    }
    app.settle();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| work(&app, 2));
        }
    });
    work(&app, 2);
    assert_eq!(states(&admin, &automation).iter().filter(|(state, _)| state == "fired").count(), 60);
    assert_eq!(rows(admin.get("/v1/tasks?limit=200").ok()).len(), 60);
}

#[test]
fn a_webhook_is_called_whatever_it_listens_to() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let receiver = Receiver::start(Manner::Answer(200));
    let hook = json!({ "name": "ERP", "url": receiver.url, "event_types": ["role.*"] });
    let webhook = admin.create("/v1/webhooks", &hook)["webhook"].clone();
    let automation = admin.create(
        "/v1/automations",
        &json!({ "name": "a", "trigger": on(&["customer.created"]), "actions": [{ "type": "call_webhook", "webhook_id": webhook["id"] }] }),
    );
    let customer = admin.create("/v1/customers", &company("甲"));
    work(&app, 3);
    let received = receiver.received();
    assert_eq!(received.len(), 1, "{:?}", runs(&admin, &automation));
    let message = received[0].json();
    assert_eq!(
        (&message["type"], &message["data"]["subject_id"]),
        (&json!("automation.fired"), &automation["id"])
    );
    assert_eq!(message["data"]["changes"]["record_id"]["to"], customer["id"]);
    let delivery = rows(admin.get("/v1/webhook-deliveries").ok()).remove(0);
    assert_eq!((&delivery["origin"], &delivery["state"]), (&json!("automation"), &json!("succeeded")));
    // One that is disabled can't be called.
    admin.patch(&format!("/v1/webhooks/{}", id(&webhook)), &json!({ "disabled": true })).ok();
    admin.create("/v1/customers", &company("乙"));
    work(&app, 2);
    assert_eq!(runs(&admin, &automation)[0]["actions"][0]["code"], "webhook_disabled");
}

#[test]
fn a_dry_run_says_what_would_happen_and_leaves_no_trace() {
    let app = TestApp::start();
    let (admin, rep) = (app.user("admin"), app.user("rep.east"));
    let customer = rep.create("/v1/customers", &json!({ "kind": "company", "name": "杭州", "grade": "B" }));
    let path = format!("/v1/customers/{}", id(&customer));
    rep.patch(&path, &json!({ "grade": "A" })).ok();
    rep.patch(&path, &json!({ "notes": "x" })).ok();
    let mut body = follow_up();
    body["enabled"] = json!(false);
    let automation = admin.create("/v1/automations", &body);
    let dry = format!("/v1/automations/{}/dry-run", id(&automation));
    let events = rows(admin.get(&format!("/v1/events?subject_id={}", id(&customer))).ok());
    let tried = admin.post(&dry, &json!({ "event_id": events[1]["id"] })).ok();
    assert_eq!((&tried["state"], &tried["reason"]), (&json!("fired"), &Value::Null), "{tried}");
    let events_of = |dry: &Value| -> Vec<String> {
        rows(json!({ "data": dry["events"] }))
            .iter()
            .map(|one| one["type"].as_str().unwrap().to_owned())
            .collect()
    };
    let expected = [
        "automation.fired",
        "notification.created",
        "task.created",
        "customer.updated",
        "customer.updated",
        "notification.created",
    ];
    assert_eq!(events_of(&tried), expected);
    assert_eq!(admin.post(&dry, &json!({ "event_id": events[0]["id"] })).ok()["reason"], "condition");
    assert_eq!(admin.post(&dry, &json!({ "event_id": events[2]["id"] })).ok()["reason"], "event_type");
    work(&app, 2);
    assert_eq!(rep.get(&path).ok()["version"], 3);
    assert!(rows(rep.get("/v1/tasks").ok()).is_empty() && rows(rep.get("/v1/notifications").ok()).is_empty());
    assert!(runs(&admin, &automation).is_empty());
    for (body, pointer, code) in [
        (json!({}), "/event_id", "required"),
        (json!({ "event_id": "999999999999999999" }), "/event_id", "not_found"),
    ] {
        let problem = admin.post(&dry, &body).problem(422, "validation_failed");
        assert_eq!(codes(&problem), [(pointer.to_owned(), code.to_owned())]);
    }
}

#[test]
fn versions_are_kept_and_one_can_go_back() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let automation = admin.create("/v1/automations", &follow_up());
    let path = format!("/v1/automations/{}", id(&automation));
    let changed = admin
        .patch(&path, &json!({ "condition": null, "actions": [{ "type": "add_tag", "tag": "b" }] }))
        .ok();
    assert_eq!((&changed["version"], &changed["condition"]), (&json!(2), &Value::Null));
    assert_eq!(admin.patch(&path, &json!({ "condition": null })).ok()["version"], 2, "nothing changed");
    let versions = rows(admin.get(&format!("{path}/versions?limit=1")).ok());
    assert_eq!(versions[0]["version"], 2);
    let next =
        admin.get(&format!("{path}/versions?limit=1")).ok()["next_cursor"].as_str().unwrap().to_owned();
    let first = rows(admin.get(&format!("{path}/versions?limit=1&cursor={next}")).ok()).remove(0);
    assert_eq!((&first["version"], &first["content"]["actions"]), (&json!(1), &automation["actions"]));
    let back = admin.patch(&path, &first["content"]).ok();
    assert_eq!((&back["version"], &back["condition"]), (&json!(3), &automation["condition"]));
    admin.delete(&path).expect(204);
    assert!(!admin.get(&path).ok()["deleted_at"].is_null());
    admin.post(&format!("{path}/dry-run"), &json!({})).problem(409, "record_deleted");
    admin.post_nothing(&format!("{path}/restore")).ok();
    admin.create("/v1/automations", &json!({ "name": "x", "trigger": on(&["*"]), "actions": [{ "type": "notify", "recipient": "author", "title": "a", "body": "b" }] }));
    admin.patch(&path, &json!({ "name": "x" })).problem(409, "already_exists");
}

#[test]
fn what_cannot_work_is_refused_with_the_place_and_the_reason() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let notify = json!([{ "type": "notify", "recipient": "author", "title": "a", "body": "b" }]);
    let event = on(&["customer.updated"]);
    let wrong = |trigger: &Value, condition: Value, actions: &Value| {
        let body = json!({ "name": "n", "trigger": trigger, "condition": condition, "actions": actions });
        let problem = admin.post("/v1/automations", &body).problem(422, "validation_failed");
        let mut found: Vec<String> =
            codes(&problem).into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect();
        found.sort();
        found.join(", ")
    };
    let nothing = || Value::Null;
    let action = |action: Value| json!([action]);
    for (trigger, condition, actions, expected) in [
        (json!({ "type": "event" }), nothing(), notify.clone(), "/trigger/event_types required"),
        (
            json!({ "type": "event", "event_types": ["customer.eaten"] }),
            nothing(),
            notify.clone(),
            "/trigger/event_types/0 not_allowed",
        ),
        (
            json!({ "type": "event", "event_types": ["customer.*"], "cron": "0 0 * * *" }),
            nothing(),
            notify.clone(),
            "/trigger/cron not_for_type",
        ),
        (
            json!({ "type": "schedule", "cron": "0 0 * * *", "time_zone": "Mars/Base" }),
            nothing(),
            notify.clone(),
            "/trigger/time_zone time_zone_unknown",
        ),
        (
            json!({ "type": "schedule", "cron": "every day" }),
            nothing(),
            notify.clone(),
            "/trigger/cron schedule",
        ),
        (
            json!({ "type": "relative", "subject_type": "user", "field": "due_at" }),
            nothing(),
            notify.clone(),
            "/trigger/subject_type not_allowed",
        ),
        (
            json!({ "type": "relative", "subject_type": "task", "field": "ended_on" }),
            nothing(),
            notify.clone(),
            "/trigger/field not_allowed",
        ),
        (event.clone(), json!("record.nmae == 'x'"), notify.clone(), "/condition condition"),
        (event.clone(), json!("record.name =="), notify.clone(), "/condition condition"),
        (
            event.clone(),
            nothing(),
            action(json!({ "type": "create_task", "recipient": "author" })),
            "/actions/0/title required",
        ),
        (
            event.clone(),
            nothing(),
            action(json!({ "type": "add_tag", "tag": "x", "title": "y" })),
            "/actions/0/title not_for_type",
        ),
        (
            event.clone(),
            nothing(),
            action(json!({ "type": "notify", "recipient": "user", "title": "a", "body": "b" })),
            "/actions/0/user_id required",
        ),
        (
            event.clone(),
            nothing(),
            action(
                json!({ "type": "notify", "recipient": "author", "title": "{{ record.nmae }}", "body": "{% if %}" }),
            ),
            "/actions/0/body template, /actions/0/title template",
        ),
        (
            event.clone(),
            nothing(),
            action(json!({ "type": "set_fields", "fields": { "nmae": "x" } })),
            "/actions/0/fields/nmae unknown_field",
        ),
        (
            event.clone(),
            nothing(),
            action(json!({ "type": "set_fields", "fields": { "vip": "yes" } })),
            "/actions/0/fields/vip type",
        ),
        (
            event.clone(),
            nothing(),
            action(json!({ "type": "set_fields", "fields": {} })),
            "/actions/0/fields required",
        ),
        (
            on(&["customer.*", "contact.*"]),
            nothing(),
            action(json!({ "type": "add_tag", "tag": "x" })),
            "/actions/0/type one_kind_of_record",
        ),
        (
            on(&["contact.*"]),
            nothing(),
            action(json!({ "type": "assign", "recipient": "author" })),
            "/actions/0/type one_kind_of_record",
        ),
        (
            json!({ "type": "schedule", "cron": "0 0 * * *" }),
            nothing(),
            action(json!({ "type": "notify", "recipient": "record_owner", "title": "a", "body": "b" })),
            "/actions/0/recipient not_for_type",
        ),
        (
            event.clone(),
            nothing(),
            action(json!({ "type": "call_webhook", "webhook_id": "0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b" })),
            "/actions/0/webhook_id not_found",
        ),
        (
            event.clone(),
            nothing(),
            action(
                json!({ "type": "assign", "recipient": "user", "user_id": "0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b" }),
            ),
            "/actions/0/user_id not_found",
        ),
        (event.clone(), nothing(), json!([]), "/actions too_few_items"),
    ] {
        assert_eq!(wrong(&trigger, condition, &actions), expected, "{trigger} {actions}");
    }
    assert!(rows(admin.get("/v1/automations").ok()).is_empty(), "nothing half written");
}

#[test]
fn clocks_that_nobody_winds_any_more_are_wound_again() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let automation = admin.create(
        "/v1/automations",
        &json!({ "name": "a", "trigger": { "type": "schedule", "cron": "0 9 * * *" }, "actions": [
            { "type": "create_task", "title": "x", "recipient": "author" },
        ] }),
    );
    admin.create("/v1/tasks", &json!({ "title": "y", "reminders": [app.now() + TimeDelta::hours(1)] }));
    // From now on there is upkeep each hour.
    app.work();
    // Whoever was to look has failed too often.
    let clocks = "update jobs set state = 'dead', finished_at = now(), attempts = max_attempts where kind like '%_clock'";
    database::execute(&app.url, clocks);
    app.clock.advance(TimeDelta::days(2));
    work(&app, 3);
    let admin = app.user("admin");
    assert_eq!(states(&admin, &automation), [("fired".to_owned(), Value::Null)]);
    let told = rows(admin.get("/v1/notifications").ok());
    assert!(told.iter().any(|one| one["kind"] == "task_reminder"), "{told:?}");
}
