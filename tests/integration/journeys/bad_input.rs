use reqwest::Method;
use serde_json::json;

use crate::support::{Reply, TestApp, company};

#[test]
fn bodies_that_cannot_be_read_are_refused_with_the_reason() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let send = |kind: &str, body: Vec<u8>| {
        Reply::of(admin.request(Method::POST, "/v1/customers").header("content-type", kind).body(body))
    };
    for body in ["", "{", "{\"kind\":", "[1,", "nul", "{\"a\":1}}", "\u{feff}{}"] {
        send("application/json", body.into()).problem(400, "malformed_body");
    }
    send("application/json", vec![b'{', b'"', 0xff, 0xfe, b'"', b'}']).problem(400, "malformed_body");
    send("application/json", "[".repeat(100_000).into()).problem(400, "malformed_body");
    send("application/json", br#"{"kind":"company","name":"\ud800"}"#.to_vec())
        .problem(400, "malformed_body");
    for kind in [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/json; charset=gbk",
        "",
    ] {
        send(kind, company("x").to_string().into()).problem(415, "unsupported_media_type");
    }
    let huge = json!({ "kind": "company", "name": "x".repeat(2 * 1024 * 1024) });
    send("application/json", huge.to_string().into()).problem(413, "too_large");
    for body in ["1", "null", "[]", "\"x\""] {
        send("application/json", body.into()).problem(422, "validation_failed");
    }
}

#[test]
fn texts_that_cannot_be_stored_or_are_too_long_are_named() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let nul = admin.post(
        "/v1/customers",
        &json!({ "kind": "company", "name": "a\u{0}b", "address": { "city": "\u{0}" } }),
    );
    let found = crate::support::codes(&nul.problem(422, "validation_failed"));
    assert_eq!(
        found,
        [("/address/city".into(), "nul_character".into()), ("/name".into(), "nul_character".into())]
    );
    let long = admin.post("/v1/customers", &json!({ "kind": "company", "name": "名".repeat(201) }));
    assert_eq!(long.problem(422, "validation_failed")["errors"][0]["params"]["max"], 200);
    admin.create("/v1/customers", &json!({ "kind": "company", "name": "名".repeat(200) }));
    for number in ["1e400", "99999999999999999999", "1.5", "-0.5"] {
        let body = format!("{{\"kind\":\"company\",\"name\":\"x\",\"staff_count\":{number}}}");
        let request = admin
            .request(Method::POST, "/v1/customers")
            .header("content-type", "application/json")
            .body(body);
        let reply = Reply::of(request);
        assert!([400, 422].contains(&reply.status), "{number}: {}", reply.body);
    }
}

#[test]
fn unknown_ids_and_paths_and_methods() {
    let app = TestApp::start();
    let admin = app.user("admin");
    admin.get("/v1/customers/0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b").problem(404, "not_found");
    for id in ["x", "123", "..%2f..%2fetc", "0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8bb"] {
        admin.get(&format!("/v1/customers/{id}")).problem(404, "not_found");
    }
    admin.get("/v1/nothing").problem(404, "no_such_path");
    admin.get("/v2/customers").problem(404, "no_such_path");
    admin.get("/").problem(404, "no_such_path");
    let wrong = admin.request(Method::PUT, "/v1/customers");
    let wrong = Reply::of(wrong);
    assert_eq!(wrong.header("allow"), Some("GET, POST"));
    wrong.problem(405, "method_not_allowed");
    let wrong = admin.put("/v1/customers/batch", &company("x"));
    assert!(wrong.header("allow").is_some());
    wrong.problem(405, "method_not_allowed");
}

#[test]
fn headers_that_are_not_right() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = admin.create("/v1/customers", &company("x"));
    let path = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
    for etag in ["x", "\"x\"", "\"99999999999\"", ""] {
        admin.with("if-match", etag).patch(&path, &json!({})).problem(400, "invalid_header");
    }
    admin.with("if-match", "*").patch(&path, &json!({ "vip": true })).ok();
    admin.with("if-match", "\"7\", \"2\"").patch(&path, &json!({ "vip": false })).ok();
    for token in ["", "x", "a.b.c", "fk_", "fk_!!!!", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.x"] {
        app.with_token(token).get("/v1/me").problem(401, "unauthenticated");
    }
    // An id that could break a log line or a header is replaced.
    let strange = admin.with("x-request-id", "a b\tc").get("/v1/me");
    assert_ne!(strange.header("x-request-id"), Some("a b\tc"));
    assert_eq!(admin.with("x-request-id", "mine-1").get("/v1/me").header("x-request-id"), Some("mine-1"));
}

#[test]
fn permission_is_asked_before_the_body_is_looked_at() {
    let app = TestApp::start();
    let finance = app.user("finance");
    finance.post("/v1/customers", &json!({ "nonsense": true })).problem(403, "permission_denied");
    app.anonymous().post("/v1/customers", &json!({ "nonsense": true })).problem(401, "unauthenticated");
    let request =
        finance.request(Method::POST, "/v1/customers").header("content-type", "text/plain").body("{");
    Reply::of(request).problem(403, "permission_denied");
}
