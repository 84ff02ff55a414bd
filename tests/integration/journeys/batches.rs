use serde_json::{Value, json};

use crate::support::{TestApp, company};

fn statuses(body: &Value) -> Vec<i64> {
    body["results"].as_array().unwrap().iter().map(|result| result["status"].as_i64().unwrap()).collect()
}

#[test]
fn each_item_has_a_result_in_order() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let existing = admin.create("/v1/customers", &company("已有"));
    let items = json!([
        { "action": "create", "data": company("批甲") },
        { "action": "create", "data": { "kind": "company", "name": "", "foo": 1 } },
        { "action": "update", "id": existing["id"], "version": 1, "data": { "vip": true } },
        { "action": "update", "id": existing["id"], "version": 1, "data": { "vip": false } },
        { "action": "upsert", "external_id": { "system": "erp", "external_id": "b1" }, "data": company("批乙") },
        { "action": "upsert", "external_id": { "system": "erp", "external_id": "b1" }, "data": company("批丙") },
        { "action": "delete", "id": existing["id"] },
        { "action": "restore", "id": existing["id"] },
        { "action": "delete", "id": "0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b" },
    ]);
    let body = admin.post("/v1/customers/batch", &json!({ "items": items })).expect(207);
    assert_eq!(statuses(&body), [201, 422, 200, 412, 201, 200, 204, 200, 404]);
    assert_eq!(body["complete"], false);
    assert_eq!(crate::support::codes(&body["results"][1]["problem"]).len(), 2);
    assert_eq!(body["results"][3]["problem"]["current_version"], 2);
    assert_eq!(body["results"][4]["id"], body["results"][5]["id"]);
    assert_eq!(body["results"][5]["record"]["name"], "批丙");
    assert_eq!(admin.all_ids("/v1/customers?q=批甲", 50).len(), 1);
}

#[test]
fn all_or_nothing_is_nothing_when_one_fails() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let items = json!([
        { "action": "create", "data": company("全无甲") },
        { "action": "create", "data": { "kind": "alien" } },
        { "action": "create", "data": company("全无乙") },
    ]);
    let body = admin.post("/v1/customers/batch", &json!({ "atomic": true, "items": items })).expect(207);
    assert_eq!(statuses(&body), [424, 422, 424]);
    assert_eq!(admin.all_ids("/v1/customers?q=全无", 50).len(), 0);
    let items = json!([{ "action": "create", "data": company("全有") }, { "action": "create", "data": company("全有") }]);
    let body = admin.post("/v1/customers/batch", &json!({ "atomic": true, "items": items })).expect(207);
    assert_eq!((statuses(&body), &body["complete"]), (vec![201, 201], &json!(true)));
}

#[test]
fn a_batch_has_bounds_and_permissions() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let many =
        |count: usize| json!({ "items": vec![json!({ "action": "create", "data": company("多") }); count] });
    admin.post("/v1/customers/batch", &many(0)).problem(422, "validation_failed");
    admin.post("/v1/customers/batch", &many(201)).problem(422, "validation_failed");
    let body = admin.post("/v1/customers/batch", &many(200)).expect(207);
    assert_eq!(statuses(&body), vec![201; 200]);
    let incomplete = json!({ "items": [{ "action": "update" }, { "action": "upsert", "data": {} }] });
    let problem = admin.post("/v1/customers/batch", &incomplete).problem(422, "validation_failed");
    let pointers: Vec<_> = crate::support::codes(&problem).into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(pointers, ["/items/0/data", "/items/0/id", "/items/1/external_id"]);
    // Deleting in a batch takes the same permission as deleting.
    let rep = app.user("rep.east");
    let own = rep.create("/v1/customers", &company("自己的"));
    let body = rep
        .post("/v1/customers/batch", &json!({ "items": [{ "action": "delete", "id": own["id"] }] }))
        .expect(207);
    assert_eq!(statuses(&body), [403]);
}

#[test]
fn contacts_come_in_batches_too() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = admin.create("/v1/customers", &company("x"));
    let contact = json!({ "customer_id": customer["id"], "name": "欧阳" });
    let items = json!([{ "action": "create", "data": contact }, { "action": "create", "data": contact }]);
    let body =
        admin.with("idempotency-key", "b").post("/v1/contacts/batch", &json!({ "items": items })).expect(207);
    assert_eq!(statuses(&body), [201, 201]);
    admin.with("idempotency-key", "b").post("/v1/contacts/batch", &json!({ "items": items })).expect(207);
    let id = customer["id"].as_str().unwrap();
    assert_eq!(admin.all_ids(&format!("/v1/contacts?customer_id={id}"), 50).len(), 2);
}

#[test]
fn batches_that_name_the_same_records_in_another_order_wait_for_each_other_in_no_circle() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let ids: Vec<Value> =
        (0..10).map(|_| admin.create("/v1/customers", &company("序"))["id"].clone()).collect();
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let answers = super::customers::at_once(6, || {
        let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut ids = ids.clone();
        if turn.is_multiple_of(2) {
            ids.reverse();
        }
        let items: Vec<_> = ids
            .iter()
            .map(|id| json!({ "action": "update", "id": id, "data": { "notes": format!("轮 {turn}") } }))
            .collect();
        admin.post("/v1/customers/batch", &json!({ "items": items })).status
    });
    assert_eq!(answers, [207; 6]);
}
