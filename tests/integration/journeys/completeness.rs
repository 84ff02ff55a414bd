use fulcrum_domain::access::{DataScope, Permission};
use serde_json::{Value, json};

use crate::support::{Client, TestApp, company};

fn standard(rules: &[(&str, u32)]) -> Value {
    let rules: Vec<Value> = rules
        .iter()
        .map(|(field, weight)| json!({ "field": field, "level": "required", "weight": weight }))
        .collect();
    json!({ "rules": rules })
}

fn of(client: &Client, id: &Value) -> (i64, Vec<String>) {
    let view = client.get(&format!("/v1/customers/{}?include=completeness", id.as_str().unwrap())).ok();
    let missing = view["completeness"]["missing"].as_array().unwrap().iter();
    (
        view["completeness"]["percent"].as_i64().unwrap(),
        missing.map(|one| one["name"].as_str().unwrap().to_owned()).collect(),
    )
}

#[test]
fn completeness_is_kept_with_every_write_of_the_file() {
    let app = TestApp::start();
    let admin = app.user("admin");
    for (key, object) in [("region", "customer"), ("wechat", "contact")] {
        admin.create(
            "/v1/custom-fields",
            &json!({ "object_type": object, "key": key, "label": "大区", "kind": "text" }),
        );
    }
    let rules = [
        ("grade", 1),
        ("address", 1),
        ("custom.region", 2),
        ("contact", 1),
        ("contact.decision_role", 3),
        ("contact.custom.wechat", 2),
    ];
    let before = admin.get("/v1/field-standards/company").ok();
    assert_eq!(
        (&before["version"], &before["updated_at"]),
        (&json!(1), &Value::Null),
        "every company has the usual one"
    );
    let after = admin.with("if-match", "\"1\"").patch("/v1/field-standards/company", &standard(&rules)).ok();
    assert_eq!(after["version"], 2);
    admin
        .with("if-match", "\"1\"")
        .patch("/v1/field-standards/company", &standard(&[]))
        .problem(412, "version_mismatch");
    let customer = admin.create("/v1/customers", &company("甲"));
    let (id, path) = (&customer["id"], format!("/v1/customers/{}", customer["id"].as_str().unwrap()));
    assert_eq!(of(&admin, id), (0, rules.iter().map(|(field, _)| (*field).to_owned()).collect()));
    admin
        .patch(&path, &json!({ "grade": "A", "address": { "city": "杭州市" }, "custom": { "region": "东" } }))
        .ok();
    assert_eq!(of(&admin, id).0, 40);
    // What a contact brings along belongs to the file, and leaves its version alone.
    let body = json!({ "customer_id": id, "name": "李伟", "custom": { "wechat": "lw" } });
    let contact = admin.create("/v1/contacts", &body);
    let contact = format!("/v1/contacts/{}", contact["id"].as_str().unwrap());
    assert_eq!(of(&admin, id), (70, vec!["contact.decision_role".into()]));
    admin.patch(&contact, &json!({ "decision_role": "decision_maker" })).ok();
    assert_eq!(of(&admin, id), (100, vec![]));
    assert_eq!(admin.get(&path).ok()["version"], 2);
    admin.patch(&path, &json!({ "address": null })).ok();
    assert_eq!(
        of(&admin, id),
        (90, vec!["address".into()]),
        "a write of the customer keeps what contacts brought along"
    );
    admin.delete(&contact).expect(204);
    assert_eq!(of(&admin, id).0, 30);
    admin.post_nothing(&format!("{contact}/restore")).ok();
    assert_eq!(of(&admin, id).0, 90);
    // Names for people, in their language.
    let view = admin.get(&format!("{path}?include=completeness")).ok();
    assert_eq!(
        view["completeness"]["missing"][0],
        json!({ "name": "address", "label": "地址", "level": "required" })
    );
    // An archived field doesn't count, and comes back.
    let fields = admin.get("/v1/custom-fields?object_type=contact").ok();
    let wechat = format!("/v1/custom-fields/{}", fields["data"][0]["id"].as_str().unwrap());
    admin.delete(&wechat).expect(204);
    app.work();
    assert_eq!(of(&admin, id).0, 87);
    admin.post_nothing(&format!("{wechat}/restore")).ok();
    app.work();
    assert_eq!(of(&admin, id).0, 90);
}

#[test]
fn a_new_standard_is_applied_to_the_whole_book_and_figures_tell_of_it() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let rep = app.user("rep.east");
    let all = admin.get("/v1/customers/completeness").ok();
    assert!(all["data"][0]["customers"].as_i64().unwrap() > 10);
    assert!(!all["missing"].as_array().unwrap().is_empty());
    for kind in ["company", "individual"] {
        admin.patch(&format!("/v1/field-standards/{kind}"), &standard(&[("name", 1)])).ok();
    }
    app.work();
    let all = admin.get("/v1/customers/completeness").ok();
    let share = &all["data"][0];
    assert_eq!(
        (&share["percent"], &share["complete"], &all["missing"]),
        (&json!(100.0), &share["customers"], &json!([]))
    );
    for kind in ["company", "individual"] {
        admin.patch(&format!("/v1/field-standards/{kind}"), &standard(&[("name", 1), ("notes", 3)])).ok();
    }
    app.work();
    let by_owner = admin.get("/v1/customers/completeness?by=owner").ok();
    let total: i64 =
        by_owner["data"].as_array().unwrap().iter().map(|row| row["customers"].as_i64().unwrap()).sum();
    assert_eq!(json!(total), share["customers"]);
    assert!(by_owner["data"].as_array().unwrap().iter().any(|row| row["name"] == "李晓梅"));
    assert_eq!(by_owner["missing"][0]["name"], "notes");
    let by_department = admin.get("/v1/customers/completeness?by=department").ok();
    assert!(by_department["data"].as_array().unwrap().iter().any(|row| row["name"] == "华东区"));
    // One sees the figures of the customers that one sees.
    let own = rep.get("/v1/customers/completeness").ok()["data"][0]["customers"].as_i64().unwrap();
    assert!(own > 0 && own < total);
    let lacking = json!({ "filter": "\"notes\" in completeness.missing && completeness.percent == 25", "count": "exact", "limit": 1 });
    assert_eq!(rep.post("/v1/customers/search", &lacking).ok()["total_count"], json!(own));
    // Rules for what there isn't, twice the same, and by who may not.
    let problem =
        admin.patch("/v1/field-standards/company", &standard(&[("nickname", 1), ("contact.custom.x", 1)]));
    assert_eq!(problem.problem(422, "validation_failed")["errors"].as_array().unwrap().len(), 2);
    let problem = admin.patch("/v1/field-standards/company", &standard(&[("name", 1), ("name", 2)]));
    assert_eq!(problem.problem(422, "validation_failed")["errors"][0]["code"], "duplicate");
    rep.patch("/v1/field-standards/company", &standard(&[])).problem(403, "permission_denied");
    assert_eq!(rep.get("/v1/field-standards").ok()["data"].as_array().unwrap().len(), 2);
    admin.get("/v1/field-standards/partner").problem(404, "not_found");
    let me = admin.get("/v1/me").ok();
    let none =
        app.like(&me, &[Permission::CustomersRead], DataScope::Own).get("/v1/customers/completeness").ok();
    assert_eq!(none["missing"], json!([]));
}
