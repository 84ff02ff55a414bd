use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{Client, TestApp, company};

fn done(app: &TestApp, client: &Client, operation: &Value) -> Value {
    app.work();
    let done = client.get(&format!("/v1/operations/{}", operation["id"].as_str().unwrap())).ok();
    assert_eq!(done["state"], "succeeded", "{done}");
    done["result"].clone()
}

#[test]
fn a_whole_book_goes_to_somebody_else_and_back_within_a_day() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let (east, north) = (app.user("rep.east"), app.user("rep.north"));
    let (from, to) = (east.get("/v1/me").ok()["id"].clone(), north.get("/v1/me").ok()["id"].clone());
    let book = east.all_ids("/v1/customers", 200);
    let before = north.all_ids("/v1/customers", 200).len();
    let key = east.create("/v1/customers", &company("重点客户"));
    let task = json!({ "title": "续约", "subject_type": "customer", "subject_id": key["id"], "due_at": "2020-01-01T00:00:00Z" });
    let task = east.create("/v1/tasks", &task);
    let elsewhere = admin.create(
        "/v1/tasks",
        &json!({ "title": "别人的", "subject_type": "customer", "subject_id": key["id"] }),
    );
    let request = json!({ "customers": { "owner_id": from }, "to_owner_id": to, "note": "重点跟进临港项目" });
    east.post("/v1/handovers", &request).problem(403, "permission_denied");
    let operation = admin.post("/v1/handovers", &request).expect(202);
    let result = done(&app, &admin, &operation);
    assert_eq!(result["customers"], json!(book.len() + 1));
    assert_eq!(east.all_ids("/v1/customers", 200).len(), 0);
    assert_eq!(north.all_ids("/v1/customers", 200).len(), before + book.len() + 1);
    let path = |record: &Value, list: &str| format!("/v1/{list}/{}", record["id"].as_str().unwrap());
    assert_eq!(admin.get(&path(&task, "tasks")).ok()["assignee_id"], to);
    assert_eq!(
        admin.get(&path(&elsewhere, "tasks")).ok()["version"],
        1,
        "only those of who had the customer"
    );
    let customer = admin.get(&path(&key, "customers")).ok();
    let home = north.get("/v1/me").ok()["department_id"].clone();
    assert_eq!(
        (&customer["owner_id"], &customer["department_id"], &customer["version"]),
        (&to, &home, &json!(2))
    );
    // The receiver is told, and finds note and summary.
    let told = north.get("/v1/notifications?kind=customers_handed_over").ok()["data"][0].clone();
    assert!(told["body"].as_str().unwrap().contains("重点跟进临港项目"), "{told}");
    let handover = north.get("/v1/handovers").ok()["data"][0].clone();
    assert_eq!(handover["id"], result["handover_id"]);
    let summary = &handover["summary"];
    let graded: i64 =
        ["grade_a", "grade_b", "grade_c"].iter().map(|name| summary[*name].as_i64().unwrap()).sum();
    assert!(
        graded > 0
            && summary["overdue_tasks"].as_i64().unwrap() > 0
            && summary["completeness_percent"].as_i64().unwrap() > 0
    );
    assert_eq!(east.get("/v1/handovers").ok()["data"], json!([]));
    // Back again: what the receiver has given on since stays where it is.
    let kept = format!("/v1/customers/{}", book[0]);
    let manager = app.user("admin").get("/v1/me").ok()["id"].clone();
    admin.patch(&kept, &json!({ "owner_id": manager })).ok();
    let undo = format!("/v1/handovers/{}/undo", handover["id"].as_str().unwrap());
    north.post_nothing(&undo).problem(403, "permission_denied");
    let operation = admin.post_nothing(&undo).expect(202);
    let result = done(&app, &admin, &operation);
    assert_eq!(result, json!({ "customers_returned": book.len(), "customers_kept": 1 }));
    assert_eq!(east.all_ids("/v1/customers", 200).len(), book.len());
    assert_eq!(admin.get(&path(&task, "tasks")).ok()["assignee_id"], from);
    assert_eq!(
        admin.post_nothing(&undo).problem(409, "handover_stays")["params"]["reason"]
            .as_str()
            .unwrap_or("undone_already"),
        "undone_already"
    );
    // Too late.
    let again = admin.post("/v1/handovers", &request).expect(202);
    let result = done(&app, &admin, &again);
    app.clock.advance(TimeDelta::hours(25));
    let late = format!("/v1/handovers/{}/undo", result["handover_id"].as_str().unwrap());
    app.user("admin").post_nothing(&late).problem(409, "handover_stays");
}

#[test]
fn one_customer_without_its_tasks_and_nobody_who_cannot_have_it() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let north = app.user("rep.north");
    let to = north.get("/v1/me").ok()["id"].clone();
    let customer = admin.create("/v1/customers", &company("甲"));
    let task = json!({ "title": "续约", "subject_type": "customer", "subject_id": customer["id"] });
    let task = admin.create("/v1/tasks", &task);
    let request = json!({ "customers": { "ids": [customer["id"]] }, "to_owner_id": to, "with_tasks": false });
    let operation = admin.post("/v1/handovers", &request).expect(202);
    assert_eq!(done(&app, &admin, &operation)["tasks"], 0);
    assert_eq!(admin.get(&format!("/v1/tasks/{}", task["id"].as_str().unwrap())).ok()["version"], 1);
    let operation = admin.post("/v1/handovers", &request).expect(202);
    assert_eq!(done(&app, &admin, &operation)["customers"], 0, "who has it already");
    for (wrong, pointer) in [
        (json!({ "customers": { "ids": [customer["id"]] }, "to_owner_id": customer["id"] }), "/to_owner_id"),
        (json!({ "customers": {}, "to_owner_id": to }), "/customers/filter"),
        (json!({ "customers": { "filter": "grade = 1" }, "to_owner_id": to }), "/customers/filter"),
    ] {
        let problem = admin.post("/v1/handovers", &wrong).problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{wrong}");
    }
    // A manager gives away what they see, and takes it back also when they don't see it any more.
    let manager = app.user("manager");
    let own = manager.create("/v1/customers", &company("乙"));
    let request =
        json!({ "customers": { "filter": "true" }, "to_owner_id": manager.get("/v1/me").ok()["id"] });
    let operation = manager.post("/v1/handovers", &request).expect(202);
    let result = done(&app, &manager, &operation);
    assert!(result["customers"].as_i64().unwrap() > 0);
    let all = admin.get("/v1/customers?count=exact&limit=1").ok()["total_count"].as_i64().unwrap();
    assert!(result["customers"].as_i64().unwrap() < all, "no more than they see");
    let undo = format!("/v1/handovers/{}/undo", result["handover_id"].as_str().unwrap());
    let operation = manager.post_nothing(&undo).expect(202);
    assert_eq!(done(&app, &manager, &operation)["customers_returned"], result["customers"]);
    assert_eq!(manager.get(&format!("/v1/customers/{}", own["id"].as_str().unwrap())).ok()["version"], 1);
}
