use reqwest::Method;

use crate::support::{Options, Reply, TestApp};

#[test]
fn browsers_of_known_origins_may_call_and_read_what_they_need() {
    let app = TestApp::start();
    let preflight = app
        .anonymous()
        .with("origin", "https://crm.example")
        .with("access-control-request-method", "PATCH")
        .with("access-control-request-headers", "authorization,content-type,if-match,idempotency-key")
        .request(Method::OPTIONS, "/v1/customers")
        .send()
        .unwrap();
    assert_eq!(preflight.status(), 200);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "https://crm.example");
    let answer = app.user("admin").with("origin", "https://crm.example").get("/v1/me");
    let exposed = answer.header("access-control-expose-headers").unwrap().to_lowercase();
    for name in ["etag", "location", "retry-after", "ratelimit", "x-request-id", "deprecation", "sunset"] {
        assert!(exposed.contains(name), "{name}");
    }
    // Problems can be read by the frontend, too.
    let refused = app.anonymous().with("origin", "https://crm.example").get("/v1/me");
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://crm.example"));
    let stranger = app.user("admin").with("origin", "https://evil.example").get("/v1/me");
    assert_eq!(stranger.header("access-control-allow-origin"), None);
}

#[test]
fn answers_are_private_and_say_what_they_cost() {
    let app = TestApp::start();
    let answer = app.user("admin").get("/v1/customers?limit=1");
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.queries(), 1);
    assert!(answer.header("x-request-id").is_some());
}

#[test]
fn answers_are_compressed_for_who_asks() {
    let app = TestApp::start();
    for (accepted, coding) in
        [("gzip", "gzip"), ("br", "br"), ("gzip, deflate, br", "gzip"), ("br, gzip;q=0", "br")]
    {
        let request = app
            .user("admin")
            .with("accept-encoding", accepted)
            .request(Method::GET, "/v1/customers?limit=50");
        let response = request.send().unwrap();
        assert_eq!(response.headers()["content-encoding"], coding, "{accepted}");
    }
}

#[test]
fn each_caller_has_a_share() {
    let app = TestApp::with(Options {
        settings: |settings| settings.rate_limit_per_minute = 5,
        ..Options::default()
    });
    let (admin, manager) = (app.user("admin"), app.user("manager"));
    for left in (0..5).rev() {
        let answer = admin.get("/v1/me");
        assert_eq!(answer.header("ratelimit-policy"), Some("\"caller\";q=5;w=60"));
        assert!(answer.header("ratelimit").unwrap().starts_with(&format!("\"caller\";r={left};t=")));
        answer.ok();
    }
    let refused = admin.get("/v1/me");
    assert!(refused.header("retry-after").is_some());
    refused.problem(429, "rate_limited");
    manager.get("/v1/me").ok();
    admin.get("/health/live").ok();
}

#[test]
fn who_is_not_signed_in_has_a_share_by_address() {
    let app = TestApp::with(Options {
        settings: |settings| settings.anonymous_rate_limit_per_minute = 3,
        ..Options::default()
    });
    for _ in 0..3 {
        // Made-up credentials don't make a caller.
        app.with_token("made.up.token").get("/v1/me").problem(401, "unauthenticated");
    }
    app.anonymous().get("/v1/metadata/errors").problem(429, "rate_limited");
}

#[test]
fn the_documentation_is_served_from_here() {
    let app = TestApp::start();
    let document = app.anonymous().get("/openapi.json").ok();
    assert_eq!(document["openapi"], "3.1.0");
    let page = app.anonymous().request(Method::GET, "/docs/").send().unwrap();
    assert_eq!(page.status(), 200);
    let text = page.text().unwrap();
    assert!(text.contains("swagger-ui") && !text.contains("http://") && !text.contains("cdn"), "{text}");
    let script = app.anonymous().request(Method::GET, "/docs/swagger-ui-bundle.js").send().unwrap();
    assert_eq!(script.status(), 200);
    let moved = app.anonymous().request(Method::GET, "/docs").send().unwrap();
    assert_eq!((moved.status().as_u16(), &moved.headers()["location"]), (308, &"/docs/".parse().unwrap()));
    let schemes = &document["components"]["securitySchemes"];
    assert!(schemes["bearer"].is_object() && schemes["apiKey"].is_object() && schemes["oauth"].is_object());
}

#[test]
fn health_and_codes_are_for_everybody() {
    let app = TestApp::start();
    assert_eq!(app.anonymous().get("/health/live").ok()["status"], "ok");
    assert_eq!(app.anonymous().get("/health/ready").ok()["status"], "ok");
    let catalog = app.anonymous().get("/v1/metadata/errors").ok();
    let codes: Vec<_> =
        catalog["problems"].as_array().unwrap().iter().map(|entry| entry["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"version_mismatch") && codes.contains(&"rate_limited"));
    assert!(catalog["fields"].as_array().unwrap().len() > 20);
}

#[test]
fn the_account_language_is_used_where_none_is_asked_for() {
    let app = TestApp::start();
    let admin = app.user("admin");
    assert_eq!(admin.get("/v1/customers?limit=0").problem(400, "invalid_parameters")["title"], "参数有误");
    let english =
        Reply::of(admin.with("accept-language", "fr,en;q=0.5").request(Method::GET, "/v1/customers?limit=0"));
    assert_eq!(english.body["title"], "Some parameters are not right");
}

#[test]
fn made_up_keys_are_no_way_around_the_share_of_an_address() {
    use base64::Engine;
    let app = TestApp::with(Options {
        settings: |settings| settings.anonymous_rate_limit_per_minute = 4,
        ..Options::default()
    });
    let key = |index: u8| format!("fk_{}", base64::prelude::BASE64_URL_SAFE_NO_PAD.encode([index; 56]));
    let statuses: Vec<_> = (0..6).map(|index| app.with_token(&key(index)).get("/v1/me").status).collect();
    assert!(statuses.contains(&401) && statuses.ends_with(&[429, 429]), "{statuses:?}");
}
