//! The demo company: the same one every time, made once.

use crate::support::{TestApp, database};

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
    assert_eq!(fulcrum_api::commands::fill_demo(&app.db, "demo", 500), Ok(false));
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
