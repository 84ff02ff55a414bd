//! The number of statements of a list does not depend on its length.

use crate::support::TestApp;

#[test]
fn a_list_of_many_costs_as_many_statements_as_a_list_of_one() {
    let app = TestApp::start();
    let admin = app.user("admin");
    for (list, most) in [
        ("customers", 1),
        ("customers?include=owner", 2),
        ("customers?include=owner,department,contacts", 5),
        ("customers?q=c", 1),
        ("customers?sort=name&q=c", 1),
        ("customers?tag=vip&grade=A", 1),
        ("contacts", 1),
        ("contacts?include=customer", 2),
        ("contacts?q=c", 1),
        ("users", 1),
        ("roles", 1),
        ("departments", 1),
        ("api-clients", 1),
        ("events", 1),
        ("jobs", 1),
        ("operations", 2),
        ("webhooks", 1),
        ("webhook-deliveries", 1),
        ("files", 2),
        ("activities", 2),
        ("tasks", 2),
        ("activities/figures?from=2026-11-01&to=2026-11-30", 2),
        ("notifications", 1),
        ("notifications?unread=true&kind=task_overdue", 1),
    ] {
        let sign = if list.contains('?') { '&' } else { '?' };
        // The first request on a connection prepares its statements.
        let count = |limit: usize| {
            let reply = admin.get(&format!("/v1/{list}{sign}limit={limit}"));
            assert_eq!(reply.status, 200, "{list}");
            reply.queries()
        };
        let (one, many) = (count(1), count(100));
        assert_eq!(one, many, "{list}");
        assert!(one <= most, "{list}: {one} statements");
    }
}

#[test]
fn single_records_and_writes_cost_a_known_number_of_statements() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let created = admin.post("/v1/customers", &crate::support::company("计数"));
    // begin, owner, which fields the company has, customer, search terms, who may be the same, event, commit
    assert!(created.queries() <= 8, "{} statements to create", created.queries());
    let path = format!("/v1/customers/{}", created.body["id"].as_str().expect("an id"));
    assert_eq!(admin.get(&path).queries(), 1);
    // begin, lock, which fields the company has, customer, event, commit
    let patched = admin.patch(&path, &serde_json::json!({ "vip": true }));
    assert!(patched.queries() <= 6, "{} statements to patch", patched.queries());
    assert_eq!(admin.get("/v1/customers?limit=0").queries(), 0, "what is refused costs the database nothing");
}
