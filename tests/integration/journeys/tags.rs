use serde_json::json;

use crate::support::{TestApp, company};

#[test]
fn the_catalogue_of_tags_and_tagging_many() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let rep = app.user("rep.east");
    let tag = admin.create("/v1/tags", &json!({ "name": " 展会 ", "color": "#d4380d", "group": "来源" }));
    assert_eq!(tag["name"], "展会");
    admin.post("/v1/tags", &json!({ "name": "展会" })).problem(409, "already_exists");
    admin.post("/v1/tags", &json!({ "name": "x", "color": "red" })).problem(422, "validation_failed");
    rep.post("/v1/tags", &json!({ "name": "y" })).problem(403, "permission_denied");
    assert_eq!(rep.get("/v1/tags?group=来源").ok()["data"].as_array().unwrap().len(), 1);
    // Many at once: within the scope of who asks.
    let own = rep.all_ids("/v1/customers", 200);
    let request = json!({ "customers": { "filter": "true" }, "add": ["展会"], "remove": ["高潜力"] });
    let operation = rep.post("/v1/customers/tag", &request).expect(202);
    app.work();
    let done = rep.get(&format!("/v1/operations/{}", operation["id"].as_str().unwrap())).ok();
    assert_eq!(
        (&done["state"], &done["result"]["customers_changed"]),
        (&json!("succeeded"), &json!(own.len())),
        "{done}"
    );
    assert_eq!(admin.all_ids("/v1/customers?tag=展会", 200).len(), own.len());
    assert_eq!(rep.all_ids("/v1/customers?tag=高潜力", 200).len(), 0);
    let again = rep.post("/v1/customers/tag", &request).expect(202);
    app.work();
    let done = rep.get(&format!("/v1/operations/{}", again["id"].as_str().unwrap())).ok();
    assert_eq!(done["result"]["customers_changed"], 0, "what is so already gets no version");
    // A new name for all who have it.
    let path = format!("/v1/tags/{}", tag["id"].as_str().unwrap());
    admin.patch(&path, &json!({ "name": "2026 展会" })).ok();
    app.work();
    assert_eq!(admin.all_ids("/v1/customers?tag=2026 展会", 200).len(), own.len());
    assert_eq!(admin.all_ids("/v1/customers?tag=展会", 200).len(), 0);
    let event = admin.get("/v1/events?type=customer.updated&limit=1").ok()["data"][0].clone();
    assert_eq!(event["actor_type"], "system");
    for (wrong, pointer) in [
        (json!({ "customers": {}, "add": ["a"] }), "/customers/filter"),
        (json!({ "customers": { "ids": [own[0]], "q": "x" }, "add": ["a"] }), "/customers/q"),
        (json!({ "customers": { "filter": "true" } }), "/add"),
        (json!({ "customers": { "filter": "nothing == 1" }, "add": ["a"] }), "/customers/filter"),
    ] {
        let problem = rep.post("/v1/customers/tag", &wrong).problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{wrong}");
    }
    app.user("finance").post("/v1/customers/tag", &request).problem(403, "permission_denied");
    admin.delete(&path).expect(204);
    assert_eq!(admin.all_ids("/v1/customers?tag=2026 展会", 200).len(), own.len(), "customers keep it");
    admin.create("/v1/customers", &company("甲"));
}
