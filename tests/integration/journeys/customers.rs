use serde_json::json;

use crate::support::{TestApp, codes, company};

#[test]
fn the_life_of_a_customer() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let reply = rep.post(
        "/v1/customers",
        &json!({
            "kind": "company", "name": "  杭州　翡翠谷 科技有限公司 ", "credit_code": "91330100799655058b",
            "phone": "0571-88157808", "email": "Info@Boliwei.EXAMPLE", "website": "boliwei.example",
            "grade": "A", "vip": true, "industry": "C", "staff_count": 320,
            "annual_revenue": { "amount": "1200000.50", "currency": "CNY" }, "source": "展会",
            "pain_points": ["数据分散"], "tags": ["高潜力", "高潜力"], "address": { "city": "杭州市" },
        }),
    );
    assert_eq!((reply.status, reply.header("etag")), (201, Some("\"1\"")));
    let location = reply.header("location").unwrap().to_owned();
    let created = reply.body;
    assert_eq!(location, format!("/v1/customers/{}", created["id"].as_str().unwrap()));
    assert!(created["number"].as_str().unwrap().starts_with("C2027"));
    assert_eq!(created["name"], "杭州 翡翠谷 科技有限公司");
    assert_eq!(created["credit_code"], "91330100799655058B");
    assert_eq!(created["phone"], "+8657188157808");
    assert_eq!(created["email"], "Info@boliwei.example");
    assert_eq!(created["website"], "https://boliwei.example/");
    assert_eq!(created["annual_revenue"], json!({ "amount": "1200000.50", "currency": "CNY" }));
    assert_eq!(created["tags"], json!(["高潜力"]));
    assert_eq!(created["lifecycle_stage"], "acquisition");
    assert_eq!(created["owner_id"], rep.get("/v1/me").ok()["id"]);

    assert_eq!(rep.get(&location).ok(), created);
    let known = rep.with("if-none-match", "\"1\"").get(&location);
    assert_eq!((known.status, known.header("etag")), (304, Some("\"1\"")));

    let patch = json!({ "grade": null, "address": { "street": "文三路 90 号" }, "tags": [], "vip": false });
    let patched = rep.with("if-match", "\"1\"").patch(&location, &patch);
    assert_eq!(patched.header("etag"), Some("\"2\""));
    let patched = patched.ok();
    assert_eq!(patched["grade"], json!(null));
    assert_eq!(
        (&patched["address"]["city"], &patched["address"]["street"]),
        (&json!("杭州市"), &json!("文三路 90 号"))
    );
    assert_eq!(
        (&patched["tags"], &patched["vip"], &patched["version"]),
        (&json!([]), &json!(false), &json!(2))
    );

    let stale = rep.with("if-match", "\"1\"").patch(&location, &patch).problem(412, "version_mismatch");
    assert_eq!(stale["current_version"], 2);
    assert_eq!(rep.patch(&location, &patch).ok()["version"], 2, "what changes nothing leaves no trace");

    rep.delete(&location).problem(403, "permission_denied");
    let manager = app.user("manager");
    manager.with("if-match", "\"1\"").delete(&location).problem(412, "version_mismatch");
    manager.delete(&location).expect(204);
    manager.delete(&location).expect(204);
    let gone = rep.get(&location).ok();
    assert!(gone["deleted_at"].is_string());
    assert_eq!(rep.all_ids("/v1/customers?q=翡翠谷", 50), Vec::<String>::new());
    rep.patch(&location, &json!({ "vip": true })).problem(409, "record_deleted");

    let restored = manager.post_nothing(&format!("{location}/restore")).ok();
    assert_eq!((&restored["deleted_at"], &restored["version"]), (&json!(null), &json!(4)));
    assert_eq!(rep.all_ids("/v1/customers?q=翡翠谷", 50).len(), 1);
}

#[test]
fn every_wrong_field_is_named_at_once_in_the_readers_language() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let body = json!({
        "kind": "alien", "name": "", "credit_code": "91330100799655058C", "email": "x", "phone": "12",
        "website": "ftp://x.example", "grade": "D", "vip": "yes", "staff_count": -1, "tags": [1],
        "annual_revenue": { "amount": "1.234", "currency": "CNY" }, "foo": 1, "address": { "bar": 2 },
    });
    let problem =
        admin.with("accept-language", "en").post("/v1/customers", &body).problem(422, "validation_failed");
    let expected = [
        ("/address/bar", "unknown_field"),
        ("/annual_revenue/amount", "amount_too_many_decimals"),
        ("/credit_code", "credit_code_check_digit"),
        ("/email", "email_invalid"),
        ("/foo", "unknown_field"),
        ("/grade", "not_allowed"),
        ("/kind", "not_allowed"),
        ("/name", "pattern"),
        ("/phone", "phone_invalid"),
        ("/staff_count", "too_small"),
        ("/tags/0", "type"),
        ("/vip", "type"),
        ("/website", "website_scheme"),
    ];
    let found = codes(&problem);
    for (pointer, code) in expected {
        let ok = found
            .iter()
            .any(|(p, c)| p == pointer && (c == code || pointer == "/name" || pointer == "/phone"));
        assert!(ok, "{pointer} {code} in {found:?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:?}");
    assert_eq!(problem["title"], "Some fields are not right");
    let chinese = admin.with("accept-language", "zh-CN").post("/v1/customers", &body);
    assert_eq!(chinese.header("content-language"), Some("zh-CN"));
    assert_eq!(chinese.body["title"], "字段有误");
}

#[test]
fn kinds_have_fields_of_their_own_and_stay_what_they_are() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let person = json!({ "kind": "individual", "name": "王芳", "credit_code": "91330100799655058B", "staff_count": 1 });
    let problem = admin.post("/v1/customers", &person).problem(422, "validation_failed");
    assert_eq!(
        codes(&problem),
        [
            ("/credit_code".into(), "only_for_companies".into()),
            ("/staff_count".into(), "only_for_companies".into())
        ]
    );
    let person = admin
        .create("/v1/customers", &json!({ "kind": "individual", "name": "王芳", "born_on": "1988-05-20" }));
    let path = format!("/v1/customers/{}", person["id"].as_str().unwrap());
    let problem =
        admin.patch(&path, &json!({ "kind": "company", "born_on": null })).problem(422, "validation_failed");
    assert_eq!(codes(&problem), [("/kind".into(), "not_changeable".into())]);
    let problem = admin.patch(&path, &json!({ "name": null })).problem(422, "validation_failed");
    assert_eq!(codes(&problem), [("/name".into(), "required".into())]);
}

#[test]
fn a_credit_code_belongs_to_one_customer() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let body = |name: &str| json!({ "kind": "company", "name": name, "credit_code": "91330100799655058B" });
    let first = admin.create("/v1/customers", &body("a"));
    let problem = admin.post("/v1/customers", &body("b")).problem(409, "already_exists");
    assert_eq!((&problem["existing_id"], &problem["field"]), (&first["id"], &json!("credit_code")));
    // Who doesn't see the other one isn't told which it is.
    let problem = app.user("rep.east").post("/v1/customers", &body("c")).problem(409, "already_exists");
    assert_eq!(problem["existing_id"], json!(null));
    let path = format!("/v1/customers/{}", first["id"].as_str().unwrap());
    admin.delete(&path).expect(204);
    admin.create("/v1/customers", &body("d"));
    admin.post_nothing(&format!("{path}/restore")).problem(409, "already_exists");
    app.user_of("other", "admin").create("/v1/customers", &body("e"));
}

#[test]
fn twenty_at_once_with_one_credit_code_make_one() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let body = json!({ "kind": "company", "name": "x", "credit_code": "91330100799655058B" });
    let statuses = at_once(20, || admin.post("/v1/customers", &body).status);
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
}

#[test]
fn numbers_are_unique_however_many_are_made_at_once() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let mut numbers = at_once(40, || admin.create("/v1/customers", &company("x"))["number"].to_string());
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 40);
}

#[test]
fn of_two_who_change_the_same_version_one_wins() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = admin.create("/v1/customers", &company("x"));
    let path = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
    let names = std::sync::atomic::AtomicU32::new(0);
    let statuses = at_once(10, || {
        let name = names.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        admin.with("if-match", "\"1\"").patch(&path, &json!({ "name": format!("n{name}") })).status
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 9, "{statuses:?}");
}

/// Does something so many times at once.
pub fn at_once<T: Send>(times: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..times).map(|_| scope.spawn(&work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn giving_a_customer_away_takes_a_permission_and_moves_what_the_scope_sees() {
    let app = TestApp::start();
    let (admin, east, north) = (app.user("admin"), app.user("rep.east"), app.user("rep.north"));
    let north_id = north.get("/v1/me").ok()["id"].clone();
    let customer = east.create("/v1/customers", &company("给出"));
    let path = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
    north.get(&path).problem(404, "not_found");
    let problem = east.patch(&path, &json!({ "owner_id": north_id })).problem(403, "permission_denied");
    assert_eq!(problem["permission"], "customers.customers:assign");
    east.post("/v1/customers", &json!({ "kind": "company", "name": "x", "owner_id": north_id }))
        .problem(403, "permission_denied");
    let given = admin.patch(&path, &json!({ "owner_id": north_id })).ok();
    assert_eq!(given["department_id"], north.get("/v1/me").ok()["department_id"]);
    north.get(&path).ok();
    east.get(&path).problem(404, "not_found");
}

#[test]
fn when_a_person_moves_their_customers_move_along() {
    let app = TestApp::start();
    let (admin, east) = (app.user("admin"), app.user("rep.east"));
    let me = east.get("/v1/me").ok();
    let support = app.user("agent").get("/v1/me").ok();
    let mine = east.all_ids("/v1/customers", 200);
    let manager = app.user("manager");
    assert!(manager.all_ids("/v1/customers", 200).contains(&mine[0]));
    admin
        .patch(
            &format!("/v1/users/{}", me["id"].as_str().unwrap()),
            &json!({ "department_id": support["department_id"] }),
        )
        .ok();
    let seen = manager.all_ids("/v1/customers", 200);
    assert!(mine.iter().all(|id| !seen.contains(id)));
    let moved = admin.get(&format!("/v1/customers/{}", mine[0])).ok();
    assert_eq!((&moved["department_id"], &moved["version"]), (&support["department_id"], &json!(2)));
    let events = admin.get(&format!("/v1/events?subject_id={}&type=customer.updated", mine[0])).ok();
    assert_eq!(events["data"][0]["changes"]["department_id"]["to"], support["department_id"]);
}

#[test]
fn include_adds_objects_beside_ids() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let list = admin.get("/v1/customers?include=owner,department&include=contacts&limit=20").ok();
    for customer in list["data"].as_array().unwrap() {
        assert_eq!(customer["owner"]["id"], customer["owner_id"]);
        assert_eq!(customer["department"]["id"], customer["department_id"]);
        for contact in customer["contacts"].as_array().unwrap() {
            assert_eq!(contact["customer_id"], customer["id"]);
        }
    }
    let plain = admin.get("/v1/customers?limit=1").ok();
    assert!(plain["data"][0].get("owner").is_none());
    let id = list["data"][0]["id"].as_str().unwrap();
    assert!(admin.get(&format!("/v1/customers/{id}?include=owner")).ok()["owner"]["name"].is_string());
}

#[test]
fn another_system_knows_a_customer_by_its_own_id() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let path = "/v1/customers/by-external-id/erp/KD-1";
    let first = admin.put(path, &json!({ "kind": "company", "name": "甲", "grade": "A" }));
    assert!(first.header("location").is_some());
    let first = first.expect(201);
    assert_eq!(first["external_ids"], json!([{ "system": "erp", "external_id": "KD-1" }]));
    let second = admin.put(path, &json!({ "kind": "company", "name": "乙" })).ok();
    assert_eq!((&second["id"], &second["name"], &second["grade"]), (&first["id"], &json!("乙"), &json!("A")));
    admin.with("if-none-match", "*").put(path, &company("丙")).problem(412, "exists_already");
    assert_eq!(admin.all_ids("/v1/customers?external_id=erp:KD-1", 50).len(), 1);
    assert_eq!(admin.all_ids("/v1/customers?external_id=crm:KD-1", 50).len(), 0);
    app.user_of("other", "admin").put(path, &company("丁")).expect(201);
    // The id belongs to a customer that this person doesn't see.
    app.user("rep.east").put(path, &company("戊")).problem(409, "already_exists");
    let other = admin.create("/v1/customers", &company("己"));
    let taken = json!({ "external_ids": [{ "system": "erp", "external_id": "KD-1" }] });
    let other = format!("/v1/customers/{}", other["id"].as_str().unwrap());
    assert_eq!(admin.patch(&other, &taken).problem(409, "already_exists")["field"], "external_ids");
    admin.delete(&format!("/v1/customers/{}", first["id"].as_str().unwrap())).expect(204);
    assert_eq!(admin.put(path, &company("庚")).problem(409, "record_deleted")["existing_id"], first["id"]);
}

#[test]
fn ten_upserts_at_once_make_one_customer() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let statuses = at_once(10, || admin.put("/v1/customers/by-external-id/erp/R-1", &company("甲")).status);
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 9, "{statuses:?}");
}

#[test]
fn an_upsert_keeps_the_id_it_was_sent_to() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let path = "/v1/customers/by-external-id/erp/KEEP";
    let mut body = company("甲");
    let first = admin.put(path, &body).expect(201);
    for ids in [json!([]), json!(null), json!([{ "system": "crm", "external_id": "1" }])] {
        body["external_ids"] = ids;
        assert_eq!(admin.put(path, &body).ok()["id"], first["id"]);
    }
    let kept = admin.put(path, &company("乙")).ok()["external_ids"].clone();
    assert_eq!(kept.as_array().unwrap().len(), 2);
    // Whoever expects a version expects a record.
    let new = "/v1/customers/by-external-id/erp/NONE";
    admin.with("if-match", "\"3\"").put(new, &company("x")).problem(412, "nothing_to_match");
    admin.with("if-match", "*").put(new, &company("x")).problem(412, "nothing_to_match");
    // What can't be decoded without loss would make one id of several.
    admin.put("/v1/customers/by-external-id/erp/%FF", &company("x")).problem(400, "invalid_path");
    admin.put("/v1/customers/by-external-id/erp/%00", &company("x")).problem(400, "invalid_path");
}

#[test]
fn what_says_nothing_is_refused_and_never_blocks_a_record() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let body =
        json!({ "kind": "company", "name": "\u{200b}", "pain_points": ["x", " "], "tags": ["\u{202e}"] });
    let problem = admin.post("/v1/customers", &body).problem(422, "validation_failed");
    let found = codes(&problem);
    for (pointer, code) in [("/name", "blank"), ("/pain_points/1", "blank")] {
        assert!(found.contains(&(pointer.into(), code.into())), "{found:?}");
    }
    assert!(found.iter().any(|(pointer, _)| pointer == "/tags/0"), "{found:?}");
    let made = admin.create(
        "/v1/customers",
        &json!({ "kind": "company", "name": "x", "source": " ", "industry_detail": "\u{7f}" }),
    );
    assert_eq!((&made["source"], &made["industry_detail"]), (&json!(null), &json!(null)));
    let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
    admin.patch(&path, &json!({ "vip": true })).ok();
    let unknown = admin
        .patch(&path, &json!({ "zz": null, "address": { "zz": null } }))
        .problem(422, "validation_failed");
    assert_eq!(
        codes(&unknown),
        [("/address/zz".into(), "unknown_field".into()), ("/zz".into(), "unknown_field".into())]
    );
    for (born_on, code) in [("2999-01-01", "in_the_future"), ("0001-01-01", "invalid")] {
        let body = json!({ "kind": "individual", "name": "x", "born_on": born_on });
        let problem = admin.post("/v1/customers", &body).problem(422, "validation_failed");
        assert_eq!(codes(&problem), [("/born_on".into(), code.into())]);
    }
}
