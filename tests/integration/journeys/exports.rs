use fulcrum_domain::access::{DataScope, Permission};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Client, TestApp, company};

/// Asks for an export and fetches what came of it.
fn exported(app: &TestApp, client: &Client, request: &Value) -> (Value, Vec<u8>) {
    let operation = client.post("/v1/exports", request).expect(202);
    app.work();
    let done = client.get(&format!("/v1/operations/{}", operation["id"].as_str().unwrap())).ok();
    assert_eq!(done["state"], "succeeded", "{done}");
    let result = done["result"].clone();
    let path = format!("/v1/files/{}/content", result["file_id"].as_str().unwrap());
    let content = client
        .request(Method::GET, &path)
        .send()
        .unwrap()
        .error_for_status()
        .unwrap()
        .bytes()
        .unwrap()
        .to_vec();
    let sha256: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(result["sha256"], sha256);
    assert_eq!(result["size"], content.len());
    (result, content)
}

#[test]
fn a_list_becomes_a_file_that_a_spreadsheet_reads() {
    let app = TestApp::start();
    let admin = app.user("admin").with("accept-language", "zh-CN");
    let choices = json!([{ "value": "east", "label": "华东" }]);
    admin.create("/v1/custom-fields", &json!({ "object_type": "customer", "key": "region", "label": "大区", "kind": "choice", "choices": choices }));
    admin.create(
        "/v1/custom-fields",
        &json!({ "object_type": "customer", "key": "fee", "label": "年费", "kind": "money" }),
    );
    for (name, fee, currency) in
        [("=cmd|' /C calc'!A0", "10.50", "CNY"), ("\"引号\", 公司", "0.25", "CNY"), ("丙", "7.00", "USD")]
    {
        let mut body = company(name);
        body["source"] = json!("导出测试");
        body["phone"] = json!("+8613800138000");
        body["grade"] = json!("A");
        body["lifecycle_stage"] = json!("retention");
        body["tags"] = json!(["甲", "乙"]);
        body["custom"] = json!({ "region": "east", "fee": { "amount": fee, "currency": currency } });
        admin.create("/v1/customers", &body);
    }
    let fields = [
        "name",
        "phone",
        "grade",
        "lifecycle_stage",
        "tags",
        "custom.region",
        "custom.fee.amount",
        "custom.fee.currency",
        "owner.name",
        "vip",
    ];
    let mut request = json!({ "object_type": "customer", "filter": "source == \"导出测试\"", "fields": fields, "name": "三个/客户" });
    let (result, content) = exported(&app, &admin, &request);
    assert_eq!(result["rows"], 3);
    assert_eq!(
        result["sums"],
        json!([
            { "field": "custom.fee", "currency": "CNY", "amount": "10.75" },
            { "field": "custom.fee", "currency": "USD", "amount": "7.00" },
        ])
    );
    let text = String::from_utf8(content).unwrap();
    let lines: Vec<&str> = text.trim_end().split("\r\n").collect();
    assert_eq!(
        lines[0],
        "\u{feff}客户名称,电话,客户等级,生命周期阶段,标签,大区,年费：金额,年费：币种,负责人,VIP"
    );
    assert!(
        lines[1].starts_with("'=cmd|' /C calc'!A0,+8613800138000,A 级,留存,甲; 乙,华东,10.50,CNY,"),
        "{}",
        lines[1]
    );
    assert!(lines[2].starts_with("\"\"\"引号\"\", 公司\","), "{}", lines[2]);
    let file = admin.get(&format!("/v1/files/{}", result["file_id"].as_str().unwrap())).ok();
    assert_eq!(file["name"], "三个_客户.csv");
    // As programs read it.
    request["format"] = json!("ndjson");
    request["headers"] = json!("names");
    let (_, content) = exported(&app, &admin, &request);
    let lines: Vec<Value> =
        String::from_utf8(content).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (lines.len(), &lines[0]["name"], &lines[0]["custom.region"], &lines[0]["tags"]),
        (3, &json!("=cmd|' /C calc'!A0"), &json!("east"), &json!(["甲", "乙"]))
    );
    // Nothing is a file, too, and can be fetched.
    let nothing = json!({ "object_type": "customer", "filter": "source == \"nobody\"", "format": "ndjson" });
    let (result, content) = exported(&app, &admin, &nothing);
    assert_eq!((&result["rows"], content.len()), (&json!(0), 0));
    let path = format!("/v1/files/{}/content", result["file_id"].as_str().unwrap());
    let part = admin.request(Method::GET, &path).header("range", "bytes=0-99").send().unwrap();
    assert_eq!((part.status().as_u16(), part.content_length()), (200, Some(0)));
    request["format"] = json!("xlsx");
    let (_, content) = exported(&app, &admin, &request);
    assert!(content.starts_with(b"PK"));
    // Everything there is, of contacts, too.
    let (result, content) = exported(&app, &admin, &json!({ "object_type": "contact", "headers": "names" }));
    let text = String::from_utf8(content).unwrap();
    assert!(text.starts_with("\u{feff}id,customer.number,customer.name,name,title,phones,"));
    assert_eq!(json!(text.trim_end().split("\r\n").count() - 1), result["rows"]);
    let all = admin.get("/v1/customers?count=exact&limit=1").ok()["total_count"].clone();
    let (result, _) = exported(&app, &admin, &json!({ "object_type": "customer" }));
    assert_eq!(result["rows"], all);
    let (result, content) =
        exported(&app, &admin, &json!({ "object_type": "customer", "filter": "false", "fields": ["name"] }));
    assert_eq!(
        (result["rows"].clone(), String::from_utf8(content).unwrap().as_str()),
        (json!(0), "\u{feff}客户名称\r\n")
    );
}

#[test]
fn what_a_role_may_not_see_is_not_taken_out() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let manager = app.user("manager");
    admin.create("/v1/customers", &company("总部的客户"));
    let seen = manager.get("/v1/customers?count=exact&limit=1").ok()["total_count"].clone();
    assert!(
        seen.as_i64().unwrap()
            < admin.get("/v1/customers?count=exact&limit=1").ok()["total_count"].as_i64().unwrap()
    );
    let request = json!({ "object_type": "customer", "fields": ["number"] });
    let (result, _) = exported(&app, &manager, &request);
    assert_eq!(result["rows"], seen);
    // The file is the business of who asked for it.
    let path = format!("/v1/files/{}", result["file_id"].as_str().unwrap());
    app.user("finance").get(&path).problem(404, "not_found");
    app.user("rep.east").post("/v1/exports", &request).problem(403, "permission_denied");
    let me = admin.get("/v1/me").ok();
    let half = app.like(&me, &[Permission::ExportsWrite, Permission::CustomersRead], DataScope::Tenant);
    half.post("/v1/exports", &json!({ "object_type": "contact" })).problem(403, "permission_denied");
    for (more, pointer) in [
        (json!({ "fields": ["name", "nickname"] }), "/fields/1"),
        (json!({ "fields": ["name", "name"] }), "/fields/1"),
        (json!({ "filter": "nickname == 1" }), "/filter"),
        (json!({ "format": "pdf" }), "/format"),
    ] {
        let mut wrong = json!({ "object_type": "customer" });
        wrong.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let problem = admin.post("/v1/exports", &wrong).problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{more}");
    }
    // Stopped before it has begun.
    let operation = admin.post("/v1/exports", &request).expect(202);
    let path = format!("/v1/operations/{}", operation["id"].as_str().unwrap());
    admin.post_nothing(&format!("{path}/cancel")).ok();
    app.work();
    assert_eq!(admin.get(&path).ok()["state"], "cancelled");
}
