use serde_json::json;

use crate::support::{TestApp, company};

#[test]
fn every_change_is_in_the_log_with_who_when_and_from_what_to_what() {
    let app = TestApp::start();
    let (admin, manager) = (app.user("admin"), app.user("manager"));
    let customer = manager.with("x-request-id", "trace-1").create("/v1/customers", &company("甲"));
    let id = customer["id"].as_str().unwrap();
    let path = format!("/v1/customers/{id}");
    manager.patch(&path, &json!({ "grade": "A" })).ok();
    manager.patch(&path, &json!({ "grade": "B", "vip": true })).ok();
    manager.delete(&path).expect(204);
    manager.post_nothing(&format!("{path}/restore")).ok();
    let contact = manager.create("/v1/contacts", &json!({ "customer_id": id, "name": "乙" }));
    let events = admin.get(&format!("/v1/events?customer_id={id}")).ok();
    let events = events["data"].as_array().unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "contact.created",
            "customer.restored",
            "customer.deleted",
            "customer.updated",
            "customer.updated",
            "customer.created"
        ]
    );
    let update = &events[3];
    assert_eq!(
        update["changes"],
        json!({ "grade": { "from": "A", "to": "B" }, "vip": { "from": false, "to": true } })
    );
    assert_eq!((&update["version"], &update["actor_type"]), (&json!(3), &json!("user")));
    assert_eq!(update["actor_id"], manager.get("/v1/me").ok()["id"]);
    assert_eq!(update["at"], "2027-03-01T02:00:00Z");
    assert_eq!(events[5]["request_id"], "trace-1");
    assert_eq!(events[5]["changes"]["name"], json!({ "from": null, "to": "甲" }));
    let count =
        |query: &str| admin.get(&format!("/v1/events?{query}")).ok()["data"].as_array().unwrap().len();
    assert_eq!(count(&format!("subject_id={}", contact["id"].as_str().unwrap())), 1);
    assert_eq!(count(&format!("customer_id={id}&type=customer.updated&type=customer.deleted")), 3);
    assert_eq!(count(&format!("customer_id={id}&subject_type=contact")), 1);
    assert_eq!(count(&format!("customer_id={id}&actor_id={id}")), 0);
    assert_eq!(count(&format!("customer_id={id}&at_from=2027-03-01T02:00:01Z")), 0);
}

#[test]
fn who_sees_a_part_of_the_customers_sees_that_part_of_the_log() {
    let app = TestApp::start();
    let (admin, manager, east) = (app.user("admin"), app.user("manager"), app.user("rep.east"));
    east.get("/v1/events").problem(403, "permission_denied");
    let seen = manager.get("/v1/events?limit=200").ok();
    for event in seen["data"].as_array().unwrap() {
        assert!(event["customer_id"].is_string(), "{event}");
    }
    let all = admin.get("/v1/events?subject_type=user&limit=200").ok();
    assert!(!all["data"].as_array().unwrap().is_empty());
}

#[test]
fn what_fails_leaves_no_event_and_no_secret_gets_into_the_log() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let before = admin.all_ids("/v1/events", 200).len();
    admin.post("/v1/customers", &json!({ "kind": "company" })).problem(422, "validation_failed");
    assert_eq!(admin.all_ids("/v1/events", 200).len(), before);
    let me = app.user("agent").get("/v1/me").ok();
    let path = format!("/v1/users/{}", me["id"].as_str().unwrap());
    admin.patch(&path, &json!({ "password": "a very secret word" })).ok();
    app.login("demo", "agent@demo.test", "a very secret word").ok();
    let log = crate::support::database::texts(&app.url, "select changes::text as text from events");
    assert!(log.iter().all(|changes| !changes.contains("secret word") && !changes.contains("argon2")));
}
