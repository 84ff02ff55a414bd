use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Reply, TestApp, company};

fn made(app: &TestApp, permissions: &[&str]) -> Value {
    let admin = app.user("admin");
    let me = admin.get("/v1/me").ok();
    admin.create(
        "/v1/api-clients",
        &json!({ "name": "ERP", "permissions": permissions, "department_id": me["department_id"] }),
    )
}

fn token(app: &TestApp, form: &[(&str, &str)]) -> Reply {
    let body = form.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let request = app.anonymous().request(Method::POST, "/v1/oauth/token");
    Reply::of(request.header("content-type", "application/x-www-form-urlencoded").body(body))
}

#[test]
fn a_program_gets_a_token_with_its_credentials() {
    let app = TestApp::start();
    let client = made(&app, &["customers.customers:read", "customers.customers:write"]);
    let (id, secret) =
        (client["client"]["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
    let grant = ("grant_type", "client_credentials");
    let answer = token(&app, &[grant, ("client_id", id), ("client_secret", secret)]).ok();
    assert_eq!(answer["scope"], "customers.customers:read customers.customers:write");
    let erp = app.with_token(answer["access_token"].as_str().unwrap());
    let customer = erp.create("/v1/customers", &company("来自 ERP"));
    assert_eq!(
        (&customer["owner_id"], &customer["department_id"]),
        (&json!(null), &client["client"]["department_id"])
    );
    assert_eq!(erp.get("/v1/me").ok()["principal_type"], "api_client");
    erp.get("/v1/contacts").problem(403, "permission_denied");
    erp.get("/v1/auth/sessions").problem(403, "not_for_clients");
    let narrow = token(
        &app,
        &[grant, ("client_id", id), ("client_secret", secret), ("scope", "customers.customers:read")],
    )
    .ok();
    let reader = app.with_token(narrow["access_token"].as_str().unwrap());
    reader.get("/v1/customers").ok();
    reader.post("/v1/customers", &company("x")).problem(403, "permission_denied");
    let basic = app.anonymous().request(Method::POST, "/v1/oauth/token").basic_auth(id, Some(secret));
    Reply::of(
        basic
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials"),
    )
    .ok();
    let events =
        app.user("admin").get(&format!("/v1/events?subject_id={}", customer["id"].as_str().unwrap())).ok();
    assert_eq!(events["data"][0]["actor_type"], "api_client");
}

#[test]
fn what_is_wrong_with_credentials_is_not_told() {
    let app = TestApp::start();
    let client = made(&app, &[]);
    let (id, secret) =
        (client["client"]["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
    let grant = ("grant_type", "client_credentials");
    token(&app, &[grant, ("client_id", id), ("client_secret", "fk_x")]).problem(401, "invalid_client");
    token(&app, &[grant, ("client_id", "x"), ("client_secret", secret)]).problem(401, "invalid_client");
    token(&app, &[("grant_type", "password"), ("client_id", id), ("client_secret", secret)])
        .problem(400, "invalid_grant");
    let admin = app.user("admin");
    let path = format!("/v1/api-clients/{}", client["client"]["id"].as_str().unwrap());
    let rotated = admin.post_nothing(&format!("{path}/rotate-secret")).ok();
    token(&app, &[grant, ("client_id", id), ("client_secret", secret)]).problem(401, "invalid_client");
    let secret = rotated["client_secret"].as_str().unwrap();
    token(&app, &[grant, ("client_id", id), ("client_secret", secret)]).ok();
    admin.patch(&path, &json!({ "disabled": true })).ok();
    token(&app, &[grant, ("client_id", id), ("client_secret", secret)]).problem(401, "invalid_client");
}

#[test]
fn an_api_key_works_until_it_ends() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let client = made(&app, &["customers.customers:read", "customers.contacts:read"]);
    let key = |extra: Value| {
        let mut body = json!({ "client_id": client["client"]["id"], "name": "夜间" });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        admin.post("/v1/api-keys", &body)
    };
    let made =
        key(json!({ "permissions": ["customers.customers:read"], "expires_at": "2027-03-01T03:00:00Z" }))
            .expect(201);
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with(made["key"]["prefix"].as_str().unwrap()));
    app.with_token(secret).get("/v1/customers").ok();
    app.anonymous().with("x-api-key", secret).get("/v1/customers").ok();
    app.with_token(secret).get("/v1/contacts").problem(403, "permission_denied");
    app.with_token(&format!("{}x", &secret[..secret.len() - 1]))
        .get("/v1/customers")
        .problem(401, "unauthenticated");
    let path = format!("/v1/api-keys/{}", made["key"]["id"].as_str().unwrap());
    assert_eq!(admin.get(&path).ok()["last_used_at"], "2027-03-01T02:00:00Z");
    app.clock.advance(TimeDelta::hours(1));
    app.with_token(secret).get("/v1/customers").problem(401, "unauthenticated");
    let admin = app.user("admin");
    let body = json!({ "client_id": client["client"]["id"], "name": "夜间" });
    let made = admin.create("/v1/api-keys", &body);
    let secret = made["secret"].as_str().unwrap();
    app.with_token(secret).get("/v1/contacts").ok();
    let path = format!("/v1/api-keys/{}", made["key"]["id"].as_str().unwrap());
    admin.delete(&path).expect(204);
    app.with_token(secret).get("/v1/contacts").problem(401, "unauthenticated");
    let past =
        json!({ "client_id": client["client"]["id"], "name": "x", "expires_at": "2020-01-01T00:00:00Z" });
    assert_eq!(
        admin.post("/v1/api-keys", &past).problem(422, "validation_failed")["errors"][0]["code"],
        "in_the_past"
    );
    let more =
        json!({ "client_id": client["client"]["id"], "name": "x", "permissions": ["platform.events:read"] });
    admin.post("/v1/api-keys", &more).problem(422, "validation_failed");
    let stored = crate::support::database::texts(
        &app.url,
        "select encode(secret_hash, 'base64') || prefix as text from api_keys",
    );
    assert!(stored.iter().all(|row| !row.contains(&secret[20..])));
}

#[test]
fn a_scope_that_the_client_does_not_have_is_refused_as_oauth_says() {
    let app = TestApp::start();
    let client = made(&app, &["customers.customers:read"]);
    let (id, secret) =
        (client["client"]["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
    let form = |scope| {
        [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret), ("scope", scope)]
    };
    for scope in ["nonsense", "customers.customers:write"] {
        assert_eq!(token(&app, &form(scope)).problem(400, "invalid_scope")["error"], "invalid_scope");
    }
    let wrong = [
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_secret", "x"),
        ("audience", "ignored"),
    ];
    assert_eq!(token(&app, &wrong).problem(401, "invalid_client")["error"], "invalid_client");
}

#[test]
fn a_deleted_program_gets_no_keys_and_a_stranger_cannot_revoke_them() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let client = made(&app, &["customers.customers:read"]);
    let path = format!("/v1/api-clients/{}", client["client"]["id"].as_str().unwrap());
    admin.delete(&path).expect(204);
    admin
        .post("/v1/api-keys", &json!({ "client_id": client["client"]["id"], "name": "x" }))
        .problem(422, "validation_failed");
    admin.post_nothing(&format!("{path}/rotate-secret")).problem(409, "record_deleted");
}
