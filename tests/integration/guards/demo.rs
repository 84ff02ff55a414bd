//! The demo company: the same one every time, made once.

use fulcrum_api::commands::{add_demo_extras, fill_demo, fill_demo_companies, fill_demo_up};
use fulcrum_persistence::Clock;

use crate::support::{NOTHING_KEPT, TestApp, database, outside};

#[test]
fn making_the_demo_company_again_changes_nothing() {
    let app = TestApp::start();
    let state = || {
        database::texts(
            &app.url,
            "select (select count(*) from customers) || ' ' || (select count(*) from contacts) || ' ' || \
             (select count(*) from events) || ' ' || (select count(*) from users) as text",
        )
    };
    let before = state();
    assert_eq!(fill_demo(&app.db, "demo", 500), Ok(false));
    assert_eq!(state(), before);
}

#[test]
fn two_demo_companies_have_the_same_customers() {
    let app = TestApp::start();
    let names = |tenant: &str| {
        database::texts(
            &app.url,
            &format!(
                "select number || c.name || coalesce(phone, '') as text from customers c join tenants t on t.id = c.tenant_id \
                 where slug = '{tenant}' order by number limit 3"
            ),
        )
    };
    assert_eq!(names("demo"), names("other"));
    assert_eq!(names("demo").len(), 3);
    assert!(names("demo")[0].starts_with("C2") && names("demo")[0].contains("000001"));
}

#[test]
fn everybody_of_the_demo_company_can_sign_in_and_sees_what_they_should() {
    let app = TestApp::start();
    let all = database::CUSTOMERS;
    for (name, sees) in [
        ("admin", all),
        ("manager", all),
        ("rep.east", all / 3),
        ("rep.north", all / 3),
        ("agent", all),
        ("supervisor", all),
        ("marketing", all),
        ("finance", all),
    ] {
        let user = app.user(name);
        assert_eq!(user.all_ids("/v1/customers", 200).len(), sees, "{name}");
        assert_eq!(user.get("/v1/me").ok()["tenant"]["name"], "科创信息");
    }
}

#[test]
fn a_company_that_was_filled_at_once_is_like_one_that_was_made_one_by_one() {
    let url = database::empty();
    fulcrum_persistence::migrations::apply(&url).expect("the migrations apply");
    let db = database::door(&url, Clock::standing_at("2027-03-01T02:00:00Z".parse().expect("an instant")), 2);
    let indexes =
        || database::texts(&url, "select pg_get_indexdef(indexrelid) as text from pg_index order by 1");
    let before = indexes();
    assert_eq!(fill_demo(&db, "filled", 0), Ok(true));
    // Nobody has customers yet: this one drops the large indexes and makes them again.
    assert_eq!(fill_demo_up(&db, "filled", 30), Ok(30));
    assert_eq!(indexes(), before);
    assert_eq!(fill_demo(&db, "typed", 30), Ok(true));
    let of = |slug: &str, table: &str, what: &str| {
        database::texts(
            &url,
            &format!(
                "select {what} as text from {table} s join tenants t on t.id = s.tenant_id where t.slug = '{slug}' order by 1"
            ),
        )
    };
    for (table, what) in [
        ("search_terms", "s.field || ' ' || s.term"),
        ("customers", "s.number || s.name || s.kind || coalesce(s.credit_code, '') || s.version"),
        ("contacts", "s.name || s.phones::text || s.emails::text || s.is_primary"),
        (
            "(select * from events where subject_type in ('customer', 'contact') and type like '%.created')",
            "s.type || ' ' || (s.changes - 'customer_id' - 'owner_id')::text",
        ),
    ] {
        assert_eq!(of("filled", table, what), of("typed", table, what), "{table}");
        assert!(of("filled", table, what).len() >= 30, "{table}");
    }
    // Once is enough, and a deleted customer keeps its place.
    assert_eq!(fill_demo_up(&db, "filled", 30), Ok(0));
    database::execute(&url, "update customers set deleted_at = now() where number = 'C2027000005'");
    assert_eq!(fill_demo_up(&db, "filled", 31), Ok(1));
}

#[test]
fn many_companies_are_filled_apart_and_once() {
    let app = TestApp::start();
    let customers = || {
        database::texts(
            &app.url,
            "select t.slug || ' ' || count(c.id) as text from tenants t left join customers c on c.tenant_id = t.id \
             where t.slug like 'many%' group by t.slug order by 1",
        )
    };
    assert_eq!(fill_demo_companies(&app.db, "many", 3, 7), Ok(21));
    assert_eq!(customers(), ["many 7", "many-2 7", "many-3 7"]);
    assert_eq!(fill_demo_companies(&app.db, "many", 3, 8), Ok(3), "filled up, not filled anew");
    assert_eq!(customers(), ["many 8", "many-2 8", "many-3 8"]);
    assert_eq!(app.user_of("many-2", "admin").all_ids("/v1/customers", 200).len(), 8);
}

#[test]
fn the_demo_company_has_files_and_a_webhook_that_is_disabled() {
    let app = TestApp::start();
    let store = outside(&app.data, &NOTHING_KEPT).files;
    for _ in 0..2 {
        add_demo_extras(&app.db, "demo", &app.keys, &store).expect("they are added, once");
    }
    let admin = app.user("admin");
    let files = admin.get("/v1/files").ok()["data"].as_array().expect("files").clone();
    assert_eq!(files.len(), 4);
    assert_eq!(
        admin.get("/v1/files?document_kind=requirements_spec").ok()["data"].as_array().map(Vec::len),
        Some(1)
    );
    for file in files {
        let path = format!("/v1/files/{}/content", file["id"].as_str().expect("an id"));
        let content =
            admin.request(reqwest::Method::GET, &path).send().expect("an answer").bytes().expect("bytes");
        assert_eq!(content.len() as u64, file["size"].as_u64().expect("a size"));
    }
    assert_eq!(app.user("rep.east").all_ids("/v1/files", 10).len(), 3, "of customers of the eastern region");
    let inbox = admin.get("/v1/notifications").ok()["data"].as_array().expect("an inbox").clone();
    let kinds: Vec<_> = inbox.iter().filter_map(|row| row["kind"].as_str()).collect();
    assert_eq!(kinds, ["webhook_disabled", "automation_message"]);
    let webhooks = admin.get("/v1/webhooks").ok()["data"].as_array().expect("webhooks").clone();
    assert_eq!((webhooks.len(), webhooks[0]["disabled"].as_bool()), (1, Some(true)));
    // A spreadsheet, some rows of which are wrong, is brought in by whoever does the jobs.
    app.work();
    let imports = admin.get("/v1/imports").ok()["data"].as_array().expect("imports").clone();
    assert_eq!((imports.len(), imports[0]["state"].as_str()), (1, Some("done")));
    let report = &imports[0]["report"];
    let figures = ["rows", "created", "updated", "failed"].map(|name| report[name].as_i64());
    assert_eq!(figures, [Some(7), Some(3), Some(1), Some(3)], "{report}");
}

#[test]
fn the_demo_company_has_a_quarter_of_work_and_automations_that_work() {
    let app = TestApp::start();
    let store = outside(&app.data, &NOTHING_KEPT).files;
    for _ in 0..2 {
        add_demo_extras(&app.db, "demo", &app.keys, &store).expect("they are added, once");
    }
    let (manager, east) = (app.user("manager"), app.user("rep.east"));
    let customers = manager.all_ids("/v1/customers", 200).len().min(75);
    let activities = manager.get("/v1/activities?limit=200").ok()["data"].as_array().expect("rows").clone();
    assert!(activities.len() >= customers, "{}", activities.len());
    let kinds: std::collections::BTreeSet<&str> = activities
        .iter()
        .flat_map(|one| one["items"].as_array().expect("items"))
        .filter_map(|item| item["kind"].as_str())
        .collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["need", "objection", "promise"]);
    let count = |query: &str| east.all_ids(&format!("/v1/tasks?{query}"), 200).len();
    assert!(count("overdue=true") >= 1 && count("state=done") >= 1, "overdue and done ones");
    assert!(count("state=open") > count("overdue=true"), "and some that are due later");
    app.work();
    let told = |user: &crate::support::Client, kind: &str| {
        let inbox = user.get("/v1/notifications?limit=200").ok()["data"].as_array().expect("rows").clone();
        inbox.iter().filter(|row| row["kind"] == kind).count()
    };
    assert!(told(&east, "task_assigned") >= 1 && told(&manager, "task_overdue") >= 1);
    let automations = manager.get("/v1/automations").ok()["data"].as_array().expect("rows").clone();
    assert_eq!(automations.iter().filter(|one| one["enabled"] == true).count(), 2);
    let customer = east.all_ids("/v1/customers?sort=number", 1).remove(0);
    let path = format!("/v1/customers/{customer}");
    east.patch(&path, &serde_json::json!({ "grade": "C" })).ok();
    east.patch(&path, &serde_json::json!({ "grade": "A" })).ok();
    for _ in 0..2 {
        app.settle();
        app.work();
    }
    assert_eq!(
        east.get(&format!("/v1/tasks?customer_id={customer}&priority=high&sort=-created_at")).ok()["data"][0]
            ["created_by_id"],
        manager.get("/v1/me").ok()["id"]
    );
}
