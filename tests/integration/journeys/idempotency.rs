use serde_json::json;

use super::customers::at_once;
use crate::support::{TestApp, company};

#[test]
fn the_same_request_again_gets_the_same_answer_and_happens_once() {
    let app = TestApp::start();
    let admin = app.user("admin").with("idempotency-key", "k-1");
    let first = admin.post("/v1/customers", &company("幂等"));
    let second = admin.post("/v1/customers", &company("幂等"));
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, None));
    assert_eq!((second.status, second.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!(second.header("etag"), Some("\"1\""));
    assert_eq!(first.body, second.body);
    admin.post("/v1/customers", &company("别的")).problem(422, "idempotency_key_reused");
    assert_eq!(admin.all_ids("/v1/customers?q=幂等", 50).len(), 1);
    // The key is the caller's own, and of one path.
    app.user("manager").with("idempotency-key", "k-1").create("/v1/customers", &company("幂等"));
    app.user_of("other", "admin").with("idempotency-key", "k-1").create("/v1/customers", &company("幂等"));
    let contact = json!({ "customer_id": first.body["id"], "name": "x" });
    assert_eq!(admin.post("/v1/contacts", &contact).header("idempotent-replayed"), None);
}

#[test]
fn a_lost_answer_can_be_fetched_again_before_if_match_is_looked_at() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = admin.create("/v1/customers", &company("x"));
    let path = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
    let phone = admin.with("idempotency-key", "k-2").with("if-match", "\"1\"");
    assert_eq!(phone.patch(&path, &json!({ "vip": true })).ok()["version"], 2);
    let again = phone.patch(&path, &json!({ "vip": true }));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.ok()["version"], 2);
}

#[test]
fn refusals_are_kept_and_take_back_what_was_written() {
    let app = TestApp::start();
    let admin = app.user("admin").with("idempotency-key", "k-3");
    let body = json!({ "kind": "company", "name": "x", "owner_id": "0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b" });
    let first = admin.post("/v1/customers", &body);
    let again = admin.post("/v1/customers", &body);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.problem(422, "validation_failed"), again.problem(422, "validation_failed"));
}

#[test]
fn a_key_is_forgotten_after_a_week() {
    let app = TestApp::start();
    app.user("admin").with("idempotency-key", "k-4").create("/v1/customers", &company("x"));
    app.clock.advance(chrono::TimeDelta::days(7));
    let again = app.user("admin").with("idempotency-key", "k-4").post("/v1/customers", &company("x"));
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, None));
}

#[test]
fn twenty_at_once_with_one_key_make_one_customer() {
    let app = TestApp::start();
    let admin = app.user("admin").with("idempotency-key", "k-5");
    let replies = at_once(20, || {
        let reply = admin.post("/v1/customers", &company("并发幂等"));
        (reply.status, reply.body["id"].to_string(), reply.body["code"].to_string())
    });
    let ids: std::collections::BTreeSet<_> =
        replies.iter().filter(|reply| reply.0 == 201).map(|reply| &reply.1).collect();
    assert_eq!(ids.len(), 1, "{replies:?}");
    for reply in &replies {
        assert!(reply.0 == 201 || (reply.0, reply.2.as_str()) == (409, "\"still_running\""), "{reply:?}");
    }
    assert_eq!(admin.all_ids("/v1/customers?q=并发幂等", 50).len(), 1);
}

#[test]
fn kept_answers_are_not_readable_in_the_database_and_keys_have_a_form() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let me = admin.get("/v1/me").ok();
    let client = json!({ "name": "秘密", "permissions": [], "department_id": me["department_id"] });
    let made = admin.with("idempotency-key", "k-6").create("/v1/api-clients", &client);
    let secret = made["client_secret"].as_str().unwrap();
    let stored = crate::support::database::texts(
        &app.url,
        "select encode(answer, 'escape') as text from idempotency_keys",
    );
    assert_eq!(stored.len(), 1);
    assert!(!stored[0].contains(secret) && !stored[0].contains("client_secret"));
    assert_eq!(
        admin.with("idempotency-key", "k-6").create("/v1/api-clients", &client)["client_secret"],
        secret
    );
    let long = "x".repeat(256);
    admin.with("idempotency-key", &long).post("/v1/customers", &company("x")).problem(400, "invalid_header");
}

#[test]
fn a_key_that_cannot_be_one_is_refused_and_never_ignored() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let request = admin.request(reqwest::Method::POST, "/v1/customers").json(&company("x"));
    let request =
        request.header("idempotency-key", reqwest::header::HeaderValue::from_bytes(b"caf\xe9").unwrap());
    crate::support::Reply::of(request).problem(400, "invalid_header");
}

#[test]
fn upserts_and_deletions_can_be_repeated_too() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let upsert = admin.with("idempotency-key", "k-put");
    let path = "/v1/customers/by-external-id/erp/IDEM";
    let first = upsert.put(path, &company("x")).expect(201);
    let again = upsert.put(path, &company("x"));
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
    let record = format!("/v1/customers/{}", first["id"].as_str().unwrap());
    let delete = admin.with("idempotency-key", "k-delete").with("if-match", "\"1\"");
    delete.delete(&record).expect(204);
    let again = delete.delete(&record);
    assert_eq!((again.status, again.header("idempotent-replayed")), (204, Some("true")));
}
