use fulcrum_domain::access::Permission;
use serde_json::json;

use crate::support::{TestApp, company};

#[test]
fn who_may_not_read_numbers_in_full_gets_them_masked_by_every_way() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let me = admin.get("/v1/me").ok();
    let all = Permission::all().into_iter().filter(|one| *one != Permission::SensitiveRead);
    let words: Vec<&str> = all.map(Permission::word).collect();
    let role = json!({ "key": "covered", "name": "covered", "permissions": words, "data_scope": "tenant" });
    let role = admin.create("/v1/roles", &role);
    let person = json!({
        "email": "covered@demo.test", "name": "covered", "department_id": me["department_id"], "role_id": role["id"],
        "password": "quite a good one",
    });
    admin.create("/v1/users", &person);
    let tokens = app.login("demo", "covered@demo.test", "quite a good one").ok();
    let masked = app.with_token(tokens["access_token"].as_str().unwrap());
    let end = masked.get("/v1/changes").ok()["next_cursor"].as_str().unwrap().to_owned();
    let mut body = company("遮盖测试");
    body["phone"] = json!("+8613800138000");
    body["email"] = json!("boss@secret.example");
    body["credit_code"] = json!("91330100799655058B");
    let customer = admin.create("/v1/customers", &body);
    let id = customer["id"].as_str().unwrap();
    let contact = json!({ "customer_id": id, "name": "李伟", "phones": [{ "number": "+8613900139000" }], "emails": [{ "address": "liwei@secret.example" }] });
    let contact = admin.create("/v1/contacts", &contact);
    admin.patch(&format!("/v1/customers/{id}"), &json!({ "phone": "+8613800138001" })).ok();
    let secrets = ["13800138000", "13800138001", "13900139000", "boss@", "liwei@", "91330100799655058B"];
    app.settle();
    for path in [
        format!("/v1/customers/{id}?include=contacts,owner"),
        format!("/v1/contacts/{}", contact["id"].as_str().unwrap()),
        format!("/v1/customers/{id}/overview"),
        format!("/v1/customers/{id}/timeline"),
        format!("/v1/events?customer_id={id}"),
        "/v1/customers?limit=200".into(),
        "/v1/contacts?limit=200".into(),
    ] {
        let full = admin.get(&path).ok().to_string();
        assert!(secrets.iter().any(|secret| full.contains(secret)), "{path} shows something to hide");
        let covered = masked.get(&path).ok().to_string();
        let shown: Vec<&&str> = secrets.iter().filter(|secret| covered.contains(**secret)).collect();
        assert!(shown.is_empty(), "{path} shows {shown:?}");
    }
    assert_eq!(masked.get(&format!("/v1/customers/{id}")).ok()["phone"], "+86138****8001");
    // The feed, to its end.
    let (mut cursor, mut feed) = (format!("&cursor={end}"), String::new());
    loop {
        let page = masked.get(&format!("/v1/changes?limit=200{cursor}")).ok();
        feed.push_str(&page.to_string());
        if page["has_more"] != true {
            break;
        }
        cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap());
    }
    let shown: Vec<&&str> = secrets.iter().filter(|secret| feed.contains(**secret)).collect();
    assert!(feed.contains("遮盖测试") && shown.is_empty(), "{shown:?} of {} letters", feed.len());
    // What comes back from a write, and what is sent again.
    let patched =
        masked.with("idempotency-key", "m1").patch(&format!("/v1/customers/{id}"), &json!({ "vip": true }));
    assert_eq!(patched.ok()["email"], "b***@secret.example");
    let again =
        masked.with("idempotency-key", "m1").patch(&format!("/v1/customers/{id}"), &json!({ "vip": true }));
    assert_eq!(again.ok()["email"], "b***@secret.example");
    assert_eq!(
        admin.get(&format!("/v1/customers/{id}")).ok()["email"],
        "boss@secret.example",
        "nothing masked is stored"
    );
    masked
        .patch(&format!("/v1/customers/{id}"), &json!({ "phone": "+86138****8001" }))
        .problem(422, "validation_failed");
    // Not found out digit by digit.
    assert_eq!(admin.all_ids("/v1/customers?q=13800138001", 50).len(), 1);
    assert_eq!(masked.all_ids("/v1/customers?q=13800138001", 50).len(), 0);
    assert_eq!(masked.all_ids("/v1/contacts?q=13900139000", 50).len(), 0);
    let filter = json!({ "filter": "phone.startsWith(\"+86138\")" });
    admin.post("/v1/customers/search", &filter).ok();
    masked.post("/v1/customers/search", &filter).problem(422, "validation_failed");
    let search =
        masked.post("/v1/customers/search", &json!({ "filter": "name == \"遮盖测试\"" })).ok().to_string();
    assert!(search.contains("****") && !search.contains("13800138001"));
    // Nor taken out.
    let operation =
        masked.post("/v1/exports", &json!({ "object_type": "customer", "format": "ndjson" })).expect(202);
    app.work();
    let done = masked.get(&format!("/v1/operations/{}", operation["id"].as_str().unwrap())).ok();
    let path = format!("/v1/files/{}/content", done["result"]["file_id"].as_str().unwrap());
    let text = masked.request(reqwest::Method::GET, &path).send().unwrap().text().unwrap();
    assert!(text.contains("遮盖测试") && !text.contains("13800138001") && !text.contains("boss@"));
    // Streams.
    let stream = masked
        .request(reqwest::Method::GET, "/v1/events/stream?max_seconds=1")
        .send()
        .unwrap()
        .text()
        .unwrap();
    assert!(secrets.iter().all(|secret| !stream.contains(secret)));
}
