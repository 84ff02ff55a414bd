use fulcrum_domain::access::{DataScope, Permission};
use serde_json::{Value, json};

use super::customers::at_once;
use crate::support::{Client, TestApp, company, database};

fn field(key: &str, kind: &str, more: Value) -> Value {
    let mut field = json!({ "object_type": "customer", "key": key, "label": key, "kind": kind });
    field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    field
}

fn with(name: &str, custom: Value) -> Value {
    let mut body = company(name);
    body["custom"] = custom;
    body
}

fn found(client: &Client, filter: &str) -> Vec<String> {
    let page =
        client.post("/v1/customers/search", &json!({ "filter": filter, "sort": "name", "limit": 200 })).ok();
    page["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn values_of_every_kind_are_kept_with_their_types() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let me = admin.get("/v1/me").ok()["id"].clone();
    let other = admin.create("/v1/customers", &company("母公司"))["id"].clone();
    let choices =
        json!({ "choices": [{ "value": "east", "label": "华东" }, { "value": "west", "label": "华西" }] });
    for (key, kind, more) in [
        ("t", "text", json!({ "searchable": true })),
        ("n", "number", json!({ "limits": { "minimum": "0" } })),
        ("d", "decimal", json!({})),
        ("m", "money", json!({})),
        ("day", "date", json!({})),
        ("at", "instant", json!({})),
        ("b", "boolean", json!({})),
        ("c", "choice", choices.clone()),
        ("cs", "choices", choices),
        ("u", "user", json!({})),
        ("r", "reference", json!({ "limits": { "references": "customer" } })),
        ("w", "url", json!({})),
    ] {
        admin.create("/v1/custom-fields", &field(key, kind, more));
    }
    let values = json!({
        "t": " 重点 客户 ", "n": 12, "d": "1.50", "m": { "amount": "5", "currency": "CNY" }, "day": "2026-03-01",
        "at": "2026-03-01T08:00:00+08:00", "b": true, "c": "east", "cs": ["west", "east"], "u": me, "r": other,
        "w": "https://Example.com",
    });
    let created = admin.create("/v1/customers", &with("甲方", values));
    let kept = json!({
        "t": "重点 客户", "n": 12, "d": "1.50", "m": { "amount": "5.00", "currency": "CNY" }, "day": "2026-03-01",
        "at": "2026-03-01T00:00:00.000000Z", "b": true, "c": "east", "cs": ["west", "east"], "u": me, "r": other,
        "w": "https://example.com/",
    });
    assert_eq!(created["custom"], kept);
    let path = format!("/v1/customers/{}", created["id"].as_str().unwrap());
    assert_eq!(admin.get(&path).ok()["custom"], kept);
    assert_eq!(admin.get("/v1/customers?q=重点").ok()["data"][0]["custom"], kept, "found by it");
    // A merge patch reaches into the values, and the event tells what became of them.
    let patched = admin.patch(&path, &json!({ "custom": { "n": 13, "t": null } })).ok();
    assert_eq!((&patched["custom"]["n"], patched["custom"].get("t")), (&json!(13), None));
    assert_eq!(patched["custom"]["c"], "east");
    let event = admin.get("/v1/events?type=customer.updated&limit=1").ok()["data"][0].clone();
    assert_eq!(
        event["changes"],
        json!({ "custom": { "from": { "n": 12, "t": "重点 客户" }, "to": { "n": 13 } } })
    );
    assert_eq!(admin.all_ids("/v1/customers?q=重点", 50).len(), 0);
    // Every error at once, each where it is.
    let wrong = json!({
        "t": 1, "n": -1, "d": 1.5, "m": { "amount": "1" }, "day": "2026-02-30", "at": "x", "b": "yes", "c": "north",
        "cs": ["north"], "u": other, "r": me, "w": "ftp://x.example", "z": 1,
    });
    let problem = admin.post("/v1/customers", &with("乙方", wrong)).problem(422, "validation_failed");
    let pointers: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    for pointer in ["t", "n", "d", "m/currency", "day", "at", "b", "c", "cs/0", "w", "z"] {
        assert!(pointers.contains(&format!("/custom/{pointer}").as_str()), "{pointer}: {pointers:?}");
    }
    // Who and what is named has to be there.
    let unknown = json!({ "u": other, "r": me });
    let problem = admin.post("/v1/customers", &with("乙方", unknown)).problem(422, "validation_failed");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2, "{problem}");
    assert_eq!(admin.all_ids("/v1/customers?q=乙方", 50).len(), 0, "nothing half written");
}

#[test]
fn required_default_unique_and_kinds_hold_for_every_way_in() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let old = admin.create("/v1/customers", &company("旧客户"));
    admin.create("/v1/custom-fields", &field("level", "choice", json!({
        "required": true, "default": "a", "choices": [{ "value": "a", "label": "甲" }, { "value": "b", "label": "乙" }],
    })));
    admin.create(
        "/v1/custom-fields",
        &field("code", "text", json!({ "required": true, "unique": true, "customer_kinds": ["company"] })),
    );
    let problem = admin.post("/v1/customers", &company("无编码")).problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["pointer"], "/custom/code");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "level has a default");
    let first = admin.create("/v1/customers", &with("甲", json!({ "code": "K-1" })));
    assert_eq!(first["custom"], json!({ "code": "K-1", "level": "a" }));
    // The record that has it is named, and letters don't matter.
    let problem =
        admin.post("/v1/customers", &with("乙", json!({ "code": "k-1" }))).problem(409, "already_exists");
    assert_eq!((&problem["existing_id"], &problem["field"]), (&first["id"], &json!("custom.code")));
    let person = json!({ "kind": "individual", "name": "王芳" });
    assert_eq!(admin.create("/v1/customers", &person)["custom"], json!({ "level": "a" }));
    let mut person = person;
    person["custom"] = json!({ "code": "K-9" });
    assert_eq!(
        admin.post("/v1/customers", &person).problem(422, "validation_failed")["errors"][0]["code"],
        "only_for_companies"
    );
    // A record from before can be changed without it, and not lose it once it has it.
    let path = format!("/v1/customers/{}", old["id"].as_str().unwrap());
    admin.patch(&path, &json!({ "grade": "B" })).ok();
    admin.patch(&path, &json!({ "custom": { "code": "K-2" } })).ok();
    let problem =
        admin.patch(&path, &json!({ "custom": { "code": null } })).problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "required");
    // Also through a batch and an upsert.
    let batch = json!({ "items": [{ "action": "create", "data": with("丙", json!({ "code": "K-1" })) }] });
    assert_eq!(admin.post("/v1/customers/batch", &batch).expect(207)["results"][0]["status"], 409);
    admin
        .put("/v1/customers/by-external-id/erp/9", &with("丁", json!({ "code": "K-1" })))
        .problem(409, "already_exists");
    // A deleted record gives its value up, and gets it back only while it is free.
    let path = format!("/v1/customers/{}", first["id"].as_str().unwrap());
    admin.delete(&path).expect(204);
    let second = admin.create("/v1/customers", &with("戊", json!({ "code": "K-1" })));
    admin.post_nothing(&format!("{path}/restore")).problem(409, "already_exists");
    admin.delete(&format!("/v1/customers/{}", second["id"].as_str().unwrap())).expect(204);
    admin.post_nothing(&format!("{path}/restore")).ok();
    // Many at once: one gets it.
    let statuses = at_once(8, || admin.post("/v1/customers", &with("己", json!({ "code": "race" }))).status);
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    // One that isn't seen is not named.
    let rep = app.user("rep.north");
    let problem =
        rep.post("/v1/customers", &with("庚", json!({ "code": "K-1" }))).problem(409, "already_exists");
    assert_eq!(problem.get("existing_id").filter(|id| !id.is_null()), None, "{problem}");
}

#[test]
fn a_field_is_renamed_and_archived_without_losing_anything() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let made = admin.create(
        "/v1/custom-fields",
        &field(
            "region",
            "choice",
            json!({
                "choices": [{ "value": "east", "label": "东" }, { "value": "west", "label": "西" }],
            }),
        ),
    );
    let path = format!("/v1/custom-fields/{}", made["id"].as_str().unwrap());
    let customer = admin.create("/v1/customers", &with("甲", json!({ "region": "west" })));
    let record = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
    assert_eq!(admin.patch(&path, &json!({ "label": "大区" })).ok()["label"], "大区");
    for (patch, pointer, code) in [
        (json!({ "key": "area" }), "/key", "not_changeable"),
        (json!({ "kind": "text", "choices": [] }), "/kind", "not_changeable"),
        (json!({ "unique": true }), "/unique", "not_for_type"),
        (json!({ "choices": [{ "value": "east", "label": "东" }] }), "/choices", "choice_gone"),
    ] {
        let problem = admin.patch(&path, &patch).problem(422, "validation_failed");
        let error = problem["errors"].as_array().unwrap().iter().find(|error| error["pointer"] == pointer);
        assert_eq!(error.map(|error| &error["code"]), Some(&json!(code)), "{patch}: {problem}");
    }
    let archived = json!({ "choices": [{ "value": "east", "label": "东" }, { "value": "west", "label": "西", "archived": true }] });
    admin.patch(&path, &archived).ok();
    admin.patch(&record, &json!({ "grade": "A" })).ok();
    admin.post("/v1/customers", &with("乙", json!({ "region": "west" }))).problem(422, "validation_failed");
    // The whole field.
    admin.delete(&path).expect(204);
    assert_eq!(admin.get("/v1/custom-fields").ok()["data"].as_array().unwrap().len(), 0);
    assert_eq!(admin.get("/v1/custom-fields?archived=true").ok()["data"][0]["key"], "region");
    assert_eq!(admin.get(&record).ok()["custom"], json!({ "region": "west" }), "the value stays");
    admin.patch(&record, &json!({ "vip": true })).ok();
    let problem =
        admin.patch(&record, &json!({ "custom": { "region": "east" } })).problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "field_archived");
    let problem = admin.post("/v1/customers/search", &json!({ "filter": "custom.region == \"west\"" }));
    assert_eq!(problem.problem(422, "validation_failed")["errors"][0]["code"], "condition");
    admin.post("/v1/custom-fields", &field("region", "text", json!({}))).problem(409, "already_exists");
    admin.post_nothing(&format!("{path}/restore")).ok();
    assert_eq!(found(&admin, "custom.region == \"west\""), ["甲"]);
    let types: Vec<Value> = admin.get("/v1/events?subject_type=custom_field").ok()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    assert_eq!(
        types,
        [
            "custom_field.restored",
            "custom_field.deleted",
            "custom_field.updated",
            "custom_field.updated",
            "custom_field.created"
        ]
    );
    // Only who may; and nobody of another company.
    let rep = app.user("rep.east");
    assert_eq!(rep.get("/v1/custom-fields").ok()["data"][0]["key"], "region");
    rep.post("/v1/custom-fields", &field("x", "text", json!({}))).problem(403, "permission_denied");
    let me = admin.get("/v1/me").ok();
    app.like(&me, &[Permission::CustomersRead], DataScope::Tenant)
        .get("/v1/custom-fields")
        .problem(403, "permission_denied");
}

#[test]
fn an_index_is_made_for_what_is_filtered_by_and_searches_find_what_becomes_searchable() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let fields: Vec<String> = [("region", "text"), ("seats", "number"), ("fee", "money")]
        .map(|(key, kind)| {
            admin.create("/v1/custom-fields", &field(key, kind, json!({})))["id"].as_str().unwrap().to_owned()
        })
        .into();
    let fee = json!({ "amount": "9.90", "currency": "CNY" });
    admin
        .create("/v1/customers", &with("甲", json!({ "region": "Lingang 新片区", "seats": 30, "fee": fee })));
    let indexes = || {
        database::texts(
            &app.url,
            "select indexdef as text from pg_indexes where indexname like '%\\_cf\\_%' and tablename = 'customers'",
        )
    };
    assert_eq!(indexes().len(), 0);
    for id in &fields {
        admin.patch(&format!("/v1/custom-fields/{id}"), &json!({ "filterable": true })).ok();
    }
    admin.patch(&format!("/v1/custom-fields/{}", fields[0]), &json!({ "searchable": true })).ok();
    assert_eq!(admin.all_ids("/v1/customers?q=新片", 50).len(), 0);
    app.work();
    assert_eq!(indexes().len(), 3, "{:?}", indexes());
    let described = || database::texts(&app.url, "select stxname::text as text from pg_statistic_ext");
    assert_eq!(described().len(), 3, "the planner knows their values");
    assert_eq!(admin.all_ids("/v1/customers?q=新片", 50).len(), 1);
    assert_eq!(admin.all_ids("/v1/customers?q=lingang", 50).len(), 1);
    // A text that fits into no index is still kept, and found.
    let long = "长".repeat(4000);
    admin
        .patch(&format!("/v1/custom-fields/{}", fields[0]), &json!({ "limits": { "max_length": 20000 } }))
        .ok();
    admin.create("/v1/customers", &with("乙", json!({ "region": long })));
    assert_eq!(found(&admin, &format!("custom.region == \"{}\"", "长".repeat(3900))), Vec::<String>::new());
    assert_eq!(found(&admin, "custom.region.startsWith(\"长长\")"), ["乙"]);
    // As nobody filters by them any more they go.
    for id in &fields {
        admin.delete(&format!("/v1/custom-fields/{id}")).expect(204);
    }
    app.work();
    assert_eq!((indexes().len(), described().len()), (0, 0));
    assert_eq!(admin.all_ids("/v1/customers?q=lingang", 50).len(), 0);
}

#[test]
fn contacts_have_fields_of_their_own_and_automations_know_them() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let mut wechat = field("wechat", "text", json!({ "searchable": true, "unique": true }));
    wechat["object_type"] = json!("contact");
    admin.create("/v1/custom-fields", &wechat);
    admin.create("/v1/custom-fields", &field("score", "number", json!({})));
    let customer = admin.create("/v1/customers", &company("甲"));
    let contact =
        json!({ "customer_id": customer["id"], "name": "李伟", "custom": { "wechat": "liwei_88" } });
    let made = admin.create("/v1/contacts", &contact);
    assert_eq!(made["custom"], json!({ "wechat": "liwei_88" }));
    assert_eq!(admin.all_ids("/v1/contacts?q=liwei_88", 50), [made["id"].as_str().unwrap()]);
    assert_eq!(admin.all_ids("/v1/customers?q=liwei_88", 50), [customer["id"].as_str().unwrap()]);
    admin.post("/v1/contacts", &contact).problem(409, "already_exists");
    let automation = json!({
        "name": "高分", "enabled": true, "trigger": { "type": "event", "event_types": ["customer.updated"] },
        "condition": "record.custom.score != null && record.custom.score > 80",
        "actions": [{ "type": "set_fields", "fields": { "custom": { "score": 0 }, "grade": "A" } }],
    });
    admin.create("/v1/automations", &automation);
    let path = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
    admin.patch(&path, &json!({ "vip": true })).ok();
    admin.patch(&path, &json!({ "custom": { "score": 90 } })).ok();
    app.settle();
    app.work();
    let now = admin.get(&path).ok();
    assert_eq!((&now["grade"], &now["custom"]["score"]), (&json!("A"), &json!(0)));
    let runs = admin.get("/v1/automation-runs").ok();
    let states: Vec<&Value> = runs["data"].as_array().unwrap().iter().map(|run| &run["reason"]).collect();
    assert!(!states.contains(&&json!("condition_failed")), "what isn't there is null: {runs}");
}

#[test]
fn there_can_be_two_hundred_fields_and_not_one_more() {
    let app = TestApp::start();
    let admin = app.user("admin");
    for number in 0..200 {
        admin.create("/v1/custom-fields", &field(&format!("f{number}"), "text", json!({})));
    }
    assert_eq!(
        admin.post("/v1/custom-fields", &field("more", "text", json!({}))).problem(409, "too_many")["status"],
        409
    );
    let all: serde_json::Map<String, Value> =
        (0..200).map(|number| (format!("f{number}"), json!("x"))).collect();
    let created = admin.post("/v1/customers", &with("满", json!(all)));
    assert_eq!(created.status, 201);
    assert_eq!(created.body["custom"].as_object().unwrap().len(), 200);
    // What fields there are is read once for each change of them.
    let again = admin.post("/v1/customers", &with("另一个", json!(all)));
    assert!(again.queries() <= 8, "{} statements", again.queries());
}

#[test]
fn a_form_can_be_built_of_what_the_metadata_tell() {
    let app = TestApp::start();
    let admin = app.user("admin").with("accept-language", "zh-CN");
    let choices =
        json!([{ "value": "east", "label": "华东" }, { "value": "west", "label": "华西", "archived": true }]);
    let more = json!({ "choices": choices, "required": true, "customer_kinds": ["company"], "help": "按总部所在地" });
    admin.create("/v1/custom-fields", &field("region", "choice", more));
    let contract = fulcrum_api::server::contract();
    let schemas = &contract.document["components"]["schemas"];
    let enums = admin.get("/v1/metadata/enums").ok();
    let vocabulary = |name: &str| {
        enums["data"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned().unwrap_or_default()
    };
    for (object, input) in [
        ("customer", "CustomerInput"),
        ("contact", "ContactInput"),
        ("activity", "ActivityInput"),
        ("task", "TaskInput"),
    ] {
        let fields =
            admin.get(&format!("/v1/metadata/objects/{object}")).ok()["fields"].as_array().unwrap().clone();
        for name in schemas[input]["properties"].as_object().unwrap().keys().filter(|name| *name != "custom")
        {
            let told = fields.iter().find(|field| field["name"] == name.as_str());
            let told = told.unwrap_or_else(|| panic!("{object}.{name} is not described"));
            assert_ne!(told["label"], name.as_str(), "{object}.{name} has no label");
            if let Some(words) = told["vocabulary"].as_str() {
                for word in vocabulary(words)["words"].as_array().unwrap_or_else(|| panic!("{words}")) {
                    assert!(
                        !word["label"].as_str().unwrap().is_ascii(),
                        "{words}: {word} has no name in Chinese"
                    );
                }
            }
        }
    }
    let fields = admin.get("/v1/metadata/objects/customer").ok()["fields"].clone();
    let own = fields.as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&own["name"], &own["label"], &own["help"], &own["type"], &own["required"], &own["schema"]["enum"]),
        (
            &json!("custom.region"),
            &json!("region"),
            &json!("按总部所在地"),
            &json!("choice"),
            &json!(true),
            &json!(["east"])
        )
    );
    let named =
        |name: &str| fields.as_array().unwrap().iter().find(|field| field["name"] == name).unwrap().clone();
    assert_eq!((&named("name")["required"], &named("name")["label"]), (&json!(true), &json!("客户名称")));
    assert_eq!(
        (&named("annual_revenue")["type"], &named("owner_id")["type"]),
        (&json!("money"), &json!("user"))
    );
    let english = app.user("admin").with("accept-language", "en");
    assert_eq!(english.get("/v1/metadata/objects/contact").ok()["fields"][1]["label"], "Name");
    english.get("/v1/metadata/objects/spaceship").problem(404, "not_found");
}
