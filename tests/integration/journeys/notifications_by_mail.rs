//! Mail: what goes out, once, however long the other side is away.

use chrono::{DateTime, TimeDelta, Utc};
use fulcrum_api::platform::notifications::Notified;
use serde_json::{Value, json};
use uuid::Uuid;

use super::notifications::{assigned, id_of, overdue, tell, told};
use crate::support::mail_server::{MailServer, Postman};
use crate::support::{Options, TestApp, database};

/// An installation whose worker has said that it sends mail.
fn mailing(server: &MailServer) -> TestApp {
    let app = TestApp::with(Options { smtp_url: Some(server.url.clone()), ..Options::default() });
    app.work();
    app
}

fn mail_of(app: &TestApp, user: &str, id: Uuid) -> Value {
    app.user(user).get(&format!("/v1/notifications/{id}")).ok()["mail"].clone()
}

/// When the next mail job is due.
fn next_due(app: &TestApp) -> Option<DateTime<Utc>> {
    let due = database::texts(
        &app.url,
        "select to_char(run_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as text from jobs \
         where kind like 'platform.notification%' and state = 'waiting' order by run_at limit 1",
    );
    due.first().map(|text| text.parse().expect("an instant"))
}

/// Lets the time pass until the next mail job is due, and does it.
fn work_when_due(app: &TestApp) {
    let due = next_due(app).expect("somebody goes on trying");
    app.clock.advance((due - app.now()).max(TimeDelta::zero()));
    app.work();
}

#[test]
fn what_cannot_wait_is_mailed_at_once() {
    let server = MailServer::start(Postman::Takes);
    let app = mailing(&server);
    let id = told(tell(&app, id_of(&app.user("rep.east")), overdue("回访")));
    assert_eq!(mail_of(&app, "rep.east", id), "waiting");
    app.work();
    app.work();
    let letters = server.received();
    assert_eq!(letters.len(), 1, "{letters:?}");
    let letter = &letters[0];
    assert_eq!(letter.to, "rep.east@demo.test");
    assert_eq!(letter.subject(), "任务已逾期：回访");
    assert_eq!(letter.text(), "截止时间为 2027年3月1日 09:00。");
    assert_eq!(letter.header("Message-ID"), format!("<{id}@example.com>"));
    assert_eq!(letter.header("Auto-Submitted"), "auto-generated");
    assert_eq!(letter.header("From"), "Fulcrum <crm@example.com>");
    let shown = app.user("rep.east").get(&format!("/v1/notifications/{id}")).ok();
    assert_eq!((&shown["mail"], &shown["mailed_at"]), (&json!("sent"), &json!(app.now())));
    let events = app.user("admin").get("/v1/events?type=notification.mailed").ok();
    assert_eq!(events["data"].as_array().map(Vec::len), Some(1));
}

#[test]
fn nothing_is_mailed_until_somebody_can() {
    let app = TestApp::start();
    app.work();
    let id = told(tell(&app, id_of(&app.user("rep.east")), overdue("甲")));
    assert_eq!(mail_of(&app, "rep.east", id), "none");
    let jobs = app.user("admin").get("/v1/jobs").ok();
    assert!(!jobs.to_string().contains("notification"), "{jobs}");
}

#[test]
fn a_worker_without_a_mail_server_leaves_mail_to_those_who_have_one() {
    let server = MailServer::start(Postman::Takes);
    let mut app = mailing(&server);
    let url = app.smtp_url.take();
    let id = told(tell(&app, id_of(&app.user("rep.east")), overdue("甲")));
    app.work();
    assert_eq!((server.received().len(), mail_of(&app, "rep.east", id)), (0, json!("waiting")));
    app.smtp_url = url;
    app.work();
    assert_eq!((server.received().len(), mail_of(&app, "rep.east", id)), (1, json!("sent")));
}

#[test]
fn a_server_that_is_away_for_an_hour_gets_everything_once() {
    let server = MailServer::start(Postman::Away);
    let app = mailing(&server);
    let id = told(tell(&app, id_of(&app.user("rep.east")), overdue("甲")));
    let back = app.now() + TimeDelta::hours(1);
    app.work();
    while next_due(&app).is_some_and(|due| due < back) {
        work_when_due(&app);
    }
    assert!(server.connections() > 5, "it is tried again and again");
    assert_eq!((server.received().len(), mail_of(&app, "rep.east", id)), (0, json!("waiting")));
    server.be(Postman::Takes);
    work_when_due(&app);
    app.clock.advance(TimeDelta::days(1));
    app.work();
    assert_eq!(server.received().len(), 1);
    assert_eq!(mail_of(&app, "rep.east", id), "sent");
}

#[test]
fn it_is_tried_for_days_and_then_said_to_have_failed() {
    let server = MailServer::start(Postman::RefusesSender(550));
    let app = mailing(&server);
    let id = told(tell(&app, id_of(&app.user("rep.east")), overdue("甲")));
    let began = app.now();
    app.work();
    while next_due(&app).is_some() {
        work_when_due(&app);
    }
    assert!(app.now() - began > TimeDelta::days(2), "{}", app.now() - began);
    assert_eq!(mail_of(&app, "rep.east", id), "failed");
    let admin = app.user("admin");
    let dead = admin.get("/v1/jobs?state=dead").ok()["data"][0].clone();
    assert_eq!(dead["kind"], "platform.notification_mail");
    assert!(dead["last_error"].as_str().is_some_and(|text| text.contains("not from you")), "{dead}");
    // The operator has mended it, and says so.
    server.be(Postman::Takes);
    admin.post_nothing(&format!("/v1/jobs/{}/retry", dead["id"].as_str().expect("an id"))).ok();
    app.work();
    assert_eq!((server.received().len(), mail_of(&app, "rep.east", id)), (1, json!("sent")));
}

#[test]
fn an_address_that_is_refused_is_given_up_and_one_that_is_busy_is_not() {
    let server = MailServer::start(Postman::RefusesRecipient(550));
    let app = mailing(&server);
    let refused = told(tell(&app, id_of(&app.user("rep.east")), overdue("甲")));
    app.work();
    assert_eq!(mail_of(&app, "rep.east", refused), "failed");
    let admin = app.user("admin");
    let failed = admin.get("/v1/events?type=notification.mail_failed").ok()["data"][0].clone();
    let reason = failed["changes"]["reason"]["to"].as_str().expect("a reason").to_owned();
    assert!(reason.contains("550") && reason.contains("not to this one"), "{reason}");
    assert_eq!(next_due(&app), None);
    for (number, manner) in [451, 530].into_iter().map(Postman::RefusesRecipient).enumerate() {
        server.be(manner);
        let busy = told(tell(&app, id_of(&app.user("rep.east")), overdue("乙")));
        app.work();
        assert_eq!(mail_of(&app, "rep.east", busy), "waiting", "{manner:?}");
        server.be(Postman::Takes);
        work_when_due(&app);
        assert_eq!(mail_of(&app, "rep.east", busy), "sent", "{manner:?}");
        assert_eq!(server.received().len(), number + 1);
    }
}

#[test]
fn a_wrong_password_is_the_operators_and_loses_nothing() {
    let server = MailServer::start(Postman::Takes);
    let mut app = mailing(&server);
    let place = server.url.trim_start_matches("smtp://").to_owned();
    app.smtp_url = Some(format!("smtp://crm:open%20says%20me@{place}?tls=none"));
    let id = told(tell(&app, id_of(&app.user("rep.east")), overdue("甲")));
    app.work();
    assert_eq!((server.received().len(), mail_of(&app, "rep.east", id)), (0, json!("waiting")));
    let jobs = app.user("admin").get("/v1/jobs").ok()["data"].to_string();
    assert!(jobs.contains("who are you?") && !jobs.contains("says"), "{jobs}");
    app.smtp_url = Some(format!("smtp://crm:open%20sesame@{place}?tls=none"));
    work_when_due(&app);
    assert_eq!((server.received().len(), mail_of(&app, "rep.east", id)), (1, json!("sent")));
    // A password doesn't go over the net in clear unless somebody says so.
    app.smtp_url = Some(format!("smtp://crm:open%20sesame@{place}"));
    tell(&app, id_of(&app.user("rep.east")), overdue("乙"));
    app.work();
    assert_eq!(server.received().len(), 1);
}

#[test]
fn a_digest_that_was_tried_for_days_goes_with_the_next_one() {
    let server = MailServer::start(Postman::Away);
    let app = mailing(&server);
    let first = told(tell(&app, id_of(&app.user("rep.east")), assigned("甲")));
    while next_due(&app).is_some() {
        work_when_due(&app);
    }
    assert_eq!(mail_of(&app, "rep.east", first), "digest");
    server.be(Postman::Takes);
    tell(&app, id_of(&app.user("rep.east")), assigned("乙"));
    while next_due(&app).is_some() {
        work_when_due(&app);
    }
    let texts: Vec<String> = server.received().iter().map(|letter| letter.text()).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].contains('甲') && texts[1].contains('乙'), "{texts:?}");
}

#[test]
fn who_gets_a_letter_twice_can_tell() {
    let server = MailServer::start(Postman::LosesTheLastWord);
    let app = mailing(&server);
    tell(&app, id_of(&app.user("rep.east")), overdue("甲"));
    app.work();
    server.be(Postman::Takes);
    work_when_due(&app);
    let ids: Vec<String> = server.received().iter().map(|letter| letter.header("Message-ID")).collect();
    assert_eq!(ids.len(), 2, "nobody can know whether the first one was taken");
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn two_workers_send_one_letter() {
    let server = MailServer::start(Postman::Takes);
    let app = mailing(&server);
    let users = ["rep.east", "rep.north", "agent", "manager"].map(|name| id_of(&app.user(name)));
    for user_id in users {
        tell(&app, user_id, overdue("甲"));
        tell(&app, user_id, assigned("乙"));
    }
    let work = || {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| app.work());
            }
        });
    };
    work();
    assert_eq!(server.received().len(), 4);
    app.clock.advance(TimeDelta::days(1));
    work();
    assert_eq!(server.received().len(), 8);
}

#[test]
fn who_has_read_it_or_wants_none_or_has_gone_gets_no_mail() {
    let server = MailServer::start(Postman::Away);
    let app = mailing(&server);
    let (read, off, gone) = (app.user("rep.east"), app.user("rep.north"), app.user("agent"));
    let ids = [&read, &off, &gone].map(|client| told(tell(&app, id_of(client), overdue("甲"))));
    for client in [&read, &off, &gone] {
        tell(&app, id_of(client), assigned("乙"));
    }
    app.work();
    read.post("/v1/notifications/read-all", &json!({})).ok();
    let wish = json!({ "kinds": { "task_overdue": { "mail": "off" }, "task_assigned": { "mail": "off" } } });
    off.patch("/v1/notification-preferences", &wish).ok();
    app.user("admin").patch(&format!("/v1/users/{}", id_of(&gone)), &json!({ "disabled": true })).ok();
    server.be(Postman::Takes);
    app.clock.advance(TimeDelta::days(2));
    app.work();
    assert_eq!(server.received().len(), 0);
    assert_eq!(mail_of(&app, "rep.east", ids[0]), "none");
    assert_eq!(mail_of(&app, "rep.north", ids[1]), "none");
    assert_eq!(next_due(&app), None, "nothing goes on");
    let states = database::texts(&app.url, "select distinct mail_state as text from notifications");
    assert_eq!(states, ["none"]);
}

#[test]
fn what_can_wait_is_told_in_one_mail_at_its_hour() {
    let server = MailServer::start(Postman::Takes);
    let app = mailing(&server);
    let rep = app.user("rep.east");
    rep.patch("/v1/notification-preferences", &json!({ "digest_hour": 18 })).ok();
    let first = told(tell(&app, id_of(&rep), assigned("甲")));
    app.clock.advance(TimeDelta::minutes(5));
    tell(&app, id_of(&rep), assigned("乙"));
    tell(&app, id_of(&app.user("rep.north")), assigned("丙"));
    assert_eq!(mail_of(&app, "rep.east", first), "digest");
    // 18:00 in Shanghai is 10:00 UTC; it is 02:05 now.
    app.clock.advance("2027-03-01T09:59:59Z".parse::<DateTime<Utc>>().expect("an instant") - app.now());
    app.work();
    assert_eq!(server.received().len(), 0, "not before its time");
    app.clock.advance(TimeDelta::seconds(1));
    app.work();
    let letters = server.received();
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!((letters[0].to.as_str(), letters[0].subject().as_str()), ("rep.east@demo.test", "2 条通知"));
    let text = letters[0].text();
    assert!(text.contains("新任务：甲") && text.contains("新任务：乙") && !text.contains('丙'), "{text}");
    assert!(text.contains("（2027年3月1日 10:00）"), "{text}");
    assert_eq!(mail_of(&app, "rep.east", first), "sent");
    app.clock.advance(TimeDelta::days(2));
    app.work();
    assert_eq!(server.received().len(), 2, "the other one at eight, and nothing twice");
}

#[test]
fn a_digest_that_was_not_noted_is_sent_again_as_it_was() {
    let server = MailServer::start(Postman::LosesTheLastWord);
    let app = mailing(&server);
    let id = id_of(&app.user("rep.east"));
    tell(&app, id, assigned("甲"));
    app.clock.advance(TimeDelta::days(1));
    app.work();
    // What comes meanwhile is told the next day, and not under the name of a letter that went out already.
    let later = told(tell(&app, id, assigned("乙")));
    server.be(Postman::Takes);
    app.clock.advance(TimeDelta::minutes(1));
    app.work();
    let letters = server.received();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0].header("Message-ID"), letters[1].header("Message-ID"));
    assert_eq!(letters[0].text(), letters[1].text());
    assert_eq!(mail_of(&app, "rep.east", later), "digest");
    app.clock.advance(TimeDelta::days(1));
    app.work();
    let letters = server.received();
    assert_eq!(letters.len(), 3);
    assert!(letters[2].text().contains('乙') && !letters[2].text().contains('甲'));
}

#[test]
fn mail_that_nobody_sent_for_a_week_is_not_sent_any_more() {
    let server = MailServer::start(Postman::Takes);
    let app = mailing(&server);
    let rep = id_of(&app.user("rep.east"));
    let late = told(tell(&app, rep, overdue("甲")));
    app.clock.advance(TimeDelta::days(8));
    // No worker was there all the time: it isn't believed any more that there is one.
    let unsent = told(tell(&app, rep, overdue("乙")));
    assert_eq!(mail_of(&app, "rep.east", unsent), "none");
    app.work();
    assert_eq!((server.received().len(), mail_of(&app, "rep.east", late)), (0, json!("failed")));
    assert!(matches!(tell(&app, rep, overdue("丙")), Notified::Told(_)));
    app.work();
    assert_eq!(server.received().len(), 1);
}
