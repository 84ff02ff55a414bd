//! The inbox: what one is told, what one wants to be told, and that nobody else sees it.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use fulcrum_api::platform::notifications::{NewNotification, Notified, notify};
use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_domain::platform::notifications::{Content, TaskFacts};
use serde_json::{Value, json};
use uuid::Uuid;

use super::streams::Stream;
use crate::support::receiver::{Manner, Receiver};
use crate::support::{Client, TestApp, codes, company, database};

/// Somebody's id.
pub(super) fn id_of(client: &Client) -> Uuid {
    client.get("/v1/me").ok()["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}

/// A task that somebody was to have done.
pub(super) fn overdue(title: &str) -> Content {
    Content::TaskOverdue(TaskFacts {
        title: title.into(),
        due_at: Some("2027-03-01T01:00:00Z".parse().expect("an instant")),
        assignee_name: None,
        customer_name: None,
    })
}

/// A task that somebody was given.
pub(super) fn assigned(title: &str) -> Content {
    Content::TaskAssigned(TaskFacts {
        title: title.into(),
        due_at: None,
        assignee_name: None,
        customer_name: None,
    })
}

/// Tells somebody of the company `demo` something new.
pub(super) fn tell(app: &TestApp, user_id: Uuid, content: Content) -> Notified {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let key = format!("test/{}", NEXT.fetch_add(1, Ordering::Relaxed));
    tell_once(app, user_id, content, &key)
}

fn tell_once(app: &TestApp, user_id: Uuid, content: Content, key: &str) -> Notified {
    app.write(|tx| {
        let (content, key) = (content.clone(), key.to_owned());
        notify(tx, &NewNotification { user_id, content, key, subject: None, customer_id: None })
    })
}

/// The id of what somebody was told.
#[track_caller]
pub(super) fn told(notified: Notified) -> Uuid {
    match notified {
        Notified::Told(id) => id,
        other => panic!("{other:?}"),
    }
}

fn titles(page: &Value) -> Vec<&str> {
    page["data"].as_array().expect("rows").iter().filter_map(|row| row["title"].as_str()).collect()
}

#[test]
fn the_inbox_is_read_and_counted() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let id = id_of(&rep);
    let mut ids = Vec::new();
    for content in [overdue("甲"), overdue("乙"), assigned("丙")] {
        ids.push(told(tell(&app, id, content)));
        app.clock.advance(TimeDelta::seconds(1));
    }
    let inbox = rep.with("accept-language", "zh-CN").get("/v1/notifications").ok();
    assert_eq!(titles(&inbox), ["新任务：丙", "任务已逾期：乙", "任务已逾期：甲"]);
    let english = rep.with("accept-language", "en").get(&format!("/v1/notifications/{}", ids[0])).ok();
    // In the reader's time zone.
    assert_eq!(
        (&english["title"], &english["body"]),
        (&json!("Overdue: 甲"), &json!("It was due on 1 Mar 2027, 09:00."))
    );
    assert_eq!(
        (&english["kind"], &english["data"]["title"], &english["mail"], &english["read_at"]),
        (&json!("task_overdue"), &json!("甲"), &json!("none"), &json!(null))
    );
    let summary = || rep.get("/v1/notifications/summary").ok();
    assert_eq!(
        summary(),
        json!({ "unread": 3, "by_kind": [
            { "kind": "task_assigned", "unread": 1 }, { "kind": "task_overdue", "unread": 2 } ] })
    );
    assert_eq!(rep.get("/v1/notifications/summary").queries(), 1);
    let read = rep.post_nothing(&format!("/v1/notifications/{}/read", ids[0])).ok();
    assert_eq!(read["read_at"], json!(app.now()));
    app.clock.advance(TimeDelta::seconds(1));
    let again = rep.post_nothing(&format!("/v1/notifications/{}/read", ids[0])).ok();
    assert_eq!(again["read_at"], read["read_at"], "it stays as it was read first");
    assert_eq!(summary()["unread"], 2);
    assert_eq!(rep.all_ids("/v1/notifications?unread=true", 1).len(), 2);
    assert_eq!(rep.all_ids("/v1/notifications?unread=false", 1), [ids[0].to_string()]);
    assert_eq!(rep.all_ids("/v1/notifications?kind=task_overdue", 1).len(), 2);
    assert_eq!(rep.all_ids("/v1/notifications", 2).len(), 3);
    rep.post_nothing(&format!("/v1/notifications/{}/unread", ids[0])).ok();
    assert_eq!(summary()["unread"], 3);
    let second = rep.get(&format!("/v1/notifications/{}", ids[1])).ok()["created_at"].clone();
    let left = rep.post("/v1/notifications/read-all", &json!({ "before": second })).ok();
    assert_eq!(left, json!({ "unread": 1, "by_kind": [{ "kind": "task_assigned", "unread": 1 }] }));
    assert_eq!(rep.post("/v1/notifications/read-all", &json!({})).ok()["unread"], 0);
    rep.post("/v1/notifications/read-all", &json!({ "until": 1 })).problem(422, "validation_failed");
    rep.get("/v1/notifications?kind=weather").problem(400, "invalid_parameters");
}

#[test]
fn what_one_is_told_is_nobody_elses() {
    let app = TestApp::start();
    let (rep, admin, stranger) = (app.user("rep.east"), app.user("admin"), app.user_of("other", "admin"));
    let id = told(tell(&app, id_of(&rep), overdue("甲")));
    for other in [&admin, &stranger, &app.user("manager")] {
        for action in ["", "/read", "/unread"] {
            let path = format!("/v1/notifications/{id}{action}");
            let reply = if action.is_empty() { other.get(&path) } else { other.post_nothing(&path) };
            reply.problem(404, "not_found");
        }
        assert_eq!(other.get("/v1/notifications").ok()["data"], json!([]));
        assert_eq!(other.post("/v1/notifications/read-all", &json!({})).ok()["unread"], 0);
    }
    assert_eq!(rep.get("/v1/notifications/summary").ok()["unread"], 1);
    // A program has no inbox.
    let me = admin.get("/v1/me").ok();
    let new = json!({ "name": "erp", "permissions": [], "department_id": me["department_id"] });
    let client = admin.create("/v1/api-clients", &new)["client"]["id"].clone();
    let key = admin.create("/v1/api-keys", &json!({ "client_id": client, "name": "erp" }));
    let program = app.with_token(key["secret"].as_str().expect("a secret"));
    for path in ["/v1/notifications", "/v1/notifications/summary", "/v1/notification-preferences"] {
        program.get(path).problem(403, "not_for_clients");
    }
}

#[test]
fn a_full_inbox_is_read_at_once() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    told(tell(&app, id_of(&rep), overdue("甲")));
    database::execute(
        &app.url,
        "insert into notifications (tenant_id, id, user_id, kind, key, data, in_app, mail_state, created_at) \
         select tenant_id, gen_random_uuid(), user_id, kind, 'more/' || i, data, true, 'none', created_at \
         from notifications, generate_series(1, 2500) i",
    );
    assert_eq!(rep.get("/v1/notifications/summary").ok()["unread"], 2501);
    assert_eq!(rep.all_ids("/v1/notifications", 200).len(), 2501, "also those of the same instant");
    assert_eq!(rep.post("/v1/notifications/read-all", &json!({})).ok()["unread"], 0);
    let told = "select count(distinct subject_id)::text as text from events where type = 'notification.read'";
    assert_eq!(database::texts(&app.url, told), ["2501"]);
}

#[test]
fn the_same_is_told_once_also_by_many_at_once() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let id = id_of(&rep);
    let system = app.system("demo");
    let outcomes = super::customers::at_once(8, || {
        app.db
            .write_now(&system, |tx| {
                let new = NewNotification {
                    user_id: id,
                    content: overdue("甲"),
                    key: "task_overdue/1".into(),
                    subject: None,
                    customer_id: None,
                };
                notify(tx, &new)
            })
            .expect("a transaction")
    });
    let fresh = outcomes.iter().filter(|outcome| matches!(outcome, Notified::Told(_))).count();
    assert_eq!((fresh, outcomes.len()), (1, 8), "{outcomes:?}");
    assert_eq!(rep.all_ids("/v1/notifications", 50).len(), 1);
    let events = app.user("admin").get("/v1/events?type=notification.created").ok();
    assert_eq!(events["data"].as_array().map(Vec::len), Some(1));
}

#[test]
fn who_is_disabled_is_told_nothing() {
    let app = TestApp::start();
    let (admin, rep) = (app.user("admin"), app.user("rep.east"));
    let id = id_of(&rep);
    admin.patch(&format!("/v1/users/{id}"), &json!({ "disabled": true })).ok();
    assert_eq!(tell(&app, id, overdue("甲")), Notified::NobodyThere);
    assert_eq!(tell(&app, Uuid::now_v7(), overdue("甲")), Notified::NobodyThere);
    let stranger = id_of(&app.user_of("other", "admin"));
    assert_eq!(tell(&app, stranger, overdue("甲")), Notified::NobodyThere, "of another company");
}

#[test]
fn everybody_says_what_they_want_to_hear() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let path = "/v1/notification-preferences";
    let usual = rep.get(path);
    assert_eq!(usual.header("etag"), Some("\"1\""));
    let usual = usual.ok();
    assert_eq!(
        usual["kinds"]["task_assigned"],
        json!({ "in_app": true, "mail": "digest", "webhook": false })
    );
    assert_eq!(usual["kinds"]["task_overdue"]["mail"], "now");
    assert_eq!(usual["kinds"]["automation_message"]["mail"], "off");
    assert_eq!((&usual["digest_hour"], &usual["time_zone"]), (&json!(8), &json!("Asia/Shanghai")));
    let wish = json!({ "kinds": { "task_overdue": { "in_app": false, "mail": "off" } }, "digest_hour": 18 });
    rep.with("if-match", "\"2\"").patch(path, &wish).problem(412, "version_mismatch");
    let changed = rep.with("if-match", "\"1\"").patch(path, &wish);
    assert_eq!(changed.header("etag"), Some("\"2\""));
    let changed = changed.ok();
    assert_eq!(changed["kinds"]["task_overdue"], json!({ "in_app": false, "mail": "off", "webhook": false }));
    assert_eq!((&changed["digest_hour"], &changed["version"]), (&json!(18), &json!(2)));
    assert_eq!(rep.with("if-none-match", "\"2\"").get(path).status, 304);
    assert_eq!(tell(&app, id_of(&rep), overdue("甲")), Notified::NotWanted);
    assert_eq!(app.user("rep.north").get(path).ok()["kinds"]["task_overdue"]["in_app"], true);
    // Null makes it as usual again; what isn't named stays.
    let back = rep.patch(path, &json!({ "kinds": { "task_overdue": { "in_app": null } } })).ok();
    assert_eq!(back["kinds"]["task_overdue"], json!({ "in_app": true, "mail": "off", "webhook": false }));
    assert_eq!(rep.patch(path, &json!({ "digest_hour": 18 })).ok()["version"], 3, "nothing changed");
    let again = rep.patch(path, &json!({ "kinds": null, "digest_hour": null })).ok();
    assert_eq!((&again["kinds"], &again["digest_hour"]), (&usual["kinds"], &json!(8)));
    for (patch, pointer, code) in [
        (json!({ "digest_hour": 24 }), "/digest_hour", "too_large"),
        (json!({ "digest_hour": -1 }), "/digest_hour", "too_small"),
        (json!({ "digest_hour": "8" }), "/digest_hour", "type"),
        (json!({ "kinds": { "weather": { "mail": "now" } } }), "/kinds/weather", "unknown_field"),
        (json!({ "kinds": { "task_overdue": { "sms": true } } }), "/kinds/task_overdue/sms", "unknown_field"),
        (
            json!({ "kinds": { "task_overdue": { "mail": "weekly" } } }),
            "/kinds/task_overdue/mail",
            "not_allowed",
        ),
        (json!({ "colour": null }), "/colour", "unknown_field"),
    ] {
        let problem = rep.patch(path, &patch).problem(422, "validation_failed");
        assert_eq!(codes(&problem), [(pointer.to_owned(), code.to_owned())], "{patch}");
    }
    let events = app.user("admin").get("/v1/events?type=notification_preference.updated").ok();
    assert_eq!(events["data"].as_array().map(Vec::len), Some(3));
}

#[test]
fn the_feed_and_its_streams_tell_everybody_their_own() {
    let app = TestApp::start();
    let (rep, admin) = (app.user("rep.east"), app.user("admin"));
    app.settle();
    let cursor = |client: &Client| client.get("/v1/changes").ok()["next_cursor"].as_str().unwrap().to_owned();
    let (of_rep, of_admin) = (cursor(&rep), cursor(&admin));
    let mut stream = Stream::open(&rep, "?types=notification");
    stream.expect("ready");
    let id = told(tell(&app, id_of(&rep), overdue("甲")));
    let seen = stream.expect("upsert").data;
    assert_eq!(
        (&seen["type"], &seen["id"], &seen["customer_id"], &seen["record"]["title"]),
        (&json!("notification"), &json!(id), &json!(null), &json!("任务已逾期：甲"))
    );
    rep.post_nothing(&format!("/v1/notifications/{id}/read")).ok();
    assert_eq!(stream.expect("upsert").data["record"]["read_at"], json!(app.now()));
    rep.post_nothing(&format!("/v1/notifications/{id}/unread")).ok();
    assert_eq!(stream.expect("upsert").data["record"]["read_at"], json!(null));
    app.settle();
    let page = rep.get(&format!("/v1/changes?cursor={of_rep}")).ok();
    assert_eq!(page["data"].as_array().map(Vec::len), Some(1), "the last state of one record");
    let others = admin.get(&format!("/v1/changes?cursor={of_admin}")).ok();
    assert_eq!(others["data"], json!([]), "not even the id");
    // A program has no inbox, and hears of none.
    let client = json!({ "name": "erp", "permissions": ["customers.customers:read"],
        "department_id": admin.get("/v1/me").ok()["department_id"] });
    let client = admin.create("/v1/api-clients", &client)["client"]["id"].clone();
    let key = admin.create("/v1/api-keys", &json!({ "client_id": client, "name": "erp" }));
    let program = app.with_token(key["secret"].as_str().expect("a secret"));
    program.get("/v1/changes?types=notification").problem(403, "not_for_clients");
    program.get("/v1/changes").ok();
}

#[test]
fn the_log_tells_of_notifications_to_who_may_know_of_all() {
    let app = TestApp::start();
    let (rep, admin) = (app.user("rep.east"), app.user("admin"));
    let customer = rep.create("/v1/customers", &company("甲"));
    let customer_id = customer["id"].as_str().and_then(|id| id.parse().ok());
    let user_id = id_of(&rep);
    app.write(|tx| {
        let new =
            NewNotification { user_id, content: overdue("甲"), key: "k".into(), subject: None, customer_id };
        notify(tx, &new)
    });
    let seen = |client: &Client| {
        let events = client.get("/v1/events?subject_type=notification").ok();
        events["data"].as_array().map(Vec::len)
    };
    assert_eq!(seen(&admin), Some(1));
    // A manager sees the customer and its events, and not what is told to whom.
    assert_eq!(seen(&app.user("manager")), Some(0));
    let me = app.user("manager").get("/v1/me").ok();
    let all = Permission::all();
    let without: Vec<_> = all.iter().copied().filter(|one| *one != Permission::NotificationsRead).collect();
    assert_eq!(seen(&app.like(&me, &all, DataScope::Subtree)), Some(0));
    assert_eq!(seen(&app.like(&me, &all, DataScope::Tenant)), Some(1));
    assert_eq!(seen(&app.like(&me, &without, DataScope::Tenant)), Some(0));
    // And a webhook that hears of it is for who may know, too.
    let hook = json!({ "name": "x", "url": "http://127.0.0.1:9/", "event_types": ["notification.outbound"] });
    let who = admin.get("/v1/me").ok();
    app.like(&who, &without, DataScope::Tenant).post("/v1/webhooks", &hook).problem(403, "would_escalate");
}

#[test]
fn a_webhook_hands_on_what_is_wanted_by_that_way() {
    let app = TestApp::start();
    let (rep, admin) = (app.user("rep.east"), app.user("admin"));
    let receiver = Receiver::start(Manner::Answer(200));
    let hook = json!({
        "name": "sms", "url": receiver.url, "event_types": ["notification.outbound"],
        "filter": "changes.kind.to == 'task_overdue'",
    });
    admin.create("/v1/webhooks", &hook);
    tell(&app, id_of(&rep), overdue("之前"));
    let wish =
        json!({ "kinds": { "task_overdue": { "webhook": true }, "task_assigned": { "webhook": true } } });
    rep.patch("/v1/notification-preferences", &wish).ok();
    let id = told(tell(&app, id_of(&rep), overdue("之后")));
    tell(&app, id_of(&rep), assigned("别的"));
    app.settle();
    app.work();
    let received = receiver.received();
    assert_eq!(received.len(), 1, "{received:?}");
    let message = received[0].json();
    assert_eq!(message["subject"], json!(format!("notification/{id}")));
    let said = |name: &str| message["data"]["changes"][name]["to"].clone();
    assert_eq!(
        [said("user_id"), said("kind"), said("title"), said("body"), said("locale")],
        [
            json!(id_of(&rep)),
            json!("task_overdue"),
            json!("任务已逾期：之后"),
            json!("截止时间为 2027年3月1日 09:00。"),
            json!("zh-CN")
        ]
    );
}

#[test]
fn those_who_keep_webhooks_are_told_when_one_is_disabled() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let receiver = Receiver::start(Manner::Answer(410));
    let hook = json!({ "name": "金蝶 ERP", "url": receiver.url, "event_types": ["customer.*"] });
    let webhook = admin.create("/v1/webhooks", &hook)["webhook"]["id"].clone();
    admin.create("/v1/customers", &company("甲"));
    app.settle();
    app.work();
    let inbox = admin.with("accept-language", "zh-CN").get("/v1/notifications").ok();
    assert_eq!(titles(&inbox), ["Webhook“金蝶 ERP”已停用"]);
    let row = &inbox["data"][0];
    assert_eq!(
        (&row["subject_type"], &row["subject_id"], &row["data"]["reason"]),
        (&json!("webhook"), &webhook, &json!("gone"))
    );
    assert_eq!(app.user("manager").get("/v1/notifications/summary").ok()["unread"], 0);
    // Enabled and disabled again it is something new.
    let path = format!("/v1/webhooks/{}", webhook.as_str().expect("an id"));
    admin.patch(&path, &json!({ "disabled": false })).ok();
    admin.create("/v1/customers", &company("乙"));
    app.settle();
    app.work();
    assert_eq!(admin.get("/v1/notifications/summary").ok()["unread"], 2);
}

#[test]
fn what_was_read_is_kept_for_a_season_and_nothing_for_ever() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let id = id_of(&rep);
    let read = told(tell(&app, id, overdue("甲")));
    let unread = told(tell(&app, id, overdue("乙")));
    rep.post_nothing(&format!("/v1/notifications/{read}/read")).ok();
    let left = |days: i64| {
        app.clock.advance(TimeDelta::days(days));
        app.work();
        app.user("rep.east").all_ids("/v1/notifications", 50)
    };
    assert_eq!(left(90).len(), 2);
    assert_eq!(left(1), [unread.to_string()]);
    assert_eq!(left(274).len(), 1);
    assert_eq!(left(1).len(), 0);
    let rows = database::texts(&app.url, "select count(*)::text as text from notifications");
    assert_eq!(rows, ["0"]);
}
