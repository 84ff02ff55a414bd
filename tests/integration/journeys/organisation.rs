use serde_json::{Value, json};

use super::customers::at_once;
use crate::support::{Client, TestApp, codes};

fn role(admin: &Client, key: &str) -> Value {
    let roles = admin.get("/v1/roles?limit=200").ok();
    roles["data"].as_array().unwrap().iter().find(|role| role["key"] == key).expect("a role").clone()
}

fn department(admin: &Client, name: &str) -> Value {
    let all = admin.get("/v1/departments?limit=200").ok();
    all["data"].as_array().unwrap().iter().find(|row| row["name"] == name).expect("a department").clone()
}

fn path(collection: &str, record: &Value) -> String {
    format!("/v1/{collection}/{}", record["id"].as_str().expect("an id"))
}

#[test]
fn the_department_tree_can_grow_and_move_and_stays_a_tree() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let sales = department(&admin, "销售部");
    let east = department(&admin, "华东区");
    assert_eq!(east["parent_id"], sales["id"]);
    assert_eq!(east["path"], json!([sales["id"], east["id"]]));
    let city = admin.create("/v1/departments", &json!({ "name": "杭州组", "parent_id": east["id"] }));
    assert_eq!(city["path"].as_array().unwrap().len(), 3);
    let taken = json!({ "name": "杭州组", "parent_id": east["id"] });
    admin.post("/v1/departments", &taken).problem(409, "already_exists");
    let circle = admin.patch(&path("departments", &sales), &json!({ "parent_id": city["id"] }));
    assert_eq!(codes(&circle.problem(422, "validation_failed")), [("/parent_id".into(), "circle".into())]);
    admin.patch(&path("departments", &east), &json!({ "parent_id": null })).ok();
    assert_eq!(admin.get(&path("departments", &city)).ok()["path"], json!([east["id"], city["id"]]));
    admin.delete(&path("departments", &east)).problem(409, "in_use");
    admin.delete(&path("departments", &city)).expect(204);
    admin.post_nothing(&format!("{}/restore", path("departments", &city))).ok();
    // The manager of sales doesn't see the east any more.
    let manager = app.user("manager");
    assert!(manager.all_ids("/v1/customers", 200).len() < crate::support::database::CUSTOMERS);
}

#[test]
fn moves_at_once_make_no_circle() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let one = admin.create("/v1/departments", &json!({ "name": "一" }));
    let two = admin.create("/v1/departments", &json!({ "name": "二" }));
    let turn = std::sync::atomic::AtomicU32::new(0);
    let statuses = at_once(6, || {
        let (low, high) = if turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed).is_multiple_of(2) {
            (&one, &two)
        } else {
            (&two, &one)
        };
        admin.patch(&path("departments", low), &json!({ "parent_id": high["id"] })).status
    });
    assert!(statuses.iter().all(|status| [200, 422].contains(status)), "{statuses:?}");
    let parents = [&one, &two].map(|row| admin.get(&path("departments", row)).ok()["parent_id"].is_string());
    assert_ne!(parents, [true, true]);
}

#[test]
fn a_tree_has_a_depth() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let mut parent = json!(null);
    for level in 1..=12 {
        parent = admin
            .create("/v1/departments", &json!({ "name": format!("级{level}"), "parent_id": parent }))["id"]
            .clone();
    }
    let deeper = admin.post("/v1/departments", &json!({ "name": "太深", "parent_id": parent }));
    assert_eq!(codes(&deeper.problem(422, "validation_failed")), [("/parent_id".into(), "too_deep".into())]);
}

#[test]
fn users_can_be_made_and_sign_in() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let body = json!({
        "email": "New.Rep@demo.test", "name": "新人", "department_id": department(&admin, "华东区")["id"],
        "role_id": role(&admin, "sales_rep")["id"], "password": "quite a good one",
    });
    let user = admin.create("/v1/users", &body);
    assert_eq!((&user["email"], user.get("password")), (&json!("new.rep@demo.test"), None));
    app.login("demo", "new.rep@demo.test", "quite a good one").ok();
    assert_eq!(admin.post("/v1/users", &body).problem(409, "already_exists")["existing_id"], user["id"]);
    let wrong = json!({ "email": "x", "name": "", "department_id": user["id"], "role_id": user["id"], "time_zone": "Mars/Base", "password": "short" });
    let found = codes(&admin.post("/v1/users", &wrong).problem(422, "validation_failed"));
    let pointers: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(pointers, ["/email", "/name", "/password", "/time_zone"]);
    admin.delete(&path("users", &user)).expect(204);
    app.login("demo", "new.rep@demo.test", "quite a good one").problem(401, "invalid_credentials");
    admin.post_nothing(&format!("{}/restore", path("users", &user))).ok();
    app.login("demo", "new.rep@demo.test", "quite a good one").ok();
    let east = app.user("rep.east").get("/v1/me").ok();
    admin.delete(&path("users", &east)).problem(409, "in_use");
}

#[test]
fn roles_are_data() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let body = json!({ "key": "key_account", "name": "大客户", "permissions": ["customers.customers:read"], "data_scope": "department" });
    let made = admin.create("/v1/roles", &body);
    admin.post("/v1/roles", &body).problem(409, "already_exists");
    let patched = admin.patch(&path("roles", &made), &json!({ "data_scope": "tenant" })).ok();
    assert_eq!(patched["data_scope"], "tenant");
    let unknown = admin
        .patch(&path("roles", &made), &json!({ "permissions": ["fly:away"] }))
        .problem(422, "validation_failed");
    assert_eq!(codes(&unknown), [("/permissions/0".into(), "not_allowed".into())]);
    admin.delete(&path("roles", &made)).expect(204);
    let built_in = role(&admin, "finance");
    admin.delete(&path("roles", &built_in)).problem(409, "built_in");
    admin.patch(&path("roles", &built_in), &json!({ "key": "money" })).problem(409, "built_in");
    admin.patch(&path("roles", &built_in), &json!({ "name": "财务与审计" })).ok();
    admin.delete(&path("roles", &role(&admin, "sales_rep"))).problem(409, "built_in");
}

#[test]
fn nobody_gives_more_than_they_have() {
    let app = TestApp::start();
    let admin = app.user("admin");
    // Somebody who may manage people and roles in one department, and nothing else.
    let clerk = json!({
        "key": "clerk", "name": "人事", "data_scope": "department",
        "permissions": ["access.users:read", "access.users:write", "access.roles:read", "access.roles:write", "access.departments:read",
            "access.departments:write", "access.api_clients:read", "access.api_clients:write"],
    });
    let clerk_role = admin.create("/v1/roles", &clerk);
    let east = department(&admin, "华东区");
    let person = json!({ "email": "clerk@demo.test", "name": "人事", "department_id": east["id"], "role_id": clerk_role["id"], "password": "quite a good one" });
    let person = admin.create("/v1/users", &person);
    let tokens = app.login("demo", "clerk@demo.test", "quite a good one").ok();
    let clerk = app.with_token(tokens["access_token"].as_str().unwrap());

    let admin_role = role(&admin, "admin");
    clerk
        .patch(&path("users", &person), &json!({ "role_id": admin_role["id"] }))
        .problem(403, "would_escalate");
    clerk
        .patch(&path("roles", &clerk_role), &json!({ "data_scope": "tenant" }))
        .problem(403, "would_escalate");
    clerk
        .patch(&path("roles", &clerk_role), &json!({ "permissions": ["customers.customers:read"] }))
        .problem(403, "would_escalate");
    clerk.patch(&path("roles", &admin_role), &json!({ "permissions": [] })).problem(403, "would_escalate");
    let role_body =
        json!({ "key": "x", "name": "x", "permissions": ["platform.events:read"], "data_scope": "own" });
    clerk.post("/v1/roles", &role_body).problem(403, "would_escalate");
    let client =
        json!({ "name": "x", "permissions": [], "data_scope": "tenant", "department_id": east["id"] });
    clerk.post("/v1/api-clients", &client).problem(403, "would_escalate");
    clerk.post("/v1/departments", &json!({ "name": "x" })).problem(403, "would_escalate");
    let finance = department(&admin, "财务部");
    let moved = clerk.patch(&path("users", &person), &json!({ "department_id": finance["id"] }));
    assert_eq!(
        codes(&moved.problem(422, "validation_failed")),
        [("/department_id".into(), "not_found".into())]
    );
    let me = admin.get("/v1/me").ok();
    clerk.patch(&path("users", &me), &json!({ "disabled": true })).problem(404, "not_found");
    let rep = app.user("rep.east").get("/v1/me").ok();
    // In their department, but with a role that has what they don't.
    clerk
        .patch(&path("users", &rep), &json!({ "password": "taking it over" }))
        .problem(403, "would_escalate");
}

#[test]
fn somebody_stays_who_can_manage_users() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let me = admin.get("/v1/me").ok();
    let own = path("users", &me);
    admin.patch(&own, &json!({ "disabled": true })).problem(409, "last_administrator");
    admin
        .patch(&own, &json!({ "role_id": role(&admin, "finance")["id"] }))
        .problem(409, "last_administrator");
    let admin_role = path("roles", &role(&admin, "admin"));
    // The role itself keeps everything.
    admin.patch(&admin_role, &json!({ "permissions": ["access.users:read"] })).problem(409, "built_in");
    admin.patch(&admin_role, &json!({ "data_scope": "own" })).problem(409, "built_in");
}

#[test]
fn a_decision_explains_itself() {
    let app = TestApp::start();
    let (admin, east) = (app.user("admin"), app.user("rep.east"));
    let north = app.user("rep.north");
    let theirs = north.get("/v1/customers?limit=1").ok()["data"][0]["id"].as_str().unwrap().to_owned();
    let rep = east.get("/v1/me").ok()["id"].as_str().unwrap().to_owned();
    let ask = |permission: &str, record: &str| {
        admin.get(&format!("/v1/access/explain?user_id={rep}&permission={permission}&record_type=customer&record_id={record}")).ok()
    };
    let outside = ask("customers.customers:read", &theirs);
    assert_eq!(outside["allowed"], false);
    let checks: Vec<_> = outside["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| (check["check"].as_str().unwrap(), check["passed"].as_bool().unwrap()))
        .collect();
    assert_eq!(checks, [("account", true), ("permission", true), ("data_scope", false)]);
    let own = east.get("/v1/customers?limit=1").ok()["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(ask("customers.customers:read", &own)["allowed"], true);
    assert_eq!(ask("customers.customers:delete", &own)["allowed"], false);
    assert_eq!(east.get("/v1/access/explain?permission=customers.customers:write").ok()["allowed"], true);
    east.get(&format!(
        "/v1/access/explain?permission=customers.customers:read&record_type=customer&record_id={theirs}"
    ))
    .problem(404, "not_found");
    admin
        .get("/v1/access/explain?permission=customers.customers:read&record_type=customer")
        .problem(400, "invalid_parameters");
}

/// A second administrator of the company `demo`, signed in, and their record.
fn second_administrator(app: &TestApp, admin: &Client, email: &str) -> (Client, Value) {
    let me = admin.get("/v1/me").ok();
    let body = json!({
        "email": email, "name": "副管理员", "department_id": me["department_id"], "role_id": me["role_id"],
        "password": "quite a good one",
    });
    let user = admin.create("/v1/users", &body);
    let tokens = app.login("demo", email, "quite a good one").ok();
    (app.with_token(tokens["access_token"].as_str().unwrap()), user)
}

#[test]
fn who_was_disabled_demoted_or_deleted_cannot_undo_it_with_an_old_token() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let (second, record) = second_administrator(&app, &admin, "second@demo.test");
    let own = path("users", &record);
    admin.patch(&own, &json!({ "disabled": true })).ok();
    second.patch(&own, &json!({ "disabled": false })).problem(401, "unauthenticated");
    second
        .post("/v1/roles", &json!({ "key": "x", "name": "x", "permissions": [], "data_scope": "own" }))
        .problem(401, "unauthenticated");
    admin.patch(&own, &json!({ "disabled": false, "role_id": role(&admin, "finance")["id"] })).ok();
    second.patch(&own, &json!({ "role_id": role(&admin, "admin")["id"] })).problem(403, "would_escalate");
    admin.delete(&own).expect(204);
    second.post_nothing(&format!("{own}/restore")).problem(401, "unauthenticated");
    let client = json!({ "name": "x", "permissions": [], "department_id": record["department_id"] });
    second.post("/v1/api-clients", &client).problem(401, "unauthenticated");
}

#[test]
fn two_administrators_cannot_remove_each_other_at_once() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let (second, record) = second_administrator(&app, &admin, "second@demo.test");
    let first = path("users", &admin.get("/v1/me").ok());
    let other = path("users", &record);
    let disable = json!({ "disabled": true });
    std::thread::scope(|scope| {
        let one = scope.spawn(|| admin.patch(&other, &disable).status);
        let two = scope.spawn(|| second.patch(&first, &disable).status);
        let statuses = [one.join().unwrap(), two.join().unwrap()];
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    });
}

#[test]
fn an_old_administrator_role_learns_new_permissions_when_the_program_starts() {
    let app = TestApp::start();
    crate::support::database::execute(
        &app.url,
        "update roles set permissions = '{access.users:read}' where key = 'admin'",
    );
    let all = [String::from("access.users:read"), String::from("access.users:write")];
    fulcrum_persistence::access::roles::complete_administrators(&app.url, &all)
        .expect("the roles are completed");
    let kept = crate::support::database::texts(
        &app.url,
        "select array_to_string(permissions, ' ') as text from roles where key = 'admin'",
    );
    assert!(kept.iter().all(|words| words == "access.users:read access.users:write"), "{kept:?}");
}

#[test]
fn a_new_password_does_not_undo_what_an_administrator_did_meanwhile() {
    let app = TestApp::start();
    let (admin, agent) = (app.user("admin"), app.user("agent"));
    let record = agent.get("/v1/me").ok();
    admin.patch(&path("users", &record), &json!({ "disabled": true })).ok();
    let change = json!({ "current_password": "fulcrum-demo", "new_password": "a much better one" });
    agent.post("/v1/auth/password", &change).problem(401, "unauthenticated");
    assert_eq!(admin.get(&path("users", &record)).ok()["disabled"], true);
    let own_name = json!({ "current_password": "fulcrum-demo", "new_password": "marketing-2026" });
    let refused =
        app.user("marketing").post("/v1/auth/password", &own_name).problem(422, "validation_failed");
    assert_eq!(codes(&refused), [("/new_password".into(), "weak_password".into())]);
}

#[test]
fn deleting_and_referring_at_once_leave_nobody_without_a_role() {
    let app = TestApp::start();
    let admin = app.user("admin");
    for round in 0..5 {
        let body = json!({ "key": format!("r{round}"), "name": "x", "permissions": [], "data_scope": "own" });
        let made = admin.create("/v1/roles", &body);
        let me = admin.get("/v1/me").ok();
        let user = json!({
            "email": format!("r{round}@demo.test"), "name": "x", "department_id": me["department_id"], "role_id": made["id"],
        });
        let (deleted, created) = std::thread::scope(|scope| {
            let deleted = scope.spawn(|| admin.delete(&path("roles", &made)).status);
            let created = scope.spawn(|| admin.post("/v1/users", &user).status);
            (deleted.join().unwrap(), created.join().unwrap())
        });
        assert!((deleted, created) != (204, 201), "round {round}");
        assert!([(204, 422), (409, 201)].contains(&(deleted, created)), "{deleted} {created}");
    }
}
