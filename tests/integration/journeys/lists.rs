use serde_json::json;

use crate::support::{TestApp, company, database};

#[test]
fn every_order_gives_every_customer_once_also_where_the_clock_stands_still() {
    let app = TestApp::start();
    let admin = app.user("admin");
    for index in 0..25 {
        admin.create("/v1/customers", &company(&format!("同名{}", index % 2)));
    }
    let all = database::CUSTOMERS + 25;
    for sort in
        ["", "-created_at", "created_at", "-updated_at", "updated_at", "name", "-name", "number", "-number"]
    {
        let path =
            if sort.is_empty() { "/v1/customers".to_owned() } else { format!("/v1/customers?sort={sort}") };
        let mut ids = admin.all_ids(&path, 9);
        assert_eq!(ids, admin.all_ids(&path, 200), "{sort}");
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all, "{sort}");
    }
    assert_eq!(admin.all_ids("/v1/contacts?sort=name", 9).len(), admin.all_ids("/v1/contacts", 200).len());
    assert_eq!(admin.all_ids("/v1/events", 9).len(), admin.all_ids("/v1/events", 200).len());
}

#[test]
fn a_row_that_comes_in_between_moves_no_page() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let first = admin.get("/v1/customers?limit=10").ok();
    app.clock.advance(chrono::TimeDelta::seconds(1));
    admin.create("/v1/customers", &company("新来"));
    let second =
        admin.get(&format!("/v1/customers?limit=10&cursor={}", first["next_cursor"].as_str().unwrap())).ok();
    let ids = |page: &serde_json::Value| {
        page["data"].as_array().unwrap().iter().map(|row| row["id"].to_string()).collect::<Vec<_>>()
    };
    assert!(ids(&second).iter().all(|id| !ids(&first).contains(id)));
}

#[test]
fn filters_are_one_of_and_all_of() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let make = |name: &str, extra: serde_json::Value| {
        let mut body = company(name);
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        admin.create("/v1/customers", &body)
    };
    let one = make(
        "一",
        json!({ "grade": "A", "source": "测试源", "vip": true, "tags": ["C++"], "industry": "I" }),
    );
    make("二", json!({ "grade": "B", "source": "测试源", "lifecycle_stage": "referral", "tags": ["C#"] }));
    make("三", json!({ "source": "测试源", "grade": "C" }));
    let count = |query: &str| admin.all_ids(&format!("/v1/customers?source=测试源{query}"), 50).len();
    assert_eq!(count(""), 3);
    assert_eq!(count("&grade=A&grade=B"), 2);
    assert_eq!(count("&vip=true"), 1);
    assert_eq!(count("&grade=A&vip=false"), 0);
    assert_eq!(count("&lifecycle_stage=referral"), 1);
    assert_eq!(count("&tag=C%2B%2B"), 1);
    assert_eq!(count("&tag=C%2B%2B&tag=c%23"), 2);
    assert_eq!(count("&industry=I"), 1);
    assert_eq!(count("&kind=individual"), 0);
    assert_eq!(count(&format!("&number={}", one["number"].as_str().unwrap())), 1);
    assert_eq!(count(&format!("&owner_id={}", one["owner_id"].as_str().unwrap())), 3);
    assert_eq!(count(&format!("&department_id={}", one["department_id"].as_str().unwrap())), 3);
    assert_eq!(count("&created_at_from=2027-03-01T02:00:00Z"), 3);
    assert_eq!(count("&created_at_from=2027-03-01T02:00:00.000001Z"), 0);
    assert_eq!(count("&created_at_to=2027-03-01T10:00:00%2B08:00"), 3);
    assert_eq!(count("&updated_at_to=2027-03-01T01:59:59Z"), 0);
    let counted = admin.get("/v1/customers?source=测试源&count=exact&limit=1").ok();
    assert_eq!(counted["total_count"], 3);
    assert!(admin.get("/v1/customers?count=estimated&limit=1").ok()["total_count"].is_number());
    assert_eq!(admin.get("/v1/customers?limit=1").ok()["total_count"], json!(null));
}

#[test]
fn a_cursor_belongs_to_one_list_with_one_filter_of_one_company() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let cursor = admin.get("/v1/customers?limit=1").ok()["next_cursor"].as_str().unwrap().to_owned();
    admin.get(&format!("/v1/customers?limit=5&cursor={cursor}")).ok();
    admin.get(&format!("/v1/customers?limit=1&include=owner&cursor={cursor}")).ok();
    for path in
        ["/v1/customers?grade=A", "/v1/customers?sort=name", "/v1/contacts?limit=1", "/v1/events?limit=1"]
    {
        admin.get(&format!("{path}&cursor={cursor}")).problem(400, "invalid_cursor");
    }
    app.user_of("other", "admin")
        .get(&format!("/v1/customers?cursor={cursor}"))
        .problem(400, "invalid_cursor");
    let mut tampered = cursor.clone().into_bytes();
    tampered[30] = if tampered[30] == b'A' { b'B' } else { b'A' };
    admin
        .get(&format!("/v1/customers?cursor={}", String::from_utf8(tampered).unwrap()))
        .problem(400, "invalid_cursor");
}

#[test]
fn parameters_that_are_not_right_are_named() {
    let app = TestApp::start();
    let admin = app.user("admin");
    for (query, name, code) in [
        ("limit=0", "limit", "too_small"),
        ("limit=201", "limit", "too_large"),
        ("limit=-1", "limit", "too_small"),
        ("limit=x", "limit", "type"),
        ("limit=99999999999999999999", "limit", "type"),
        ("limit=1.5", "limit", "type"),
        ("foo=1", "foo", "unknown_parameter"),
        ("kind=alien", "kind", "not_allowed"),
        ("vip=1", "vip", "type"),
        ("vip=true&vip=true", "vip", "repeated"),
        ("owner_id=x", "owner_id", "format"),
        ("created_at_from=yesterday", "created_at_from", "format"),
        ("created_at_from=2027-02-30T00:00:00Z", "created_at_from", "format"),
        ("sort=price", "sort", "not_allowed"),
        ("sort=relevance", "sort", "relevance_needs_search"),
        ("q=", "q", "too_short"),
        ("q=%20", "q", "nothing_to_search"),
        ("include=secrets", "include", "not_allowed"),
        ("external_id=erp", "external_id", "pattern"),
        ("q=a%00b", "q", "nul_character"),
        ("count=all", "count", "not_allowed"),
    ] {
        let problem = admin.get(&format!("/v1/customers?{query}")).problem(400, "invalid_parameters");
        assert_eq!(crate::support::codes(&problem), [(name.into(), code.into())], "{query}");
    }
    let many = (0..51).map(|index| format!("source=s{index}")).collect::<Vec<_>>().join("&");
    let problem = admin.get(&format!("/v1/customers?{many}")).problem(400, "invalid_parameters");
    assert_eq!(crate::support::codes(&problem), [("source".into(), "too_many_items".into())]);
}
