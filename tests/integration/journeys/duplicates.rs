use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::customers::at_once;
use crate::support::{Client, TestApp, company, database};

fn named(name: &str, more: Value) -> Value {
    let mut body = company(name);
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn path(of: &Value) -> String {
    format!("/v1/customers/{}", of["id"].as_str().unwrap())
}

#[test]
fn who_enters_a_customer_is_told_of_those_that_are_there() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let (rep, other) = (app.user("rep.east"), app.user("rep.north"));
    let first =
        rep.create("/v1/customers", &named("临港精密机械有限公司", json!({ "phone": "021-58001234" })));
    let ask = |client: &Client, body: Value| client.post("/v1/customers/check-duplicates", &body).ok();
    for (name, score) in [
        ("臨港精密機械股份有限公司", 88..=88),
        ("临港（精密）机械", 88..=88),
        ("临港精密机械设备有限公司", 50..=80),
    ] {
        let found = ask(&rep, json!({ "kind": "company", "name": name }));
        assert_eq!(found["data"][0]["id"], first["id"], "{name}: {found}");
        assert!(score.contains(&found["data"][0]["score"].as_u64().unwrap()), "{name}: {found}");
    }
    let by_phone = ask(&rep, json!({ "phones": ["02158001234"] }));
    assert_eq!(by_phone["data"][0]["reasons"], json!(["same_phone"]));
    assert_eq!(ask(&rep, json!({ "name": "完全不同的公司" })), json!({ "data": [], "unseen": 0 }));
    assert_eq!(ask(&rep, json!({})), json!({ "data": [], "unseen": 0 }));
    // Who doesn't see it learns that there is one, and no more.
    assert_eq!(ask(&other, json!({ "name": "临港精密机械" })), json!({ "data": [], "unseen": 1 }));
    let body = named("临港精密机械集团有限公司", json!({}));
    let refused = rep.post("/v1/customers?on_duplicate=reject", &body).problem(409, "likely_duplicate");
    assert_eq!((&refused["existing_id"], &refused["duplicates"][0]["score"]), (&first["id"], &json!(88)));
    let refused = other.post("/v1/customers?on_duplicate=reject", &body).problem(409, "likely_duplicate");
    assert_eq!((&refused["existing_id"], &refused["unseen"]), (&Value::Null, &json!(1)));
    // Unless told so it is created, and the pair noted for who had it first.
    let second = other.create("/v1/customers", &body);
    assert_eq!(other.get("/v1/duplicates").ok()["data"], json!([]), "one sees pairs of which one sees both");
    let pairs =
        admin.get(&format!("/v1/duplicates?state=open&customer_id={}", second["id"].as_str().unwrap())).ok();
    let pair = &pairs["data"][0];
    assert_eq!(
        (&pair["first"]["id"], &pair["second"]["id"], &pair["score"], &pair["origin"], &pair["assignee_id"]),
        (&first["id"], &second["id"], &json!(88), &json!("entry"), &first["owner_id"])
    );
    // A decision stays.
    let at = format!("/v1/duplicates/{}", pair["id"].as_str().unwrap());
    admin.patch(&at, &json!({ "state": "merged" })).problem(422, "validation_failed");
    let dismissed = admin.patch(&at, &json!({ "state": "dismissed", "note": "两家子公司" })).ok();
    assert_eq!((&dismissed["state"], &dismissed["decided_by_type"]), (&json!("dismissed"), &json!("user")));
    admin.patch(&path(&second), &json!({ "name": "临港精密机械控股有限公司" })).ok();
    admin.patch(&path(&second), &json!({ "name": "临港精密机械公司" })).ok();
    assert_eq!(admin.get(&at).ok()["state"], "dismissed");
    // Names and numbers of contacts, and the same credit code.
    let code = json!({ "credit_code": "91330100799655058B" });
    let strict = rep.create("/v1/customers", &named("甲乙丙实业", code.clone()));
    let problem = rep.post("/v1/customers", &named("别的名字", code.clone())).problem(409, "already_exists");
    assert_eq!(problem["existing_id"], strict["id"]);
    assert_eq!(ask(&rep, code)["data"][0]["strict"], true);
    let contact =
        json!({ "customer_id": strict["id"], "name": "李伟", "phones": [{ "number": "13800138000" }] });
    rep.create("/v1/contacts", &contact);
    let found = ask(&rep, json!({ "phones": ["13800138000"] }));
    assert_eq!(found["data"][0]["reasons"], json!(["same_contact_phone"]));
    app.user("finance").post("/v1/customers/check-duplicates", &json!({})).problem(403, "permission_denied");
}

#[test]
fn the_whole_book_is_searched_for_duplicates() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let one =
        admin.create("/v1/customers", &named("南海电子科技有限公司", json!({ "phone": "13900139001" })));
    // As customers were before duplicates were looked for.
    let two = admin.create("/v1/customers", &named("别的", json!({})));
    database::execute(&app.url, "delete from duplicate_pairs");
    database::execute(
        &app.url,
        &format!("update customers set name = '南海電子科技' where id = '{}'", two["id"].as_str().unwrap()),
    );
    let operation = admin.post("/v1/duplicates/scan", &json!({})).expect(202);
    app.work();
    let done = admin.get(&format!("/v1/operations/{}", operation["id"].as_str().unwrap())).ok();
    assert_eq!(done["state"], "succeeded", "{done}");
    let id = one["id"].as_str().unwrap();
    let pairs = admin.get(&format!("/v1/duplicates?customer_id={id}&score_gte=80")).ok();
    assert_eq!(pairs["data"][0]["origin"], "scan", "{done}");
    assert_eq!(
        done["result"]["pairs_found"].as_i64().unwrap(),
        admin.all_ids("/v1/duplicates", 200).len() as i64
    );
    admin.post("/v1/duplicates/scan", &json!({})).expect(202);
    app.work();
    assert_eq!(
        admin.get(&format!("/v1/duplicates?customer_id={id}")).ok()["data"].as_array().unwrap().len(),
        1
    );
    app.user("rep.east").post("/v1/duplicates/scan", &json!({})).problem(403, "permission_denied");
    // What customers from before are compared by is written by a job.
    database::execute(&app.url, "delete from search_terms where field in (21, 22)");
    let check = json!({ "name": "南海电子科技" });
    assert_eq!(admin.post("/v1/customers/check-duplicates", &check).ok()["data"], json!([]));
    database::execute(
        &app.url,
        "insert into jobs (tenant_id, id, kind, state, priority, payload, unique_key, run_at, attempts, max_attempts, created_at, lane) \
         select id, gen_random_uuid(), 'customers.duplicate_terms', 'waiting', 2, '{}', 'all', '2020-01-01', 0, 12, now(), 0 from tenants",
    );
    app.work();
    assert!(
        !admin.post("/v1/customers/check-duplicates", &check).ok()["data"].as_array().unwrap().is_empty()
    );
}

/// How many rows of every table refer to a customer: by a foreign key, or as the subject of something.
fn rows_of(app: &TestApp, ids: [&Value; 2]) -> BTreeMap<String, i64> {
    let columns = database::texts(
        &app.url,
        "select conrelid::regclass::text || '|' || a.attname as text from pg_constraint c \
         join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[2] \
         where contype = 'f' and confrelid = 'customers'::regclass \
         union select 'file_links|subject_id' union select 'external_ids|subject_id' union select 'search_terms|subject_id'",
    );
    let ids = ids.map(|id| format!("'{}'", id.as_str().unwrap())).join(", ");
    columns
        .iter()
        .filter(|column| !column.starts_with("duplicate_pairs") && !column.starts_with("customer_merges"))
        .map(|column| {
            let (table, name) = column.split_once('|').unwrap();
            let count = format!("select count(*)::text as text from {table} where {name} in ({ids})");
            (column.clone(), database::texts(&app.url, &count)[0].parse().unwrap())
        })
        .collect()
}

#[test]
fn two_become_one_and_two_again_and_nothing_is_lost() {
    let app = TestApp::start();
    let admin = app.user("admin");
    admin.create(
        "/v1/custom-fields",
        &json!({ "object_type": "customer", "key": "region", "label": "大区", "kind": "text" }),
    );
    admin.create(
        "/v1/custom-fields",
        &json!({ "object_type": "customer", "key": "erp", "label": "ERP", "kind": "text", "unique": true }),
    );
    let stays = admin.create("/v1/customers", &named("临港精密机械有限公司", json!({
        "tags": ["老客户"], "phone": "021-58001234", "external_ids": [{ "system": "erp", "external_id": "S" }], "custom": { "region": "东" },
    })));
    let goes = admin.create("/v1/customers", &named("临港精密机械公司", json!({
        "tags": ["展会", "老客户"], "phone": "021-58005678", "credit_code": "91330100799655058B", "grade": "A", "notes": "大客户",
        "external_ids": [{ "system": "erp", "external_id": "L" }], "custom": { "region": "西", "erp": "K9" },
    })));
    let both = [&stays["id"], &goes["id"]];
    for (of, name) in [(&stays, "李伟"), (&goes, "王芳"), (&goes, "赵磊")] {
        admin.create("/v1/contacts", &json!({ "customer_id": of["id"], "name": name }));
        admin.create(
            "/v1/tasks",
            &json!({ "title": name, "subject_type": "customer", "subject_id": of["id"] }),
        );
    }
    let link = |of: &Value| json!({ "subject_type": "customer", "subject_id": of["id"] });
    for links in [vec![link(&goes)], vec![link(&stays)], vec![link(&goes), link(&stays)]] {
        admin.create(
            "/v1/activities",
            &json!({ "kind": "note", "subject": "n", "started_at": app.now(), "links": links }),
        );
    }
    let form = reqwest::blocking::multipart::Form::new()
        .text("subject_type", "customer")
        .text("subject_id", goes["id"].as_str().unwrap().to_owned())
        .part("file", reqwest::blocking::multipart::Part::text("x").file_name("a.txt"));
    crate::support::Reply::of(admin.request(reqwest::Method::POST, "/v1/files").multipart(form)).expect(201);
    let pair = admin.get("/v1/duplicates").ok()["data"][0].clone();
    let before = rows_of(&app, both);
    assert!(before.len() >= 7, "{before:?}");
    let contents = |of: &Value| admin.get(&path(of)).ok();
    let request = json!({ "merged_id": goes["id"], "fields": { "phone": "merged", "custom.region": "survivor" }, "note": "重复" });
    let merge =
        admin.with("if-match", "\"1\"").post(&format!("{}/merge", path(&stays)), &request).expect(201);
    assert_eq!(
        merge["moved"],
        json!({ "contact_count": 2, "activity_count": 2, "task_count": 2, "file_count": 1 })
    );
    let after = contents(&stays);
    assert_eq!(
        (
            &after["phone"],
            &after["grade"],
            &after["notes"],
            &after["credit_code"],
            &after["tags"],
            &after["custom"]
        ),
        (
            &json!("+862158005678"),
            &json!("A"),
            &json!("大客户"),
            &json!("91330100799655058B"),
            &json!(["老客户", "展会"]),
            &json!({ "region": "东", "erp": "K9" })
        )
    );
    // Rows are where they were, or with the one that stayed; of links that both had, one is left.
    let merged = rows_of(&app, both);
    for (table, count) in &before {
        let lost = i64::from(table == "activity_links|customer_id");
        if !table.starts_with("search_terms") {
            assert_eq!(merged[table], count - lost, "{table}");
        }
    }
    let old = contents(&goes);
    assert_eq!((&old["id"], &old["merged_into"], &old["name"]), (&stays["id"], &stays["id"], &stays["name"]));
    assert_eq!(after["merged_into"], Value::Null);
    let id = stays["id"].as_str().unwrap();
    for (list, count) in [("contacts", 3), ("tasks", 3), ("activities", 3)] {
        assert_eq!(admin.all_ids(&format!("/v1/{list}?customer_id={id}"), 50).len(), count, "{list}");
    }
    assert_eq!(admin.all_ids("/v1/customers?q=王芳", 50), [id], "found by who came over");
    assert_eq!(
        admin.put("/v1/customers/by-external-id/erp/L", &json!({ "vip": true })).expect(200)["id"],
        stays["id"]
    );
    let timeline = admin.get(&format!("{}/timeline?kind=change&limit=100", path(&stays))).ok();
    assert!(
        timeline["data"].as_array().unwrap().iter().any(|entry| {
            entry["event"]["type"] == "customer.created" && entry["event"]["subject_id"] == goes["id"]
        }),
        "the history of the one that went"
    );
    assert_eq!(
        admin.get(&format!("/v1/duplicates/{}", pair["id"].as_str().unwrap())).ok()["state"],
        "merged"
    );
    admin.patch(&path(&goes), &json!({ "vip": true })).problem(409, "record_deleted");
    admin.post_nothing(&format!("{}/restore", path(&goes))).problem(409, "merged_already");
    admin.post(&format!("{}/merge", path(&stays)), &request).problem(409, "not_to_be_merged");
    // What people do since then stays.
    admin.patch(&path(&stays), &json!({ "grade": "B" })).ok();
    admin.create("/v1/contacts", &json!({ "customer_id": stays["id"], "name": "新来的" }));
    let undo = format!("/v1/customer-merges/{}/undo", merge["id"].as_str().unwrap());
    assert!(admin.post_nothing(&undo).ok()["undone_at"].is_string());
    let (now, back) = (contents(&stays), contents(&goes));
    assert_eq!(
        (
            &now["phone"],
            &now["grade"],
            &now["notes"],
            &now["credit_code"],
            &now["tags"],
            &now["custom"],
            &now["vip"]
        ),
        (
            &stays["phone"],
            &json!("B"),
            &Value::Null,
            &Value::Null,
            &json!(["老客户"]),
            &json!({ "region": "东" }),
            &json!(true)
        )
    );
    for name in [
        "name",
        "phone",
        "credit_code",
        "grade",
        "notes",
        "tags",
        "external_ids",
        "custom",
        "deleted_at",
        "merged_into",
    ] {
        assert_eq!(back[name], goes[name], "{name}");
    }
    let rows = rows_of(&app, both);
    for (table, count) in &before {
        let new = i64::from(table == "contacts|customer_id");
        if !table.starts_with("search_terms") {
            assert_eq!(rows[table], count + new, "{table}");
        }
    }
    let people = admin.get(&format!("/v1/contacts?customer_id={}", goes["id"].as_str().unwrap())).ok();
    let people: Vec<(&Value, &Value)> =
        people["data"].as_array().unwrap().iter().map(|row| (&row["name"], &row["is_primary"])).collect();
    assert!(people.contains(&(&json!("王芳"), &json!(true))) && people.len() == 2, "{people:?}");
    assert_eq!(admin.all_ids("/v1/customers?q=王芳", 50), [goes["id"].as_str().unwrap()]);
    assert_eq!(
        admin.put("/v1/customers/by-external-id/erp/L", &json!({ "vip": true })).expect(200)["id"],
        goes["id"]
    );
    assert_eq!(admin.get(&format!("/v1/duplicates/{}", pair["id"].as_str().unwrap())).ok()["state"], "open");
    admin.post_nothing(&undo).problem(409, "merge_undone");
    let types: Vec<String> = database::texts(
        &app.url,
        "select type as text from events where type in ('customer.merged', 'customer.unmerged', 'customer.restored') order by seq",
    );
    assert_eq!(types, ["customer.merged", "customer.restored", "customer.unmerged"]);
}

#[test]
fn merging_is_for_who_may_and_happens_once() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let rep = app.user("rep.east");
    let (one, two) =
        (admin.create("/v1/customers", &company("甲")), admin.create("/v1/customers", &company("乙")));
    let person = admin.create("/v1/customers", &json!({ "kind": "individual", "name": "王芳" }));
    let merge = |client: &Client, into: &Value, from: &Value| {
        client.post(&format!("{}/merge", path(into)), &json!({ "merged_id": from["id"] }))
    };
    merge(&rep, &one, &two).problem(403, "permission_denied");
    // Within the scope: a manager of the east doesn't see the customers of the administrator.
    merge(&app.user("manager"), &one, &two).problem(404, "not_found");
    merge(&admin, &one, &one).problem(422, "validation_failed");
    merge(&admin, &one, &person).problem(409, "not_to_be_merged");
    let wrong = json!({ "merged_id": two["id"], "fields": { "nickname": "merged", "custom.x": "merged" } });
    assert_eq!(
        admin.post(&format!("{}/merge", path(&one)), &wrong).problem(422, "validation_failed")["errors"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    admin
        .with("if-match", "\"9\"")
        .post(&format!("{}/merge", path(&one)), &json!({ "merged_id": two["id"] }))
        .problem(412, "version_mismatch");
    // Both ways at once: one of them happens.
    let ways = [(&one, &two), (&two, &one)];
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let statuses = at_once(6, || {
        let (into, from) = ways[turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % 2];
        merge(&admin, into, from).status
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    // One after the other: the oldest id answers with the last one.
    let three = admin.create("/v1/customers", &company("丙"));
    let merges = admin.get("/v1/customer-merges").ok()["data"].clone();
    let (survivor, gone) =
        (json!({ "id": merges[0]["survivor_id"] }), json!({ "id": merges[0]["merged_id"] }));
    merge(&admin, &three, &survivor).expect(201);
    assert_eq!(admin.get(&path(&gone)).ok()["id"], three["id"]);
    let first = format!("/v1/customer-merges/{}/undo", merges[0]["id"].as_str().unwrap());
    admin.post_nothing(&first).problem(409, "merge_undone");
    let last = admin.get("/v1/customer-merges?limit=1").ok()["data"][0]["id"].clone();
    admin.post_nothing(&format!("/v1/customer-merges/{}/undo", last.as_str().unwrap())).ok();
    admin.post_nothing(&first).ok();
    assert_eq!(admin.get(&path(&gone)).ok()["merged_into"], Value::Null);
}
