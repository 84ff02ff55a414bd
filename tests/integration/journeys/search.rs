use serde_json::{Value, json};

use crate::support::{Client, TestApp, company};

fn names(client: &Client, q: &str) -> Vec<String> {
    let request = client.request(reqwest::Method::GET, "/v1/customers").query(&[("q", q), ("limit", "200")]);
    let found = crate::support::Reply::of(request).ok();
    found["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

fn made(client: &Client, body: Value) -> Value {
    client.create("/v1/customers", &body)
}

#[test]
fn a_customer_is_found_by_whatever_somebody_remembers() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = made(
        &admin,
        json!({ "kind": "company", "name": "重庆翡翠谷银行", "credit_code": "91330100799655058B", "phone": "02362345678", "email": "post@jade-valley.example" }),
    );
    let contact = json!({
        "customer_id": customer["id"], "name": "诸葛孔明",
        "phones": [{ "number": "+8613912345670" }], "emails": [{ "address": "kongming@shu.example" }],
    });
    admin.create("/v1/contacts", &contact);
    let number = customer["number"].as_str().unwrap();
    for q in [
        "翡翠",
        "翠谷",
        "重庆翡翠谷银行",
        "翡",
        "cqfcg",
        "fcgyh",
        "CQFCG",
        "ｆｃｇ",
        number,
        &number.to_lowercase(),
        "91330100799655058B",
        "62345678",
        "5678",
        "post@jade-valley.example",
        "jade",
        "诸葛",
        "孔明",
        "zgkm",
        "13912345670",
        "5670",
        "kongming",
        "翡翠 孔明",
        "银行 翡翠",
        "  翡翠  ",
    ] {
        assert_eq!(names(&admin, q), ["重庆翡翠谷银行"], "{q}");
    }
    for q in ["翠翡", "翡翠 司马", "孔明 诸葛亮", "99999999", "%", "翡_谷"] {
        let request = admin.request(reqwest::Method::GET, "/v1/customers").query(&[("q", q)]);
        let reply = crate::support::Reply::of(request);
        assert!(reply.status == 400 || reply.body["data"] == json!([]), "{q}: {}", reply.body);
    }
}

#[test]
fn a_search_sees_what_was_just_written() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = made(&admin, company("旧名翡翠"));
    let path = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
    assert_eq!(names(&admin, "翡翠").len(), 1);
    admin.patch(&path, &json!({ "name": "新名珊瑚" })).ok();
    assert_eq!(names(&admin, "翡翠").len(), 0);
    assert_eq!(names(&admin, "珊瑚").len(), 1);
}

#[test]
fn what_begins_so_comes_before_what_only_has_it_inside() {
    let app = TestApp::start();
    let admin = app.user("admin");
    for name in ["上海翡翠", "翡翠科技", "翡翠", "北京翡翠科技"] {
        made(&admin, company(name));
    }
    let other = made(&admin, company("别的公司"));
    admin.create("/v1/contacts", &json!({ "customer_id": other["id"], "name": "翡翠" }));
    assert_eq!(names(&admin, "翡翠"), ["翡翠", "翡翠科技", "上海翡翠", "北京翡翠科技", "别的公司"]);
}

#[test]
fn a_search_pages_through_every_hit_once_in_any_order() {
    let app = TestApp::start();
    let admin = app.user("admin");
    // Names in which the text stands several times, and equal names.
    for index in 0..30 {
        made(&admin, company(&format!("翡翠{}翡翠翡翠", ["甲", "乙", "丙"][index % 3])));
    }
    for order in [
        "",
        "&sort=relevance",
        "&sort=name",
        "&sort=-name",
        "&sort=number",
        "&sort=-created_at",
        "&sort=updated_at",
    ] {
        let path = format!("/v1/customers?q=翡翠{order}");
        let mut ids = admin.all_ids(&path, 7);
        assert_eq!(ids, admin.all_ids(&path, 200), "{order}: the order doesn't depend on the pages");
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 30, "{order}");
    }
    assert_eq!(admin.get("/v1/customers?q=翡翠&count=exact&limit=1").ok()["total_count"], 30);
}

#[test]
fn a_search_keeps_to_filters_and_scope() {
    let app = TestApp::start();
    let (east, north) = (app.user("rep.east"), app.user("rep.north"));
    made(&east, json!({ "kind": "company", "name": "翡翠甲", "grade": "A" }));
    made(&east, json!({ "kind": "company", "name": "翡翠乙", "grade": "B" }));
    made(&north, company("翡翠丙"));
    assert_eq!(names(&east, "翡翠").len(), 2);
    assert_eq!(names(&north, "翡翠"), ["翡翠丙"]);
    assert_eq!(east.all_ids("/v1/customers?q=翡翠&grade=A", 50).len(), 1);
    assert_eq!(names(&app.user_of("other", "admin"), "翡翠").len(), 0);
}

#[test]
fn who_may_not_see_contacts_cannot_ask_for_them_digit_by_digit() {
    use fulcrum_domain::access::{DataScope, Permission};
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = made(&admin, company("翡翠谷"));
    admin.create("/v1/contacts", &json!({ "customer_id": customer["id"], "name": "诸葛孔明", "phones": [{ "number": "+8613912345670" }] }));
    let me = admin.get("/v1/me").ok();
    let reader = app.like(&me, &[Permission::CustomersRead, Permission::EventsRead], DataScope::Tenant);
    assert_eq!(names(&reader, "翡翠谷"), ["翡翠谷"]);
    assert_eq!(names(&reader, "孔明").len() + names(&reader, "13912345670").len(), 0);
    assert_eq!(
        reader.get("/v1/events?subject_type=contact&subject_type=user&subject_type=session").ok()["data"],
        json!([])
    );
    assert!(!reader.get("/v1/events?subject_type=customer").ok()["data"].as_array().unwrap().is_empty());
}
