//! What people did, on which records it shows, and the figures of it.

use chrono::TimeDelta;
use fulcrum_domain::access::{DataScope, Permission};
use serde_json::{Value, json};

use crate::support::{Client, TestApp, codes, company};

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

fn link(kind: &str, record: &Value) -> Value {
    json!({ "subject_type": kind, "subject_id": record["id"] })
}

fn call(app: &TestApp, subject: &str, links: &[Value]) -> Value {
    json!({
        "kind": "call", "direction": "outbound", "subject": subject, "started_at": app.now(),
        "duration_seconds": 600, "links": links,
    })
}

fn ids(client: &Client, list: &str) -> Vec<String> {
    client.all_ids(list, 2)
}

#[test]
fn what_was_said_is_kept_and_shows_on_every_record_it_concerns() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let (one, other) =
        (rep.create("/v1/customers", &company("甲")), rep.create("/v1/customers", &company("乙")));
    let contact = rep.create("/v1/contacts", &json!({ "customer_id": one["id"], "name": "李伟" }));
    let mut body = call(&app, "  确认  接口范围 ", &[link("contact", &contact), link("customer", &other)]);
    body["outcome"] = json!("successful");
    body["participants"] = json!([
        { "type": "contact", "id": contact["id"] }, { "type": "other", "name": "王工（实施商）" }
    ]);
    body["items"] = json!([
        { "kind": "need", "text": "先上线报表" }, { "kind": "objection", "text": "预算不足" },
        { "kind": "promise", "text": "下周三前给接口文档", "due_on": "2026-12-02" },
    ]);
    let made = rep.create("/v1/activities", &body);
    assert_eq!(made["subject"], "确认 接口范围");
    assert_eq!(
        made["items"][2],
        json!({ "kind": "promise", "text": "下周三前给接口文档", "due_on": "2026-12-02", "done": false })
    );
    assert_eq!(made["owner_id"], rep.get("/v1/me").ok()["id"]);
    let links = made["links"].as_array().unwrap();
    assert_eq!(links.len(), 3, "the contact's customer, too: {links:?}");
    let path = format!("/v1/activities/{}", id(&made));
    assert_eq!(rep.get(&path).ok(), made);
    for (list, found) in [
        (format!("customer_id={}", id(&one)), true),
        (format!("customer_id={}", id(&other)), true),
        (format!("contact_id={}", id(&contact)), true),
        (format!("contact_id={}", id(&one)), false),
        ("kind=call&direction=outbound&outcome=successful".to_owned(), true),
        ("kind=mail".to_owned(), false),
        ("direction=inbound".to_owned(), false),
        ("outcome=cancelled".to_owned(), false),
        ("item_kind=need&item_kind=objection".to_owned(), true),
        ("open_promises=true".to_owned(), true),
        (format!("owner_id={}", made["owner_id"].as_str().unwrap()), true),
        (format!("owner_id={}", id(&one)), false),
        (format!("started_at_from={}", app.now().format("%FT%TZ")), true),
        (format!("started_at_to={}", (app.now() - TimeDelta::hours(1)).format("%FT%TZ")), false),
        (format!("updated_at_from={}&sort=updated_at", app.now().format("%FT%TZ")), true),
        (
            format!("updated_at_to={}&sort=-updated_at", (app.now() - TimeDelta::hours(1)).format("%FT%TZ")),
            false,
        ),
    ] {
        assert_eq!(ids(&rep, &format!("/v1/activities?{list}")).len(), usize::from(found), "{list}");
    }
    // The promise is kept; the first customer has nothing to do with it any more, but for its contact.
    let kept = json!([{ "kind": "promise", "text": "下周三前给接口文档", "done": true }]);
    let patched = rep.patch(&path, &json!({ "items": kept, "links": [link("contact", &contact)] })).ok();
    assert_eq!(patched["links"].as_array().unwrap().len(), 2, "{patched}");
    assert_eq!(ids(&rep, &format!("/v1/activities?customer_id={}", id(&other))).len(), 0);
    assert_eq!(ids(&rep, "/v1/activities?open_promises=true").len(), 0);
    // What changes nothing leaves no trace.
    let same =
        rep.patch(&path, &json!({ "links": [link("customer", &one), link("contact", &contact)] })).ok();
    assert_eq!(same["version"], patched["version"]);
    let later = app.now() + TimeDelta::hours(2);
    rep.patch(&path, &json!({ "started_at": later })).expect(200);
    let shown =
        rep.get(&format!("/v1/customers/{}/timeline?kind=call&at_from={}", id(&one), later.format("%FT%TZ")));
    assert_eq!(shown.ok()["data"][0]["activity"]["id"], made["id"]);
    rep.delete(&path).expect(204);
    assert_eq!(ids(&rep, "/v1/activities?kind=call").len(), 0);
    rep.post_nothing(&format!("{path}/restore")).expect(200);
    assert_eq!(ids(&rep, "/v1/activities?kind=call").len(), 1);
}

#[test]
fn what_is_wrong_with_an_activity_is_said_at_once() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let customer = rep.create("/v1/customers", &company("甲"));
    let foreign = app.user("rep.north").create("/v1/customers", &company("北"));
    let wrong = |body: &Value| codes(&rep.post("/v1/activities", body).problem(422, "validation_failed"));
    let has = |found: &[(String, String)], pointer: &str, code: &str| {
        assert!(found.contains(&(pointer.to_owned(), code.to_owned())), "{pointer} {code} in {found:?}");
    };
    let found = wrong(&json!({
        "kind": "fax", "subject": " ", "started_at": "gestern", "duration_seconds": -1, "links": [],
        "participants": [{ "type": "user" }, { "type": "other" }], "items": [{ "kind": "promise", "text": "" }],
    }));
    has(&found, "/kind", "not_allowed");
    has(&found, "/started_at", "format");
    has(&found, "/duration_seconds", "too_small");
    has(&found, "/links", "too_few_items");
    has(&found, "/participants/0/id", "required");
    has(&found, "/participants/1/name", "required");
    has(&found, "/items/0/text", "too_short");
    let twice = [link("customer", &customer), link("customer", &customer)];
    has(&wrong(&call(&app, "x", &twice)), "/links/1", "duplicate");
    let hidden = [link("customer", &customer), link("customer", &foreign)];
    has(&wrong(&call(&app, "x", &hidden)), "/links/1/subject_id", "not_found");
    let mut body = call(&app, "x", &twice[..1]);
    body["participants"] = json!([{ "type": "contact", "id": foreign["id"] }]);
    has(&wrong(&body), "/participants/0/id", "not_found");
    let mut body = call(&app, "x", &twice[..1]);
    body["owner_id"] = app.user("rep.north").get("/v1/me").ok()["id"].clone();
    has(&wrong(&body), "/owner_id", "not_found");
    rep.delete(&format!("/v1/customers/{}", id(&customer))).problem(403, "permission_denied");
    app.user("manager").delete(&format!("/v1/customers/{}", id(&customer))).expect(204);
    rep.post("/v1/activities", &call(&app, "x", &twice[..1])).problem(409, "record_deleted");
    assert_eq!(ids(&rep, "/v1/activities").len(), 0, "nothing half written");
}

#[test]
fn who_sees_the_customer_sees_what_was_done_and_changes_only_what_is_theirs() {
    let app = TestApp::start();
    let (east, north, agent) = (app.user("rep.east"), app.user("rep.north"), app.user("agent"));
    let (mine, theirs) =
        (east.create("/v1/customers", &company("东")), north.create("/v1/customers", &company("北")));
    let of_agent = agent
        .create("/v1/activities", &call(&app, "回访", &[link("customer", &mine), link("customer", &theirs)]));
    let path = format!("/v1/activities/{}", id(&of_agent));
    // Each sees it, and of its records their own.
    for (rep, customer) in [(&east, &mine), (&north, &theirs)] {
        assert_eq!(rep.get(&path).ok()["links"], json!([link("customer", customer)]));
        rep.patch(&path, &json!({ "subject": "x" })).problem(403, "read_only");
        rep.delete(&path).problem(403, "read_only");
    }
    // Who changes the links they see leaves the others.
    let of_east = east.create("/v1/activities", &call(&app, "电话", &[link("customer", &mine)]));
    let shared = format!("/v1/activities/{}", id(&of_east));
    agent
        .patch(&shared, &json!({ "links": [link("customer", &mine), link("customer", &theirs)] }))
        .expect(200);
    let another = east.create("/v1/customers", &company("东二"));
    east.patch(&shared, &json!({ "links": [link("customer", &another)] })).expect(200);
    let all = agent.get(&shared).ok()["links"].clone();
    assert!(all.as_array().unwrap().contains(&link("customer", &theirs)), "{all}");
    assert!(!all.as_array().unwrap().contains(&link("customer", &mine)), "{all}");
    // Nobody else does: not another region, not who may not read activities.
    let lone = east.create("/v1/activities", &call(&app, "仅东区", &[link("customer", &mine)]));
    let lone = format!("/v1/activities/{}", id(&lone));
    north.get(&lone).problem(404, "not_found");
    north.patch(&lone, &json!({ "subject": "x" })).problem(404, "not_found");
    assert_eq!(ids(&north, "/v1/activities").len(), 2);
    assert_eq!(app.user("manager").get(&lone).ok()["subject"], "仅东区");
    app.user("manager").patch(&lone, &json!({ "outcome": "successful" })).expect(200);
    app.user("finance").get(&lone).problem(403, "permission_denied");
    let timeline = app.user("finance").get(&format!("/v1/customers/{}/timeline", id(&mine))).ok();
    let kinds: Vec<&Value> =
        timeline["data"].as_array().unwrap().iter().map(|entry| &entry["kind"]).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| **kind == "change"), "{timeline}");
    app.user_of("other", "admin").get(&lone).problem(404, "not_found");
    north.get(&format!("/v1/customers/{}/timeline", id(&mine))).problem(404, "not_found");
}

#[test]
fn a_timeline_has_everything_once_in_order_by_pages() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let customer = rep.create("/v1/customers", &company("甲"));
    let path = format!("/v1/customers/{}", id(&customer));
    let mut made = vec![];
    for number in 0..6 {
        app.clock.advance(TimeDelta::minutes(1));
        rep.patch(&path, &json!({ "notes": format!("第{number}次") })).expect(200);
        let mut body = call(&app, &format!("电话{number}"), &[link("customer", &customer)]);
        // Told late, and two at the same time.
        body["started_at"] = json!(app.now() - TimeDelta::seconds(90));
        body["kind"] = json!(["call", "mail", "visit", "meeting", "note", "note"][number]);
        made.push(id(&rep.create("/v1/activities", &body)));
        if number == 3 {
            made.push(id(&rep.create("/v1/activities", &body)));
        }
    }
    let pages = |more: &str, limit: usize| -> Vec<Value> {
        let (mut all, mut cursor) = (vec![], String::new());
        loop {
            let page = rep.get(&format!("{path}/timeline?limit={limit}{more}{cursor}")).ok();
            let data = page["data"].as_array().unwrap();
            assert!(data.len() <= limit);
            all.extend(data.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    };
    let whole = pages("", 200);
    // Created, six changes, seven activities; that they were created is not told a second time.
    assert_eq!(whole.len(), 14, "{whole:?}");
    for limit in [1, 2, 3, 5, 13, 14] {
        assert_eq!(pages("", limit), whole, "{limit}");
    }
    let times: Vec<&str> = whole.iter().map(|entry| entry["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
    let shown: Vec<&Value> =
        whole.iter().map(|entry| &entry["activity"]["id"]).filter(|id| !id.is_null()).collect();
    assert_eq!(shown.len(), made.len());
    assert!(made.iter().all(|id| shown.contains(&&json!(id))));
    assert_eq!(pages("&kind=note&kind=visit", 2).len(), 3);
    assert_eq!(pages("&kind=change", 3).len(), 7);
    let other = rep.get(&format!("{path}/timeline?limit=1")).ok()["next_cursor"].clone();
    rep.get(&format!("{path}/timeline?limit=1&kind=note&cursor={}", other.as_str().unwrap()))
        .problem(400, "invalid_cursor");
}

#[test]
fn figures_count_by_person_period_and_kind_on_the_callers_calendar() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let (one, other) =
        (rep.create("/v1/customers", &company("甲")), rep.create("/v1/customers", &company("乙")));
    let me = rep.get("/v1/me").ok()["id"].clone();
    // Monday 2 November 2026, 00:30 in Shanghai is Sunday in UTC.
    for (at, kind, seconds, customer) in [
        ("2026-11-01T16:30:00Z", "call", Some(300), &one),
        ("2026-11-03T02:00:00Z", "call", Some(901), &one),
        ("2026-11-03T03:00:00Z", "call", None, &other),
        ("2026-11-05T03:00:00Z", "visit", None, &other),
        ("2026-11-01T15:30:00Z", "call", Some(60), &one),
        ("2026-11-10T03:00:00Z", "mail", None, &one),
    ] {
        let body = json!({ "kind": kind, "subject": "x", "started_at": at, "duration_seconds": seconds, "links": [link("customer", customer)] });
        rep.create("/v1/activities", &body);
    }
    let deleted = rep.create("/v1/activities", &json!({ "kind": "call", "subject": "x", "started_at": "2026-11-03T03:00:00Z", "links": [link("customer", &one)] }));
    rep.delete(&format!("/v1/activities/{}", id(&deleted))).expect(204);
    let figures = app.user("manager").get("/v1/activities/figures?from=2026-11-01&to=2026-11-08").ok();
    let of = |figures: &Value, id: &Value| -> Value {
        figures["data"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["user"]["id"] == *id)
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(
        of(&figures, &me)["periods"],
        json!([
            { "starts_on": "2026-10-26", "count": 1, "kinds": [{ "kind": "call", "count": 1, "average_duration_seconds": 60, "customers": 1 }] },
            { "starts_on": "2026-11-02", "count": 4, "kinds": [
                { "kind": "call", "count": 3, "average_duration_seconds": 600, "customers": 2 },
                { "kind": "visit", "count": 1, "average_duration_seconds": null, "customers": 1 },
            ] },
        ])
    );
    let north = app.user("rep.north").get("/v1/me").ok()["id"].clone();
    assert_eq!(of(&figures, &north)["count"], 0, "who did nothing is shown");
    let by_month = rep.get("/v1/activities/figures?from=2026-11-01&to=2026-11-30&period=month").ok();
    assert_eq!(by_month["data"].as_array().unwrap().len(), 1, "a rep sees their own");
    assert_eq!(by_month["data"][0]["periods"][0]["count"], 6);
    let by_day = rep.get("/v1/activities/figures?from=2026-11-02&to=2026-11-02&period=day").ok();
    assert_eq!(by_day["data"][0]["count"], 1);
    // What is still to come doesn't count yet.
    let mut later = call(&app, "x", &[link("customer", &one)]);
    later["started_at"] = json!(app.now() + TimeDelta::days(1));
    rep.create("/v1/activities", &later);
    let day = (app.now() + TimeDelta::days(1)).format("%F").to_string();
    assert_eq!(rep.get(&format!("/v1/activities/figures?from={day}&to={day}")).ok()["data"][0]["count"], 0);
    rep.get("/v1/activities/figures?from=2026-11-02&to=2026-11-01").problem(400, "invalid_parameters");
    rep.get("/v1/activities/figures?from=2025-11-02&to=2026-11-03").problem(400, "invalid_parameters");
    rep.get("/v1/activities/figures?from=2026-11-02").problem(400, "invalid_parameters");
    // The calendars of the program and of the database end at different days.
    for day in ["-200000-01-01", "%2B12000-01-01", "%2B262142-12-31"] {
        let path = format!("/v1/activities/figures?from={day}&to={day}");
        rep.get(&path).problem(400, "invalid_parameters");
    }
}

#[test]
fn a_telephone_system_tells_its_calls_once() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = admin.create("/v1/customers", &company("甲"));
    let me = admin.get("/v1/me").ok();
    let pbx = app.like(
        &me,
        &[Permission::ActivitiesWrite, Permission::ActivitiesRead, Permission::CustomersRead],
        DataScope::Tenant,
    );
    let path = "/v1/activities/by-external-id/pbx/call-1";
    let made = pbx.put(path, &call(&app, "来电", &[link("customer", &customer)])).expect(201);
    let again = pbx.put(path, &json!({ "duration_seconds": 720 })).expect(200);
    assert_eq!(
        (&again["id"], &again["duration_seconds"], &again["subject"]),
        (&made["id"], &json!(720), &json!("来电"))
    );
    assert_eq!(ids(&admin, "/v1/activities?external_id=pbx:call-1"), [id(&made)]);
    let batch = json!({ "items": [
        { "action": "create", "data": call(&app, "一", &[link("customer", &customer)]) },
        { "action": "create", "data": call(&app, "二", &[]) },
    ]});
    let done = admin.post("/v1/activities/batch", &batch).expect(207);
    assert_eq!(
        (&done["results"][0]["status"], &done["results"][1]["status"]),
        (&json!(201), &json!(422)),
        "{done}"
    );
    // The log names the customer, so it is seen with it.
    let events = admin.get("/v1/events?type=activity.created&limit=1").ok();
    assert_eq!(events["data"][0]["customer_id"], customer["id"]);
}
