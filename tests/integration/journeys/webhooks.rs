use chrono::TimeDelta;
use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_persistence::Clock;
use serde_json::{Value, json};

use crate::support::jobs::Count;
use crate::support::receiver::{Manner, Receiver};
use crate::support::{Client, TestApp, codes, company, database};

fn hook(receiver: &Receiver, event_types: &[&str]) -> Value {
    let name = receiver.url.trim_start_matches("http://127.0.0.1:").trim_end_matches("/hook");
    json!({ "name": name, "url": receiver.url, "event_types": event_types })
}

fn create(client: &Client, body: &Value) -> (String, String) {
    let created = client.create("/v1/webhooks", body);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&created["webhook"]["id"]), text(&created["secret"]))
}

/// Tells everything that has happened.
fn tell(app: &TestApp) {
    app.settle();
    app.work();
}

fn deliveries(client: &Client, query: &str) -> Vec<Value> {
    client.get(&format!("/v1/webhook-deliveries?{query}")).ok()["data"].as_array().expect("rows").clone()
}

#[test]
fn what_happens_is_told_once_signed_and_as_a_cloud_event() {
    let app = TestApp::start();
    // The library asks the machine how old a message is.
    app.clock.advance(Clock::system().now() - app.now());
    let admin = app.user("admin");
    admin.create("/v1/customers", &company("之前"));
    let receiver = Receiver::start(Manner::Answer(200));
    let (id, secret) = create(&admin, &hook(&receiver, &["customer.*"]));
    assert!(secret.starts_with("whsec_"), "{secret}");
    assert_eq!(admin.get(&format!("/v1/webhooks/{id}")).ok()["secret"], Value::Null);
    let customer = admin.create("/v1/customers", &company("之后"));
    let customer_id = customer["id"].as_str().unwrap();
    admin.create("/v1/contacts", &json!({ "customer_id": customer_id, "name": "甲" }));
    admin.patch(&format!("/v1/customers/{customer_id}"), &json!({ "grade": "A" })).ok();
    tell(&app);
    tell(&app);
    let mut received = receiver.received();
    assert_eq!(received.len(), 2, "{received:?}");
    received.sort_by_key(|one| one.json()["data"]["version"].as_i64());
    let verifier = standardwebhooks::Webhook::new(&secret).unwrap();
    for one in &received {
        let mut headers = reqwest::header::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, one.header(name).parse().unwrap());
        }
        verifier.verify(one.body.as_bytes(), &headers).unwrap();
        assert!(verifier.verify(one.body.replace('1', "2").as_bytes(), &headers).is_err());
        assert_eq!(one.header("webhook-timestamp"), app.now().timestamp().to_string());
        assert_eq!(one.header("content-type"), "application/cloudevents+json; charset=utf-8");
    }
    let (first, second) = (received[0].json(), received[1].json());
    let event = admin.get(&format!("/v1/events?subject_id={customer_id}&type=customer.updated")).ok()["data"]
        [0]
    .clone();
    assert_eq!(second["data"], event);
    assert_eq!(
        (&second["specversion"], &second["data"]["id"], &second["type"], &second["subject"], &second["time"]),
        (
            &json!("1.0"),
            &event["id"],
            &json!("customer.updated"),
            &json!(format!("customer/{customer_id}")),
            &event["at"]
        )
    );
    assert_eq!(first["type"], "customer.created");
    let told = deliveries(&admin, &format!("webhook_id={id}"));
    assert_eq!(told.len(), 2);
    let shown = admin.get(&format!("/v1/webhook-deliveries/{}", told[0]["id"].as_str().unwrap())).ok();
    assert_eq!((&shown["state"], &shown["attempt_count"]), (&json!("succeeded"), &json!(1)));
    assert_eq!(
        (
            &shown["attempts"][0]["status"],
            &shown["attempts"][0]["response"],
            &shown["attempts"][0]["failure"]
        ),
        (&json!(200), &json!("heard"), &json!(null))
    );
}

#[test]
fn only_what_the_filter_wants_is_told() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let receiver = Receiver::start(Manner::Answer(204));
    let mut wanted = hook(&receiver, &["customer.updated", "contact.created"]);
    wanted["filter"] = json!("subject_type == 'contact' || changes.grade.to == 'A'");
    create(&admin, &wanted);
    let customer = admin.create("/v1/customers", &company("甲"));
    let path = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
    for patch in [json!({ "grade": "B" }), json!({ "vip": true }), json!({ "grade": "A" })] {
        admin.patch(&path, &patch).ok();
    }
    admin.create("/v1/contacts", &json!({ "customer_id": customer["id"], "name": "乙" }));
    tell(&app);
    let mut types: Vec<String> =
        receiver.received().iter().map(|one| one.json()["type"].as_str().unwrap().to_owned()).collect();
    types.sort();
    assert_eq!(types, ["contact.created", "customer.updated"]);
}

#[test]
fn a_filter_or_an_address_that_is_not_right_is_refused_with_its_place() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let with = |field: &str, value: Value| {
        let mut body =
            json!({ "name": "x", "url": "https://hooks.example.com/x", "event_types": ["customer.*"] });
        body[field] = value;
        admin.post("/v1/webhooks", &body).problem(422, "validation_failed")
    };
    assert_eq!(
        codes(&with("event_types", json!(["customer.*", "customer.updatd"]))),
        [("/event_types/1".into(), "not_allowed".into())]
    );
    let doubling = format!("['a'].map(x, x + x){} == []", ".map(x, x + x)".repeat(20));
    assert_eq!(codes(&with("filter", json!(doubling))), [("/filter".into(), "condition".into())]);
    let problem = with("filter", json!("version > 1 &&\n  colour == 'red'"));
    assert_eq!(problem["errors"][0]["pointer"], "/filter");
    assert_eq!(problem["errors"][0]["code"], "condition");
    assert_eq!(
        problem["errors"][0]["params"],
        json!({ "line": 2, "column": 3, "reason": "there is no field colour" })
    );
    assert_eq!(
        codes(&with("filter", json!("changes.colour.to == 'red'"))),
        [("/filter".into(), "condition".into())]
    );
    let problem = with("filter", json!("version > "));
    assert_eq!(
        (&problem["errors"][0]["params"]["line"], &problem["errors"][0]["params"]["column"]),
        (&json!(1), &json!(11))
    );
    assert_eq!(codes(&with("filter", json!("(".repeat(1500)))), [("/filter".into(), "condition".into())]);
    assert_eq!(codes(&with("filter", json!("version + 1"))), [("/filter".into(), "condition".into())]);
    assert_eq!(
        codes(&with("event_types", json!(["weather.changed"]))),
        [("/event_types/0".into(), "not_allowed".into())]
    );
    assert_eq!(codes(&with("event_types", json!([]))), [("/event_types".into(), "too_few_items".into())]);
    for (url, code) in [
        ("https://10.0.0.1/x", "address_not_allowed"),
        ("https://169.254.169.254/latest/meta-data", "address_not_allowed"),
        ("https://[::1]/x", "address_not_allowed"),
        ("https://[::ffff:10.0.0.1]/x", "address_not_allowed"),
        ("https://0x0a000001/x", "address_not_allowed"),
        ("https://167772161/x", "address_not_allowed"),
        ("http://8.8.8.8/x", "address_not_allowed"),
        ("http://does-not-exist.invalid/x", "url_not_encrypted"),
        ("https://user:secret@hooks.example.com/x", "website_credentials"),
        ("https://hooks.example.com/x#y", "url_invalid"),
        ("ftp://hooks.example.com/x", "pattern"),
    ] {
        let found = codes(&with("url", json!(url)));
        assert!(found.contains(&("/url".into(), code.into())), "{url}: {found:?}");
    }
    // The same when it is changed.
    let receiver = Receiver::start(Manner::Answer(200));
    let (id, _) = create(&admin, &hook(&receiver, &["customer.*"]));
    let path = format!("/v1/webhooks/{id}");
    let problem =
        admin.patch(&path, &json!({ "url": "https://192.168.1.1/" })).problem(422, "validation_failed");
    assert_eq!(codes(&problem), [("/url".into(), "address_not_allowed".into())]);
    admin.patch(&path, &json!({ "filter": "nothing" })).problem(422, "validation_failed");
}

#[test]
fn a_private_address_is_refused_when_it_is_connected_to() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let receiver = Receiver::start(Manner::Answer(200));
    let (id, _) = create(&admin, &hook(&receiver, &["customer.*"]));
    for url in ["https://10.255.255.1/", "http://[::ffff:192.168.0.1]/", "http://0.0.0.0/"] {
        database::execute(&app.url, &format!("update webhooks set url = '{url}'"));
        let test = admin.post_nothing(&format!("/v1/webhooks/{id}/test")).expect(201);
        app.work();
        let shown = admin.get(&format!("/v1/webhook-deliveries/{}", test["id"].as_str().unwrap())).ok();
        assert_eq!(shown["state"], "failed", "{shown}");
        let error = shown["attempts"][0]["failure"].as_str().unwrap();
        assert!(error.contains("an address that webhooks may not go to"), "{url}: {error}");
    }
    assert_eq!(receiver.received().len(), 0);
}

#[test]
fn what_does_not_get_through_is_told_again_and_given_up_after_ten_times() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let receiver = Receiver::start(Manner::Answer(500));
    let (id, _) = create(&admin, &hook(&receiver, &["customer.created"]));
    admin.create("/v1/customers", &company("甲"));
    tell(&app);
    let shown = admin.get(&format!("/v1/webhooks/{id}")).ok();
    assert_eq!(shown["failing_since"], json!(app.now()));
    let delivery = deliveries(&admin, "")[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/webhook-deliveries/{delivery}");
    for (attempt, least, most) in [
        (1, 4, 6),
        (2, 270, 330),
        (3, 1620, 1980),
        (4, 6480, 7920),
        (5, 16_200, 19_800),
        (6, 32_400, 39_600),
        (7, 45_360, 55_440),
        (8, 64_800, 79_200),
        (9, 77_760, 95_040),
    ] {
        let shown = app.user("admin").get(&path).ok();
        assert_eq!((&shown["state"], &shown["attempt_count"]), (&json!("waiting"), &json!(attempt)));
        let next: chrono::DateTime<chrono::Utc> = shown["next_attempt_at"].as_str().unwrap().parse().unwrap();
        let wait = (next - app.now()).num_seconds();
        assert!((least..=most).contains(&wait), "attempt {attempt}: {wait} s");
        app.clock.advance(next - app.now() - TimeDelta::milliseconds(1));
        app.work();
        assert_eq!(receiver.received().len(), attempt, "not before its time");
        app.clock.advance(TimeDelta::milliseconds(1));
        app.work();
        assert_eq!(receiver.received().len(), attempt + 1);
    }
    let admin = app.user("admin");
    let shown = admin.get(&path).ok();
    assert_eq!((&shown["state"], &shown["next_attempt_at"]), (&json!("failed"), &json!(null)));
    assert_eq!(shown["attempts"].as_array().unwrap().len(), 10);
    let ids: Vec<String> =
        receiver.received().iter().map(|one| one.header("webhook-id").to_owned()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    // It works again: told again by hand, with the same id.
    receiver.be(Manner::Answer(200));
    let again = admin.post_nothing(&format!("{path}/replay")).expect(201);
    assert_eq!((&again["origin"], &again["message_id"]), (&json!("replay"), &json!(ids[0])));
    app.work();
    assert_eq!(receiver.received().len(), 11);
    let shown = admin.get(&format!("/v1/webhooks/{id}")).ok();
    assert_eq!((&shown["failing_since"], &shown["disabled"]), (&json!(null), &json!(false)));
}

#[test]
fn who_is_gone_or_fails_for_five_days_is_not_told_any_more() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let (gone, failing) = (Receiver::start(Manner::Answer(410)), Receiver::start(Manner::HangUp));
    let watcher = Receiver::start(Manner::Answer(200));
    let (gone_id, _) = create(&admin, &hook(&gone, &["customer.created"]));
    let (failing_id, _) = create(&admin, &hook(&failing, &["customer.created"]));
    create(&admin, &hook(&watcher, &["webhook.disabled"]));
    for name in ["甲", "乙", "丙"] {
        admin.create("/v1/customers", &company(name));
    }
    tell(&app);
    let shown = admin.get(&format!("/v1/webhooks/{gone_id}")).ok();
    assert_eq!((&shown["disabled"], &shown["disabled_reason"]), (&json!(true), &json!("gone")));
    assert_eq!(deliveries(&admin, &format!("webhook_id={gone_id}&state=waiting")).len(), 0);
    admin
        .post(
            &format!("/v1/webhooks/{gone_id}/replay"),
            &json!({ "from": "2027-03-01T00:00:00Z", "to": "2027-03-02T00:00:00Z" }),
        )
        .problem(409, "webhook_disabled");
    // The first three are given up after three days and some; that is no reason yet.
    for _ in 0..55 {
        app.clock.advance(TimeDelta::hours(2));
        app.work();
    }
    let admin = app.user("admin");
    assert_eq!(deliveries(&admin, &format!("webhook_id={failing_id}&state=failed")).len(), 3);
    assert_eq!(admin.get(&format!("/v1/webhooks/{failing_id}")).ok()["disabled"], false);
    admin.create("/v1/customers", &company("己"));
    tell(&app);
    for _ in 0..55 {
        app.clock.advance(TimeDelta::hours(2));
        app.work();
    }
    let admin = app.user("admin");
    let shown = admin.get(&format!("/v1/webhooks/{failing_id}")).ok();
    assert_eq!((&shown["disabled"], &shown["disabled_reason"]), (&json!(true), &json!("failing")));
    tell(&app);
    let created = app.user("admin").get("/v1/events?type=webhook.created").ok();
    assert!(!created.to_string().contains(&gone.url), "an address may be a credential");
    let told: Vec<Value> =
        watcher.received().iter().map(|one| one.json()["data"]["changes"]["reason"]["to"].clone()).collect();
    assert_eq!(told, [json!("gone"), json!("failing")]);
    assert_eq!(deliveries(&admin, &format!("webhook_id={failing_id}&state=waiting")).len(), 0);
    // What happens while it is disabled is not told when it is enabled again; what comes then is.
    gone.be(Manner::Answer(200));
    let before = gone.received().len();
    admin.create("/v1/customers", &company("丁"));
    app.clock.advance(TimeDelta::seconds(1));
    admin.patch(&format!("/v1/webhooks/{gone_id}"), &json!({ "disabled": false })).ok();
    app.clock.advance(TimeDelta::seconds(1));
    admin.create("/v1/customers", &company("戊"));
    tell(&app);
    let names: Vec<Value> = gone.received()[before..]
        .iter()
        .map(|one| one.json()["data"]["changes"]["name"]["to"].clone())
        .collect();
    assert_eq!(names, [json!("戊")]);
}

#[test]
fn a_receiver_that_hangs_redirects_or_answers_without_end_holds_up_nobody() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let (hanging, flooding) = (Receiver::start(Manner::Hang), Receiver::start(Manner::Flood));
    let good = Receiver::start(Manner::Answer(200));
    let (huge, elsewhere) = (Receiver::start(Manner::Huge), Receiver::start(Manner::Redirect));
    let begin = |receiver: &Receiver| create(&admin, &hook(receiver, &["customer.created"])).0;
    let [hanging_id, ..] = [&hanging, &huge, &elsewhere, &good].map(begin);
    for number in 0..20 {
        admin.create("/v1/customers", &company(&format!("第{number}家")));
    }
    app.settle();
    // One message is enough for it to keep a thread busy.
    let flooding_id = begin(&flooding);
    admin.create("/v1/customers", &company("最后一家"));
    app.settle();
    // Before the one that hangs is given up, the others have everything.
    app.run_worker_until(|| {
        hanging.received().len() >= 8
            && [&good, &huge, &elsewhere].iter().all(|receiver| receiver.received().len() >= 20)
    });
    let all = |query: &str| -> Vec<Value> {
        let ids = deliveries(&admin, query).into_iter().map(|one| one["id"].as_str().unwrap().to_owned());
        ids.map(|id| admin.get(&format!("/v1/webhook-deliveries/{id}")).ok()).collect()
    };
    // That worker was stopped in the middle of it: what it had for itself is free after a minute.
    app.clock.advance(TimeDelta::minutes(2));
    // Who says nothing, or nothing but that it is going to, is left after a while.
    app.run_worker_until(|| {
        [&hanging_id, &flooding_id].iter().all(|id| {
            let tried = all(&format!("webhook_id={id}&limit=20"));
            tried.iter().any(|one| one["attempts"][0]["failure"] == "it took too long")
        })
    });
    // Work of other kinds is done meanwhile, too.
    let job = app.write(|tx| fulcrum_api::platform::jobs::enqueue(tx, &Count { number: 1 }));
    app.run_worker_until(|| admin.get(&format!("/v1/jobs/{job}")).ok()["state"] == "succeeded");
    let shown: Vec<Value> = all("state=waiting&limit=200")
        .into_iter()
        .filter(|one| one["attempts"][0]["status"] == 302)
        .collect();
    assert!(!shown.is_empty());
    assert!(shown[0]["attempts"][0]["failure"].as_str().unwrap().contains("redirects"));
}

#[test]
fn a_test_is_sent_once_and_a_rotated_secret_goes_beside_the_new_one() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let receiver = Receiver::start(Manner::Answer(200));
    let mut body = hook(&receiver, &["customer.*"]);
    body["disabled"] = json!(true);
    let (id, old) = create(&admin, &body);
    admin.create("/v1/customers", &company("甲"));
    let path = format!("/v1/webhooks/{id}");
    let test = admin.post_nothing(&format!("{path}/test")).expect(201);
    tell(&app);
    assert_eq!(receiver.received().len(), 1, "also while it is disabled, and nothing else");
    assert_eq!(receiver.received()[0].json()["type"], "webhook.tested");
    assert_eq!(receiver.received()[0].header("webhook-id"), test["message_id"].as_str().unwrap());
    let rotated = admin.post_nothing(&format!("{path}/rotate-secret")).ok();
    let new = rotated["secret"].as_str().unwrap().to_owned();
    let verifies = |secret: &str| {
        let one = receiver.received().last().unwrap().clone();
        let verifier = standardwebhooks::Webhook::new(secret).unwrap();
        let at = one.header("webhook-timestamp").parse().unwrap();
        let signature = verifier.sign(one.header("webhook-id"), at, one.body.as_bytes()).unwrap();
        one.header("webhook-signature").split(' ').any(|other| other == signature)
    };
    admin.post_nothing(&format!("{path}/test")).expect(201);
    app.work();
    assert!(verifies(&old) && verifies(&new));
    app.clock.advance(TimeDelta::hours(24));
    app.user("admin").post_nothing(&format!("{path}/test")).expect(201);
    app.work();
    assert!(!verifies(&old) && verifies(&new));
    // At rest nobody can read it.
    let stored = database::texts(&app.url, "select encode(secret, 'escape') as text from webhooks");
    assert!(!stored[0].contains(&new[6..]), "{stored:?}");
    receiver.be(Manner::Answer(500));
    let failed = app.user("admin").post_nothing(&format!("{path}/test")).expect(201);
    app.work();
    let shown =
        app.user("admin").get(&format!("/v1/webhook-deliveries/{}", failed["id"].as_str().unwrap())).ok();
    assert_eq!((&shown["state"], &shown["attempt_count"]), (&json!("failed"), &json!(1)));
}

#[test]
fn a_range_is_told_again_as_an_operation() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let receiver = Receiver::start(Manner::Answer(200));
    let (id, _) = create(&admin, &hook(&receiver, &["customer.created"]));
    for name in ["甲", "乙"] {
        admin.create("/v1/customers", &company(name));
        app.clock.advance(TimeDelta::seconds(10));
    }
    tell(&app);
    assert_eq!(receiver.received().len(), 2);
    let first = app.now() - TimeDelta::seconds(20);
    let range = json!({ "from": first, "to": first });
    let accepted = admin.post(&format!("/v1/webhooks/{id}/replay"), &range);
    assert_eq!(accepted.status, 202);
    let path = accepted.header("location").unwrap().to_owned();
    assert_eq!(accepted.body["state"], "waiting");
    app.work();
    let done = admin.get(&path).ok();
    assert_eq!((&done["state"], &done["result"]), (&json!("succeeded"), &json!({ "delivered": 1 })));
    assert_eq!((&done["done"], &done["total"]), (&json!(1), &json!(1)));
    let received = receiver.received();
    assert_eq!(received.len(), 3);
    let again: Vec<_> =
        received.iter().filter(|one| one.header("webhook-id") == received[2].header("webhook-id")).collect();
    assert_eq!(again.len(), 2, "the same message id");
    assert_eq!(again[0].body, again[1].body, "and the same body");
    let reversed = json!({ "from": app.now(), "to": first });
    let problem =
        admin.post(&format!("/v1/webhooks/{id}/replay"), &reversed).problem(422, "validation_failed");
    assert_eq!(codes(&problem), [("/to".into(), "before_from".into())]);
    // The disabled one is refused when its turn comes.
    let accepted = admin.post(&format!("/v1/webhooks/{id}/replay"), &range).expect(202);
    admin.delete(&format!("/v1/webhooks/{id}")).expect(204);
    app.work();
    let failed = admin.get(&format!("/v1/operations/{}", accepted["id"].as_str().unwrap())).ok();
    assert_eq!(failed["state"], "failed");
    assert!(failed["last_error"].as_str().unwrap().contains("disabled or deleted"));
}

#[test]
fn nobody_has_told_what_they_could_not_read_themselves() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let me = admin.get("/v1/me").ok();
    let receiver = Receiver::start(Manner::Answer(200));
    let some = [Permission::WebhooksRead, Permission::WebhooksWrite, Permission::CustomersRead];
    let limited = app.like(&me, &some, DataScope::Tenant);
    limited.post("/v1/webhooks", &hook(&receiver, &["contact.*"])).problem(403, "would_escalate");
    limited.post("/v1/webhooks", &hook(&receiver, &["*"])).problem(403, "would_escalate");
    let (of_contacts, _) = create(&admin, &hook(&receiver, &["contact.*"]));
    let path = format!("/v1/webhooks/{of_contacts}");
    limited
        .patch(&path, &json!({ "url": receiver.url.replace("hook", "mine") }))
        .problem(403, "would_escalate");
    limited.post_nothing(&format!("{path}/rotate-secret")).problem(403, "would_escalate");
    limited
        .post(&format!("{path}/replay"), &json!({ "from": app.now(), "to": app.now() }))
        .problem(403, "would_escalate");
    limited.delete(&path).problem(403, "would_escalate");
    limited.create(
        "/v1/webhooks",
        &json!({ "name": "mine", "url": receiver.url, "event_types": ["customer.*"] }),
    );
    let narrow = app.like(&me, &Permission::all(), DataScope::Subtree);
    narrow.post("/v1/webhooks", &hook(&receiver, &["customer.*"])).problem(403, "would_escalate");
    narrow.get(&path).problem(404, "not_found");
}

#[test]
fn a_sender_that_was_killed_is_not_waited_for_for_ever() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let receiver = Receiver::start(Manner::Answer(200));
    create(&admin, &hook(&receiver, &["customer.created"]));
    admin.create("/v1/customers", &company("甲"));
    // As a sender leaves it that dies between sending and noting.
    let until = app.now() + TimeDelta::minutes(1);
    database::execute(&app.url, &format!("update webhooks set busy_until = '{until}'"));
    tell(&app);
    assert_eq!(receiver.received().len(), 0);
    app.clock.advance(TimeDelta::minutes(1));
    app.work();
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn what_is_not_wanted_any_more_is_given_up_and_cannot_be_led_elsewhere() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let me = admin.get("/v1/me").ok();
    let receiver = Receiver::start(Manner::Answer(500));
    let (id, _) = create(&admin, &hook(&receiver, &["customer.*", "contact.*"]));
    let customer = admin.create("/v1/customers", &company("甲"));
    admin.create("/v1/contacts", &json!({ "customer_id": customer["id"], "name": "乙" }));
    tell(&app);
    assert_eq!(receiver.received().len(), 2);
    let path = format!("/v1/webhooks/{id}");
    admin.patch(&path, &json!({ "event_types": ["customer.*"] })).ok();
    let some = [Permission::WebhooksRead, Permission::WebhooksWrite, Permission::CustomersRead];
    let limited = app.like(&me, &some, DataScope::Tenant);
    let mine = Receiver::start(Manner::Answer(200));
    limited.patch(&path, &json!({ "url": mine.url })).ok();
    let of_contact =
        deliveries(&admin, "").into_iter().find(|one| one["event_type"] == "contact.created").unwrap();
    let again = format!("/v1/webhook-deliveries/{}/replay", of_contact["id"].as_str().unwrap());
    limited.post_nothing(&again).problem(403, "would_escalate");
    admin.post_nothing(&again).problem(409, "event_not_wanted");
    app.clock.advance(TimeDelta::minutes(1));
    app.work();
    let types: Vec<Value> = mine.received().iter().map(|one| one.json()["type"].clone()).collect();
    assert_eq!(types, ["customer.created"], "the contact that waited doesn't go there");
    let states: Vec<Value> =
        deliveries(&app.user("admin"), "").iter().map(|one| one["state"].clone()).collect();
    assert_eq!(states.iter().filter(|state| **state == "cancelled").count(), 1);
}

#[test]
fn a_long_log_is_told_to_many_webhooks_page_by_page() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let receiver = Receiver::start(Manner::Answer(200));
    for number in 0..12 {
        let mut body = hook(&receiver, &["customer.created"]);
        body["name"] = json!(format!("Nr. {number}"));
        create(&admin, &body);
    }
    for batch in 0..3 {
        let items: Vec<Value> = (0..200)
            .map(|number| json!({ "action": "create", "data": company(&format!("{batch}-{number}")) }))
            .collect();
        admin.post("/v1/customers/batch", &json!({ "items": items })).expect(207);
    }
    app.settle();
    app.work();
    let counted = database::texts(
        &app.url,
        "select count(*)::text as text from webhook_deliveries where state = 'succeeded'",
    );
    assert_eq!(counted, ["7200"]);
    assert_eq!(receiver.received().len(), 7200);
}

#[test]
fn what_was_committed_after_a_webhook_began_to_listen_is_told_whenever_it_was_begun() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let receiver = Receiver::start(Manner::Answer(200));
    let (write, begun) = std::sync::mpsc::channel();
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let (db, actor) = (app.db.clone(), app.system("demo"));
    let late = std::thread::spawn(move || {
        let wait = std::sync::Mutex::new(wait);
        let write = std::sync::Mutex::new(write);
        db.write_now(&actor, |tx| {
            let event = fulcrum_persistence::platform::events::NewEvent {
                kind: "customer.created".into(),
                subject_type: "customer",
                subject_id: uuid::Uuid::from_u128(7),
                customer_id: None,
                version: Some(1),
                changes: json!({}),
            };
            fulcrum_persistence::platform::events::append(tx, event)?;
            write.lock().unwrap().send(()).unwrap();
            wait.lock().unwrap().recv().unwrap();
            Ok::<_, fulcrum_persistence::StoreError>(())
        })
        .unwrap();
    });
    begun.recv().unwrap();
    app.clock.advance(TimeDelta::seconds(5));
    // Committed before, with a higher number than the one that is still running.
    admin.create("/v1/customers", &company("之前"));
    create(&admin, &hook(&receiver, &["customer.created"]));
    go_on.send(()).unwrap();
    late.join().unwrap();
    tell(&app);
    let subjects: Vec<Value> = receiver.received().iter().map(|one| one.json()["subject"].clone()).collect();
    assert_eq!(subjects, [json!(format!("customer/{}", uuid::Uuid::from_u128(7)))]);
}

#[test]
fn what_nobody_looks_after_is_found_again() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let receiver = Receiver::start(Manner::Answer(200));
    create(&admin, &hook(&receiver, &["customer.created"]));
    admin.create("/v1/customers", &company("甲"));
    app.settle();
    // Put down, and then an administrator gives up the job before it is done.
    let until = app.now() + TimeDelta::minutes(1);
    database::execute(&app.url, &format!("update webhooks set busy_until = '{until}'"));
    app.work();
    database::execute(
        &app.url,
        "update jobs set state = 'discarded' where kind = 'platform.webhook_delivery' and state = 'waiting'",
    );
    app.work();
    assert_eq!(receiver.received().len(), 0);
    app.clock.advance(TimeDelta::hours(1));
    app.work();
    app.work();
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn what_ended_long_ago_is_removed() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let receiver = Receiver::start(Manner::Answer(200));
    let (id, _) = create(&admin, &hook(&receiver, &["customer.created"]));
    admin.create("/v1/customers", &company("甲"));
    tell(&app);
    admin.post_nothing(&format!("/v1/webhooks/{id}/rotate-secret")).ok();
    app.clock.advance(TimeDelta::days(89));
    app.work();
    assert_eq!(deliveries(&app.user("admin"), "").len(), 1);
    let secrets = "select count(previous_secret)::text as text from webhooks";
    assert_eq!(database::texts(&app.url, secrets), ["0"], "of a former secret nothing is kept");
    app.clock.advance(TimeDelta::days(2));
    app.work();
    assert_eq!(deliveries(&app.user("admin"), "").len(), 0);
    let attempts = "select count(*)::text as text from webhook_attempts";
    assert_eq!(database::texts(&app.url, attempts), ["0"]);
}

#[test]
fn a_company_has_so_many_webhooks_and_no_more() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let body = |number: usize| json!({ "name": format!("Nr. {number}"), "url": "https://hooks.example.com/", "event_types": ["*"] });
    for number in 0..50 {
        create(&admin, &body(number));
    }
    admin.post("/v1/webhooks", &body(50)).problem(409, "too_many");
    admin.post("/v1/webhooks", &body(0)).problem(409, "too_many");
    let first = admin.get("/v1/webhooks?limit=1").ok()["data"][0]["id"].as_str().unwrap().to_owned();
    admin.delete(&format!("/v1/webhooks/{first}")).expect(204);
    let taken = admin.post("/v1/webhooks", &body(1)).problem(409, "already_exists");
    assert_eq!(taken["field"], "name");
    create(&admin, &body(0));
    // Bringing one back would be one too many.
    admin.post_nothing(&format!("/v1/webhooks/{first}/restore")).problem(409, "too_many");
}
