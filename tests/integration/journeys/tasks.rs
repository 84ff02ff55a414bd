//! What people have to do, and what happens when they don't.

use std::sync::Barrier;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::customers::at_once;
use crate::support::{Client, TestApp, codes, company};

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

fn path(task: &Value) -> String {
    format!("/v1/tasks/{}", id(task))
}

fn me(client: &Client) -> Value {
    client.get("/v1/me").ok()["id"].clone()
}

/// Kinds and subjects of what somebody was told, the last one first.
fn told(client: &Client) -> Vec<(String, String)> {
    let inbox = client.get("/v1/notifications?limit=200").ok();
    let of = |one: &Value| {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        (text("kind"), text("subject_id"))
    };
    inbox["data"].as_array().expect("rows").iter().map(of).collect()
}

fn leads(app: &TestApp, department: &str, manager: &str) {
    let admin = app.user("admin");
    let departments = admin.get("/v1/departments?limit=200").ok();
    let found = departments["data"].as_array().unwrap().iter().find(|one| one["name"] == department).cloned();
    let path = format!("/v1/departments/{}", id(&found.unwrap()));
    admin.patch(&path, &json!({ "manager_id": me(&app.user(manager)) })).expect(200);
}

#[test]
fn the_life_of_a_task() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let customer = rep.create("/v1/customers", &company("甲"));
    let contact = rep.create("/v1/contacts", &json!({ "customer_id": customer["id"], "name": "李伟" }));
    let due = app.now() + TimeDelta::days(3);
    let task = rep.create(
        "/v1/tasks",
        &json!({
            "title": " 3 天后  回访 ", "description": "确认试点范围。", "priority": "high", "due_at": due,
            "subject_type": "contact", "subject_id": contact["id"],
            "checklist": [{ "text": "准备报价单" }, { "text": "约时间", "done": true }],
        }),
    );
    assert_eq!(
        (&task["title"], &task["state"], &task["overdue"]),
        (&json!("3 天后 回访"), &json!("open"), &json!(false))
    );
    assert_eq!((&task["assignee_id"], &task["customer_id"]), (&me(&rep), &customer["id"]));
    assert_eq!((&task["subject_type"], &task["time_zone"]), (&json!("contact"), &json!("Asia/Shanghai")));
    assert_eq!(task["escalate_at"], json!(due + TimeDelta::days(1)), "as the company has it");
    assert_eq!(rep.get(&path(&task)).ok(), task);
    let none = rep.create("/v1/tasks", &json!({ "title": "没有期限" }));
    let found = |list: &str| rep.all_ids(&format!("/v1/tasks?{list}"), 1);
    assert_eq!(found("state=open"), [id(&task), id(&none)], "what is never due comes last");
    assert_eq!(found("sort=-due_at"), [id(&none), id(&task)]);
    assert_eq!(found("overdue=true"), Vec::<String>::new());
    for (list, is) in [
        ("priority=high".to_owned(), true),
        ("priority=low".to_owned(), false),
        (format!("customer_id={}", id(&customer)), true),
        (format!("contact_id={}", id(&contact)), true),
        (format!("due_at_to={}", due.format("%FT%TZ")), true),
        (format!("due_at_to={}", (due - TimeDelta::hours(1)).format("%FT%TZ")), false),
        (format!("due_at_from={}", due.format("%FT%TZ")), true),
        (
            format!(
                "assignee_id={}&created_by_id={}&customer_id={}",
                me(&rep).as_str().unwrap(),
                me(&rep).as_str().unwrap(),
                id(&customer)
            ),
            true,
        ),
    ] {
        assert_eq!(found(&list).contains(&id(&task)), is, "{list}");
    }
    app.clock.advance(TimeDelta::days(3) + TimeDelta::seconds(1));
    let rep = app.user("rep.east");
    assert_eq!(rep.all_ids("/v1/tasks?overdue=true", 5), [id(&task)]);
    assert_eq!(rep.get(&path(&task)).ok()["overdue"], true);
    let done = rep.with("if-match", "\"1\"").patch(&path(&task), &json!({ "state": "done" })).ok();
    assert_eq!(
        (&done["completed_at"], &done["completed_by_id"], &done["overdue"]),
        (&json!(app.now()), &me(&rep), &json!(false))
    );
    let again = rep.patch(&path(&task), &json!({ "state": "open" })).ok();
    assert_eq!((&again["completed_at"], &again["version"]), (&Value::Null, &json!(3)));
    rep.patch(&path(&task), &json!({ "subject_type": null, "subject_id": null })).ok();
    assert_eq!(rep.get(&path(&task)).ok()["customer_id"], Value::Null);
    app.user("manager").delete(&path(&task)).expect(204);
    assert_eq!(rep.all_ids("/v1/tasks?overdue=true", 5), Vec::<String>::new());
    // It was the customer's: its timeline tells.
    let timeline = rep.get(&format!("/v1/customers/{}/timeline", id(&customer))).ok();
    assert!(
        timeline["data"].as_array().unwrap().iter().any(|entry| entry["event"]["type"] == "task.created")
    );
}

#[test]
fn what_is_wrong_with_a_task_is_said_at_once() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let foreign = app.user("rep.north").create("/v1/customers", &company("北"));
    let due = app.now() + TimeDelta::days(1);
    for (body, pointer, code) in [
        (
            json!({ "title": "x", "reminders": [due, app.now() - TimeDelta::minutes(1)] }),
            "/reminders/1",
            "in_the_past",
        ),
        (json!({ "title": "x", "subject_type": "customer" }), "/subject_id", "required"),
        (json!({ "title": "x", "subject_id": foreign["id"] }), "/subject_type", "required"),
        (
            json!({ "title": "x", "subject_type": "customer", "subject_id": foreign["id"] }),
            "/subject_id",
            "not_found",
        ),
        (json!({ "title": "x", "recurrence": "FREQ=DAILY;COUNT=3" }), "/due_at", "required"),
        (json!({ "title": "x", "due_at": due, "recurrence": "FREQ=DAILY" }), "/recurrence", "schedule"),
        (
            json!({ "title": "x", "due_at": due, "recurrence": "FREQ=DAILY;COUNT=10000" }),
            "/recurrence",
            "schedule",
        ),
        (
            json!({ "title": "x", "due_at": due, "recurrence": "FREQ=SECONDLY;COUNT=5" }),
            "/recurrence",
            "schedule",
        ),
        (json!({ "title": "x", "due_at": due, "recurrence": "each day" }), "/recurrence", "pattern"),
        (json!({ "title": "x", "time_zone": "Mars/Base" }), "/time_zone", "time_zone_unknown"),
        (json!({ "title": "x", "assignee_id": me(&app.user("rep.north")) }), "/assignee_id", "not_found"),
        (json!({ "title": " " }), "/title", "pattern"),
        (json!({ "title": "x", "escalate_after_minutes": -1 }), "/escalate_after_minutes", "too_small"),
    ] {
        let problem = rep.post("/v1/tasks", &body).problem(422, "validation_failed");
        assert!(codes(&problem).contains(&(pointer.to_owned(), code.to_owned())), "{body}: {problem}");
    }
    let why = rep
        .with("accept-language", "en")
        .post("/v1/tasks", &json!({ "title": "x", "due_at": due, "recurrence": "FREQ=DAILY" }));
    assert!(why.body["errors"][0]["detail"].as_str().unwrap().contains("COUNT or UNTIL"), "{:?}", why.body);
    assert_eq!(rep.all_ids("/v1/tasks", 5).len(), 0, "nothing half written");
    // A reminder that has passed doesn't keep anybody from changing the rest.
    let task = rep.create("/v1/tasks", &json!({ "title": "x", "reminders": [due] }));
    app.clock.advance(TimeDelta::days(2));
    let patched = app.user("rep.east").patch(&path(&task), &json!({ "title": "y" })).ok();
    assert_eq!(patched["reminders"], json!([due]));
    let admin = app.user("admin");
    let agent = me(&app.user("agent"));
    admin.patch(&format!("/v1/users/{}", agent.as_str().unwrap()), &json!({ "disabled": true })).expect(200);
    let problem = admin
        .post("/v1/tasks", &json!({ "title": "x", "assignee_id": agent }))
        .problem(422, "validation_failed");
    assert_eq!(codes(&problem), [("/assignee_id".to_owned(), "disabled".to_owned())]);
}

#[test]
fn who_sees_a_task_and_who_may_change_it() {
    let app = TestApp::start();
    let (east, north, manager) = (app.user("rep.east"), app.user("rep.north"), app.user("manager"));
    let customer = east.create("/v1/customers", &company("东"));
    let plain = manager.create("/v1/tasks", &json!({ "title": "给北区", "assignee_id": me(&north) }));
    let about = json!({ "title": "给客服", "assignee_id": me(&app.user("agent")), "subject_type": "customer", "subject_id": customer["id"] });
    let about = app.user("admin").create("/v1/tasks", &about);
    assert_eq!(told(&north), [("task_assigned".to_owned(), id(&plain))]);
    assert_eq!(told(&manager), [], "who gave it isn't told");
    north.patch(&path(&plain), &json!({ "state": "done" })).expect(200);
    manager.get(&path(&plain)).ok();
    east.get(&path(&plain)).problem(404, "not_found");
    // It is about a customer of the eastern region: seen there, and changed by nobody there.
    east.get(&path(&about)).ok();
    east.patch(&path(&about), &json!({ "title": "x" })).problem(403, "read_only");
    north.get(&path(&about)).problem(404, "not_found");
    app.user_of("other", "admin").get(&path(&plain)).problem(404, "not_found");
    // Who made it may change it, whoever does it.
    let own = app.user("admin").get("/v1/me").ok();
    let made = app.user("agent").create("/v1/tasks", &json!({ "title": "请回电", "assignee_id": me(&east) }));
    assert_eq!(told(&east)[0], ("task_assigned".to_owned(), id(&made)));
    app.user("agent").patch(&path(&made), &json!({ "priority": "urgent" })).expect(200);
    assert_ne!(own["id"], made["assignee_id"]);
    // Moving takes the open tasks along, and who has some stays.
    let admin = app.user("admin");
    let place =
        admin.get(&format!("/v1/users/{}", me(&north).as_str().unwrap())).ok()["department_id"].clone();
    let person = format!("/v1/users/{}", me(&east).as_str().unwrap());
    admin.patch(&person, &json!({ "department_id": place })).expect(200);
    assert_eq!(admin.get(&path(&made)).ok()["department_id"], place);
    let spare = admin.create(
        "/v1/users",
        &json!({
            "email": "spare@demo.test", "name": "备用", "department_id": place, "role_id": own["role_id"],
        }),
    );
    let spares = admin.create("/v1/tasks", &json!({ "title": "x", "assignee_id": spare["id"] }));
    admin.delete(&format!("/v1/users/{}", id(&spare))).problem(409, "in_use");
    admin.patch(&path(&spares), &json!({ "state": "cancelled" })).expect(200);
    admin.delete(&format!("/v1/users/{}", id(&spare))).expect(204);
}

#[test]
fn reminders_are_told_once_whoever_finds_them() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let (first, second) = (app.now() + TimeDelta::hours(1), app.now() + TimeDelta::hours(3));
    let due = app.now() + TimeDelta::hours(4);
    let task = rep.create(
        "/v1/tasks",
        &json!({ "title": "打电话", "due_at": due, "reminders": [second, first, first] }),
    );
    assert_eq!(task["reminders"], json!([first, second]));
    app.work();
    assert_eq!(told(&rep), []);
    app.clock.advance(TimeDelta::hours(1));
    // Two workers at once.
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                start.wait();
                app.work();
            });
        }
    });
    let rep = app.user("rep.east");
    assert_eq!(told(&rep), [("task_reminder".to_owned(), id(&task))]);
    // One that was put off is told at its new time alone; a done one not at all.
    let later = app.now() + TimeDelta::hours(5);
    rep.patch(&path(&task), &json!({ "reminders": [first, later] })).expect(200);
    app.clock.advance(TimeDelta::hours(2));
    app.work();
    assert_eq!(told(&app.user("rep.east")).len(), 1);
    app.clock.advance(TimeDelta::hours(3));
    app.work();
    let rep = app.user("rep.east");
    assert_eq!(told(&rep).len(), 2);
    let other =
        rep.create("/v1/tasks", &json!({ "title": "y", "reminders": [app.now() + TimeDelta::minutes(5)] }));
    rep.patch(&path(&other), &json!({ "state": "done" })).expect(200);
    let gone =
        rep.create("/v1/tasks", &json!({ "title": "z", "reminders": [app.now() + TimeDelta::minutes(5)] }));
    app.user("manager").delete(&path(&gone)).expect(204);
    app.clock.advance(TimeDelta::minutes(10));
    app.work();
    assert_eq!(told(&app.user("rep.east")).len(), 2);
}

#[test]
fn what_stays_undone_goes_to_who_leads_them() {
    let app = TestApp::start();
    leads(&app, "销售部", "manager");
    let rep = app.user("rep.east");
    let due = app.now() + TimeDelta::hours(1);
    let usual = rep.create("/v1/tasks", &json!({ "title": "一", "due_at": due }));
    let soon =
        rep.create("/v1/tasks", &json!({ "title": "二", "due_at": due, "escalate_after_minutes": 30 }));
    let done =
        rep.create("/v1/tasks", &json!({ "title": "三", "due_at": due, "escalate_after_minutes": 30 }));
    app.clock.advance(TimeDelta::minutes(80));
    app.user("rep.east").patch(&path(&done), &json!({ "state": "done" })).expect(200);
    app.work();
    assert_eq!(told(&app.user("manager")), []);
    app.clock.advance(TimeDelta::minutes(10));
    app.work();
    app.work();
    assert_eq!(told(&app.user("manager")), [("task_overdue".to_owned(), id(&soon))]);
    assert_eq!(app.user("admin").get(&path(&soon)).ok()["escalated_at"], json!(app.now()));
    // The company waits for three hours from now on, not for a day.
    let admin = app.user("admin");
    assert_eq!(admin.get("/v1/company").ok()["task_escalation_minutes"], 1440);
    app.user("manager")
        .patch("/v1/company", &json!({ "task_escalation_minutes": 1 }))
        .problem(403, "permission_denied");
    let changed =
        admin.with("if-match", "\"1\"").patch("/v1/company", &json!({ "task_escalation_minutes": 180 })).ok();
    assert_eq!((&changed["version"], &changed["slug"]), (&json!(2), &json!("demo")));
    admin.patch("/v1/company", &json!({ "task_escalation_minutes": -1 })).problem(422, "validation_failed");
    admin.patch("/v1/company", &json!({ "slug": "x" })).problem(422, "validation_failed");
    assert_eq!(admin.get(&path(&usual)).ok()["escalate_at"], json!(due + TimeDelta::hours(3)));
    app.clock.advance(TimeDelta::hours(3));
    app.work();
    assert_eq!(told(&app.user("manager"))[0], ("task_overdue".to_owned(), id(&usual)));
    // Put off, it may become overdue again.
    app.user("rep.east")
        .patch(&path(&soon), &json!({ "due_at": app.now() + TimeDelta::hours(1) }))
        .expect(200);
    app.clock.advance(TimeDelta::minutes(91));
    app.work();
    assert_eq!(told(&app.user("manager")).len(), 3);
    // Nobody leads the manager: they are told themselves.
    let own = app
        .user("manager")
        .create("/v1/tasks", &json!({ "title": "四", "due_at": app.now(), "escalate_after_minutes": 0 }));
    app.work();
    assert_eq!(told(&app.user("manager"))[0], ("task_overdue".to_owned(), id(&own)));
}

#[test]
fn a_disabled_assignee_is_reminded_of_nothing_and_somebody_is() {
    let app = TestApp::start();
    leads(&app, "销售部", "manager");
    let rep = app.user("rep.east");
    let due = app.now() + TimeDelta::hours(1);
    let task = rep.create("/v1/tasks", &json!({
        "title": "每周回访", "due_at": due, "reminders": [due - TimeDelta::minutes(10)], "recurrence": "FREQ=WEEKLY;COUNT=3",
    }));
    app.user("admin")
        .patch(&format!("/v1/users/{}", me(&rep).as_str().unwrap()), &json!({ "disabled": true }))
        .expect(200);
    app.clock.advance(TimeDelta::hours(1));
    app.work();
    assert_eq!(told(&app.user("manager")), [("task_reminder".to_owned(), id(&task))]);
    app.user("manager").patch(&path(&task), &json!({ "state": "done" })).expect(200);
    let open = app.user("manager").get("/v1/tasks?state=open").ok();
    assert_eq!(open["data"][0]["assignee_id"], me(&app.user("manager")), "the next one is theirs");
}

#[test]
fn what_comes_again_comes_once_on_its_calendar() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let at = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
    // In Berlin clocks change on 28 March 2027; the clock of the tests stands in March 2027.
    let task = admin.create("/v1/tasks", &json!({
        "title": "每日检查", "due_at": "2027-03-27T08:00:00Z", "reminders": ["2027-03-27T07:30:00Z"],
        "recurrence": "FREQ=DAILY;COUNT=3", "time_zone": "Europe/Berlin", "checklist": [{ "text": "备份", "done": true }],
        "external_ids": [{ "system": "erp", "external_id": "1" }],
    }));
    assert_eq!((&task["occurrence"], task["series_id"].is_string()), (&json!(1), true));
    let next = |done: &Value| -> Option<Value> {
        let list = admin
            .get(&format!("/v1/tasks?series_id={}&state=open", done["series_id"].as_str().unwrap()))
            .ok();
        list["data"].get(0).cloned()
    };
    // Many say at once that it is done; somebody cancelled it and opened it again.
    let statuses = at_once(4, || admin.patch(&path(&task), &json!({ "state": "done" })).status);
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let second = next(&task).expect("the next one");
    assert_eq!(second["due_at"], json!(at("2027-03-28T07:00:00Z")), "at nine there, too");
    assert_eq!(second["reminders"], json!([at("2027-03-28T06:30:00Z")]));
    assert_eq!((&second["occurrence"], &second["checklist"][0]["done"]), (&json!(2), &json!(false)));
    assert_eq!(second["external_ids"], json!([]));
    admin.patch(&path(&task), &json!({ "state": "open" })).expect(200);
    admin.patch(&path(&task), &json!({ "state": "cancelled" })).expect(200);
    assert_eq!(
        admin.all_ids(&format!("/v1/tasks?series_id={}", task["series_id"].as_str().unwrap()), 5).len(),
        2
    );
    // Put off, the one after comes when it would have come.
    admin.patch(&path(&second), &json!({ "due_at": "2027-03-28T15:00:00Z", "state": "done" })).expect(200);
    let third = next(&task).expect("the last one");
    assert_eq!(third["due_at"], json!(at("2027-03-29T07:00:00Z")));
    admin.patch(&path(&third), &json!({ "state": "done" })).expect(200);
    assert_eq!(next(&task), None, "three times");
    // What was left undone for long doesn't come back as many.
    let due = app.now() + TimeDelta::hours(1);
    let late = admin
        .create("/v1/tasks", &json!({ "title": "日报", "due_at": due, "recurrence": "FREQ=DAILY;COUNT=30" }));
    app.clock.advance(TimeDelta::days(10));
    let admin = app.user("admin");
    admin.patch(&path(&late), &json!({ "state": "done" })).expect(200);
    let open =
        admin.get(&format!("/v1/tasks?series_id={}&state=open", late["series_id"].as_str().unwrap())).ok();
    assert_eq!(open["data"].as_array().unwrap().len(), 1);
    assert_eq!(open["data"][0]["due_at"], json!(due + TimeDelta::days(10)));
    // Without its rule it was the last one.
    let last = open["data"][0].clone();
    admin.patch(&path(&last), &json!({ "recurrence": null, "state": "done" })).expect(200);
    assert_eq!(
        admin
            .all_ids(&format!("/v1/tasks?series_id={}&state=open", late["series_id"].as_str().unwrap()), 5)
            .len(),
        0
    );
}

#[test]
fn what_can_be_left_out_can_be_cleared() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let customer = rep.create("/v1/customers", &company("甲"));
    let task = rep.create(
        "/v1/tasks",
        &json!({
            "title": "a", "description": "b", "due_at": app.now() + TimeDelta::days(2),
            "reminders": [app.now() + TimeDelta::days(1)], "escalate_after_minutes": 5, "recurrence": "FREQ=DAILY;COUNT=3",
            "subject_type": "customer", "subject_id": customer["id"], "checklist": [{ "text": "c" }],
            "external_ids": [{ "system": "erp", "external_id": "1" }],
        }),
    );
    let nothing = json!({
        "description": null, "due_at": null, "reminders": null, "escalate_after_minutes": null, "recurrence": null,
        "subject_type": null, "subject_id": null, "checklist": null, "external_ids": null,
    });
    let cleared = rep.patch(&path(&task), &nothing).ok();
    for name in [
        "description",
        "due_at",
        "escalate_after_minutes",
        "escalate_at",
        "recurrence",
        "subject_id",
        "customer_id",
    ] {
        assert!(cleared[name].is_null(), "{name}: {cleared}");
    }
    for name in ["reminders", "checklist", "external_ids"] {
        assert_eq!(cleared[name], json!([]), "{name}");
    }
    // What has to be there can't be.
    let wrong = rep.patch(&path(&task), &json!({ "title": null })).problem(422, "validation_failed");
    assert_eq!(codes(&wrong), [("/title".to_owned(), "required".to_owned())]);
    // What was cleared doesn't ring.
    app.clock.advance(TimeDelta::days(9));
    app.work();
    assert!(told(&app.user("rep.east")).is_empty());
    let free = app.user("rep.east").create(
        "/v1/tasks",
        &json!({ "title": "b", "external_ids": [{ "system": "erp", "external_id": "1" }] }),
    );
    assert_eq!(free["external_ids"][0]["external_id"], "1");
}

#[test]
fn other_systems_keep_tasks_by_their_own_ids_and_many_at_a_time() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let by_id = "/v1/tasks/by-external-id/erp/T-1";
    let made = rep.put(by_id, &json!({ "title": "一" })).expect(201);
    let same = rep.put(by_id, &json!({ "title": "二" })).expect(200);
    assert_eq!((&same["id"], &same["title"], &same["version"]), (&made["id"], &json!("二"), &json!(2)));
    let customer = rep.create("/v1/customers", &company("甲"));
    let done = rep.post(
        "/v1/tasks/batch",
        &json!({ "items": [
            { "action": "create", "data": { "title": "三", "subject_type": "customer", "subject_id": customer["id"] } },
            { "action": "update", "id": made["id"], "version": 1, "data": { "state": "done" } },
            { "action": "update", "id": made["id"], "data": { "state": "done" } },
            { "action": "create", "data": { "title": "四", "recurrence": "FREQ=DAILY" } },
        ] }),
    );
    let done = done.expect(207);
    let statuses: Vec<i64> =
        done["results"].as_array().unwrap().iter().map(|one| one["status"].as_i64().unwrap()).collect();
    assert_eq!(statuses, [201, 412, 200, 422]);
    let all = json!({ "atomic": true, "items": [{ "action": "create", "data": { "title": "五" } }, { "action": "create", "data": {} }] });
    assert_eq!(rep.post("/v1/tasks/batch", &all).expect(207)["complete"], false);
    for count in ["exact", "estimated"] {
        let list = rep.get(&format!("/v1/tasks?count={count}&limit=1")).ok();
        assert!(list["total_count"].is_i64(), "{list}");
    }
    assert_eq!(rep.get("/v1/tasks?count=exact&limit=1").ok()["total_count"], 2);
    assert_eq!(rep.all_ids("/v1/tasks?external_id=erp:T-1", 10), [id(&made)]);
}

#[test]
fn pages_are_whole_where_all_have_the_same_time() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let due = app.now() + TimeDelta::days(1);
    for number in 0..7 {
        rep.create(
            "/v1/tasks",
            &json!({ "title": number.to_string(), "due_at": (number % 2 == 0).then_some(due) }),
        );
    }
    for sort in ["due_at", "-due_at", "created_at", "-created_at", "updated_at", "-updated_at"] {
        let mut found = rep.all_ids(&format!("/v1/tasks?sort={sort}"), 2);
        assert_eq!(found.len(), 7, "{sort}");
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 7, "{sort}: none comes twice");
    }
}

#[test]
fn a_task_that_comes_back_rings_again_and_one_that_is_gone_does_not() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let task = |title: &str| {
        let reminders = json!([app.now() + TimeDelta::hours(1)]);
        rep.create("/v1/tasks", &json!({ "title": title, "reminders": reminders }))
    };
    let (gone, back) = (task("删除"), task("恢复"));
    for one in [&gone, &back] {
        app.user("admin").delete(&path(one)).expect(204);
    }
    app.user("admin").post_nothing(&format!("{}/restore", path(&back))).ok();
    app.clock.advance(TimeDelta::hours(2));
    app.work();
    assert_eq!(told(&app.user("rep.east")), [("task_reminder".to_owned(), id(&back))]);
}

#[test]
fn tasks_are_about_records_that_are_there() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let customer = rep.create("/v1/customers", &company("甲"));
    let contact = rep.create("/v1/contacts", &json!({ "customer_id": customer["id"], "name": "李伟" }));
    app.user("admin").delete(&format!("/v1/customers/{}", id(&customer))).expect(204);
    for (kind, of) in [("customer", &customer), ("contact", &contact)] {
        let body = json!({ "title": "a", "subject_type": kind, "subject_id": of["id"] });
        let reply = rep.post("/v1/tasks", &body);
        let status = reply.body["code"].as_str().unwrap_or_default().to_owned();
        assert!(["record_deleted", "validation_failed"].contains(&status.as_str()), "{kind}: {status}");
    }
    let foreign = app.user_of("other", "rep.east").create("/v1/customers", &company("乙"));
    let body = json!({ "title": "a", "subject_type": "customer", "subject_id": foreign["id"] });
    let problem = rep.post("/v1/tasks", &body).problem(422, "validation_failed");
    assert_eq!(codes(&problem), [("/subject_id".to_owned(), "not_found".to_owned())]);
}

#[test]
fn who_leads_a_department_is_somebody_of_the_company_who_works() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let departments = admin.get("/v1/departments?limit=200").ok();
    let east =
        departments["data"].as_array().unwrap().iter().find(|one| one["name"] == "华东区").cloned().unwrap();
    let path = format!("/v1/departments/{}", id(&east));
    let manager = me(&app.user("manager"));
    let agent = me(&app.user("agent"));
    admin.patch(&format!("/v1/users/{}", agent.as_str().unwrap()), &json!({ "disabled": true })).ok();
    for (who, code) in [(agent, "disabled"), (me(&app.user_of("other", "manager")), "not_found")] {
        let problem = admin.patch(&path, &json!({ "manager_id": who })).problem(422, "validation_failed");
        assert_eq!(codes(&problem), [("/manager_id".to_owned(), code.to_owned())]);
    }
    assert_eq!(admin.patch(&path, &json!({ "manager_id": manager })).ok()["manager_id"], manager);
    assert_eq!(admin.patch(&path, &json!({ "manager_id": null })).ok()["manager_id"], Value::Null);
}
