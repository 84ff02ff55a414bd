use serde_json::{Value, json};

use crate::support::{TestApp, company};

#[test]
fn who_sees_a_customer_sees_its_whole_file_and_that_is_noted() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let rep = app.user("rep.east");
    let customer = rep.create("/v1/customers", &company("甲"));
    let path = format!("/v1/customers/{}/overview", customer["id"].as_str().unwrap());
    let empty = rep.get(&path);
    assert!(empty.queries() <= 8, "{} with begin, commit and the note of it", empty.queries());
    let empty = empty.ok();
    assert_eq!(
        (&empty["contacts"], &empty["tasks"]["total"], &empty["latest_activities"]),
        (&json!([]), &json!(0), &json!([]))
    );
    assert_eq!(empty["activities"], json!({ "total": 0, "latest_at": null }));
    for (name, role) in [("李伟", "decision_maker"), ("王芳", "user"), ("赵磊", "user")] {
        rep.create(
            "/v1/contacts",
            &json!({ "customer_id": customer["id"], "name": name, "decision_role": role }),
        );
    }
    rep.create("/v1/contacts", &json!({ "customer_id": customer["id"], "name": "无角色" }));
    for number in 0..7 {
        let links = json!([{ "subject_type": "customer", "subject_id": customer["id"] }]);
        let activity = json!({ "kind": "call", "subject": format!("第 {number} 次"), "started_at": app.now(), "links": links });
        rep.create("/v1/activities", &activity);
        let due = json!({ "title": "回访", "subject_type": "customer", "subject_id": customer["id"], "due_at": "2020-01-01T00:00:00Z" });
        rep.create("/v1/tasks", &due);
    }
    // Finance may see customers, and neither activities nor contacts are its business otherwise.
    let finance = app.user("finance");
    let whole = finance.get(&path);
    let many = whole.queries();
    let whole = whole.ok();
    assert!(many <= 8, "{many} statements, however much there is");
    let roles: Vec<(&Value, usize)> = whole["contacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| (&role["decision_role"], role["people"].as_array().unwrap().len()))
        .collect();
    assert_eq!(roles, [(&json!("decision_maker"), 1), (&json!("user"), 2), (&Value::Null, 1)]);
    assert_eq!(
        (&whole["tasks"]["open"], &whole["tasks"]["overdue"], &whole["activities"]["total"]),
        (&json!(7), &json!(7), &json!(7))
    );
    assert_eq!(
        (whole["open_tasks"].as_array().unwrap().len(), whole["latest_activities"].as_array().unwrap().len()),
        (5, 5)
    );
    assert_eq!((&whole["owner"]["name"], &whole["department_name"]), (&json!("李晓梅"), &json!("华东区")));
    assert!(whole["completeness"]["percent"].as_i64().unwrap() > 0);
    // Who looked stands in a log of its own, for who reads the log.
    let reads = path.replace("overview", "reads");
    let log = admin.get(&reads).ok();
    let who: Vec<&Value> = log["data"].as_array().unwrap().iter().map(|read| &read["actor_id"]).collect();
    assert_eq!(who, [&finance.get("/v1/me").ok()["id"], &rep.get("/v1/me").ok()["id"]]);
    finance.get(&reads).problem(403, "permission_denied");
    app.user("rep.north").get(&path).problem(404, "not_found");
    assert_eq!(
        admin.get(&reads).ok()["data"].as_array().unwrap().len(),
        2,
        "who sees nothing has seen nothing"
    );
}
