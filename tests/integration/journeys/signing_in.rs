use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{Client, Reply, TestApp};

fn refresh(client: &Client, token: &Value) -> Reply {
    client.post("/v1/auth/refresh", &json!({ "refresh_token": token }))
}

#[test]
fn signing_in_tells_who_one_is() {
    let app = TestApp::start();
    let tokens = app.login("demo", "Rep.East@demo.test", "fulcrum-demo").ok();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(900)));
    let me = app.with_token(tokens["access_token"].as_str().unwrap()).get("/v1/me").ok();
    assert_eq!(me["email"], "rep.east@demo.test");
    assert_eq!((&me["data_scope"], &me["principal_type"]), (&json!("own"), &json!("user")));
    assert_eq!(me["tenant"]["currency"], "CNY");
    assert!(me["permissions"].as_array().unwrap().contains(&json!("customers.customers:read")));
}

#[test]
fn unknown_tenant_unknown_user_and_wrong_password_look_the_same() {
    let app = TestApp::start();
    let mut bodies = [
        app.login("nobody", "admin@demo.test", "fulcrum-demo"),
        app.login("demo", "nobody@demo.test", "fulcrum-demo"),
        app.login("demo", "admin@demo.test", "wrong"),
    ]
    .map(|reply| {
        assert!(reply.header("www-authenticate").is_some());
        reply.problem(401, "invalid_credentials")
    });
    for body in &mut bodies {
        body["request_id"] = json!("");
    }
    assert!(bodies[0] == bodies[1] && bodies[1] == bodies[2]);
}

#[test]
fn without_a_tenant_one_signs_in_only_where_there_is_one() {
    let app = TestApp::start();
    let body = json!({ "email": "admin@demo.test", "password": "fulcrum-demo" });
    app.anonymous().post("/v1/auth/login", &body).problem(401, "invalid_credentials");
}

#[test]
fn too_many_failures_close_the_door_for_a_while_also_to_the_right_password() {
    let app = TestApp::start();
    for _ in 0..5 {
        app.login("demo", "manager@demo.test", "wrong").problem(401, "invalid_credentials");
    }
    let closed = app.login("demo", "manager@demo.test", "fulcrum-demo");
    assert_eq!(closed.header("retry-after"), Some("300"));
    closed.problem(429, "too_many_failures");
    app.login("demo", "agent@demo.test", "fulcrum-demo").ok();
    app.clock.advance(TimeDelta::minutes(5) + TimeDelta::seconds(1));
    app.login("demo", "manager@demo.test", "fulcrum-demo").ok();
}

#[test]
fn success_forgets_the_failures() {
    let app = TestApp::start();
    for _ in 0..3 {
        for _ in 0..4 {
            app.login("demo", "manager@demo.test", "wrong").problem(401, "invalid_credentials");
        }
        app.login("demo", "manager@demo.test", "fulcrum-demo").ok();
    }
}

#[test]
fn an_access_token_lives_for_a_quarter_of_an_hour() {
    let app = TestApp::start();
    let admin = app.user("admin");
    app.clock.advance(TimeDelta::seconds(899));
    admin.get("/v1/me").ok();
    app.clock.advance(TimeDelta::seconds(1));
    admin.get("/v1/me").problem(401, "token_expired");
}

#[test]
fn a_refresh_token_rotates_and_a_retry_gets_the_same_successor() {
    let app = TestApp::start();
    let first = app.login("demo", "admin@demo.test", "fulcrum-demo").ok();
    let second = refresh(&app.anonymous(), &first["refresh_token"]).ok();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    app.clock.advance(TimeDelta::seconds(10));
    let again = refresh(&app.anonymous(), &first["refresh_token"]).ok();
    assert_eq!(again["refresh_token"], second["refresh_token"]);
    refresh(&app.anonymous(), &second["refresh_token"]).ok();
}

#[test]
fn a_stolen_refresh_token_ends_the_session() {
    let app = TestApp::start();
    let first = app.login("demo", "admin@demo.test", "fulcrum-demo").ok();
    let second = refresh(&app.anonymous(), &first["refresh_token"]).ok();
    app.clock.advance(TimeDelta::seconds(11));
    refresh(&app.anonymous(), &first["refresh_token"]).problem(401, "invalid_refresh_token");
    refresh(&app.anonymous(), &second["refresh_token"]).problem(401, "invalid_refresh_token");
    let events = app.user("admin").get("/v1/events?type=session.reuse_detected").ok();
    assert_eq!(events["data"].as_array().unwrap().len(), 1);
}

#[test]
fn a_token_from_two_rotations_ago_is_stolen_even_within_the_grace() {
    let app = TestApp::start();
    let first = app.login("demo", "admin@demo.test", "fulcrum-demo").ok();
    let second = refresh(&app.anonymous(), &first["refresh_token"]).ok();
    let third = refresh(&app.anonymous(), &second["refresh_token"]).ok();
    refresh(&app.anonymous(), &first["refresh_token"]).problem(401, "invalid_refresh_token");
    refresh(&app.anonymous(), &third["refresh_token"]).problem(401, "invalid_refresh_token");
}

#[test]
fn many_refreshes_at_once_agree_on_one_successor() {
    let app = TestApp::start();
    let first = app.login("demo", "admin@demo.test", "fulcrum-demo").ok();
    let successors: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    refresh(&app.anonymous(), &first["refresh_token"]).ok()["refresh_token"].to_string()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(successors.len(), 1);
}

#[test]
fn refresh_tokens_cannot_be_made_up() {
    let app = TestApp::start();
    let token = app.login("demo", "admin@demo.test", "fulcrum-demo").ok()["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut forged = token.clone().into_bytes();
    let last = forged.len() - 2;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    for wrong in [String::from_utf8(forged).unwrap(), "fr_".into(), "x".into(), format!("{token}AA")] {
        refresh(&app.anonymous(), &json!(wrong)).problem(401, "invalid_refresh_token");
    }
    refresh(&app.anonymous(), &json!(token)).ok();
}

#[test]
fn signing_out_ends_the_session_at_once_for_refresh() {
    let app = TestApp::start();
    let tokens = app.login("demo", "admin@demo.test", "fulcrum-demo").ok();
    let logout = json!({ "refresh_token": tokens["refresh_token"] });
    app.anonymous().post("/v1/auth/logout", &logout).expect(204);
    app.anonymous().post("/v1/auth/logout", &logout).expect(204);
    refresh(&app.anonymous(), &tokens["refresh_token"]).problem(401, "invalid_refresh_token");
}

#[test]
fn sessions_can_be_seen_and_ended_by_their_owner_alone() {
    let app = TestApp::start();
    let phone = app.login("demo", "agent@demo.test", "fulcrum-demo").ok();
    let agent = app.user("agent");
    let sessions = agent.get("/v1/auth/sessions").ok();
    let sessions = sessions["data"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|session| session["current"] == false).unwrap();
    let path = format!("/v1/auth/sessions/{}", other["id"].as_str().unwrap());
    app.user("admin").delete(&path).problem(404, "not_found");
    agent.delete(&path).expect(204);
    agent.delete(&path).problem(404, "not_found");
    refresh(&app.anonymous(), &phone["refresh_token"]).problem(401, "invalid_refresh_token");
}

#[test]
fn a_new_password_ends_the_other_sessions_and_the_old_password() {
    let app = TestApp::start();
    let phone = app.login("demo", "agent@demo.test", "fulcrum-demo").ok();
    let here = app.login("demo", "agent@demo.test", "fulcrum-demo").ok();
    let agent = app.with_token(here["access_token"].as_str().unwrap());
    let change = |current: &str, new: &str| {
        agent.post("/v1/auth/password", &json!({ "current_password": current, "new_password": new }))
    };
    assert_eq!(
        change("wrong", "a much better one").problem(422, "validation_failed")["errors"][0]["code"],
        "wrong_password"
    );
    assert_eq!(
        change("fulcrum-demo", "aaaaaaaaaaaa").problem(422, "validation_failed")["errors"][0]["code"],
        "weak_password"
    );
    assert_eq!(
        change("fulcrum-demo", "short").problem(422, "validation_failed")["errors"][0]["code"],
        "too_short"
    );
    change("fulcrum-demo", "a much better one").expect(204);
    refresh(&app.anonymous(), &phone["refresh_token"]).problem(401, "invalid_refresh_token");
    refresh(&app.anonymous(), &here["refresh_token"]).ok();
    app.login("demo", "agent@demo.test", "fulcrum-demo").problem(401, "invalid_credentials");
    app.login("demo", "agent@demo.test", "a much better one").ok();
}

#[test]
fn who_is_disabled_loses_refresh_at_once_and_the_rest_with_the_token() {
    let app = TestApp::start();
    let tokens = app.login("demo", "agent@demo.test", "fulcrum-demo").ok();
    let agent = app.with_token(tokens["access_token"].as_str().unwrap());
    let id = agent.get("/v1/me").ok()["id"].as_str().unwrap().to_owned();
    app.user("admin").patch(&format!("/v1/users/{id}"), &json!({ "disabled": true })).ok();
    refresh(&app.anonymous(), &tokens["refresh_token"]).problem(401, "invalid_refresh_token");
    app.login("demo", "agent@demo.test", "fulcrum-demo").problem(401, "invalid_credentials");
    app.clock.advance(TimeDelta::minutes(15));
    agent.get("/v1/customers").problem(401, "token_expired");
}

#[test]
fn a_new_role_counts_from_the_next_token_on() {
    let app = TestApp::start();
    let tokens = app.login("demo", "rep.east@demo.test", "fulcrum-demo").ok();
    let rep = app.with_token(tokens["access_token"].as_str().unwrap());
    let admin = app.user("admin");
    let role = |key: &str| {
        let roles = admin.get("/v1/roles").ok();
        roles["data"].as_array().unwrap().iter().find(|role| role["key"] == key).unwrap()["id"].clone()
    };
    let id = rep.get("/v1/me").ok()["id"].as_str().unwrap().to_owned();
    admin.patch(&format!("/v1/users/{id}"), &json!({ "role_id": role("marketing") })).ok();
    let tokens = refresh(&app.anonymous(), &tokens["refresh_token"]).ok();
    let marketing = app.with_token(tokens["access_token"].as_str().unwrap());
    assert_eq!(marketing.get("/v1/me").ok()["data_scope"], "tenant");
    marketing.post("/v1/customers", &crate::support::company("x")).problem(403, "permission_denied");
}

#[test]
fn the_public_key_is_published() {
    let app = TestApp::start();
    let keys = app.anonymous().get("/.well-known/jwks.json").ok();
    assert_eq!((&keys["keys"][0]["kty"], &keys["keys"][0]["alg"]), (&json!("OKP"), &json!("EdDSA")));
    assert_eq!(keys["keys"][0]["kid"], app.keys.key_id());
}

#[test]
fn many_guesses_at_once_are_no_more_than_one_after_the_other() {
    let app = TestApp::start();
    let statuses = super::customers::at_once(20, || app.login("demo", "manager@demo.test", "wrong").status);
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 5, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 15, "{statuses:?}");
}

#[test]
fn tokens_are_not_kept_by_caches_and_strangers_learn_nothing_from_the_costs() {
    let app = TestApp::start();
    let known = app.login("demo", "admin@demo.test", "wrong");
    let unknown = app.login("nobody", "admin@demo.test", "wrong");
    for answer in [&known, &unknown] {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("server-timing"), None);
    }
}
