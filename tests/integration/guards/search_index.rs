//! On 100,000 customers a search is served by the index, from the first page to any other.

use std::sync::Arc;

use fulcrum_domain::access::Actor;
use fulcrum_persistence::customers::customers::{self, Filter};
use fulcrum_persistence::engagement::{activities, tasks};
use fulcrum_persistence::platform::files;
use fulcrum_persistence::platform::search::{Reach, SearchQuery, Target};
use fulcrum_persistence::{Clock, StoreError};
use serde_json::Value;

use crate::support::database;

#[test]
fn a_search_never_scans() {
    let url = database::clone();
    // Names of four characters out of some 200, so that many customers share two of them.
    database::execute(
        &url,
        "insert into customers (tenant_id, id, number, kind, name, vip, lifecycle_stage, pain_points, tags, external_ids, \
           owner_id, department_id, created_at, updated_at) \
         select u.tenant_id, gen_random_uuid(), 'C2020' || i, 'company', \
           chr(20000 + i % 211) || chr(20000 + i / 7 % 197) || chr(20000 + i / 49 % 193) || chr(20000 + i / 343 % 191), \
           false, 'acquisition', '{}', '{}', '[]', u.id, u.department_id, now(), now() \
         from generate_series(1, 100000) i, users u join tenants t on t.id = u.tenant_id \
         where t.slug = 'demo' and u.email = 'manager@demo.test'; \
         insert into search_terms (tenant_id, subject_id, source_id, field, term) \
         select tenant_id, id, id, case p when 1 then 1 else 2 end, substr(name, p) \
         from customers, generate_series(1, 4) p where number like 'C2020%'; \
         insert into files (tenant_id, id, name, media_type, size, sha256, uploaded_by_type, created_at, updated_at) \
         select tenant_id, id, 'a.pdf', 'application/pdf', 1, '', 'system', now(), now() from customers; \
         insert into file_links (tenant_id, file_id, subject_type, subject_id, created_at) \
         select tenant_id, id, 'customer', id, now() from customers; \
         insert into activities (tenant_id, id, kind, subject, started_at, participants, items, external_ids, owner_id, department_id, \
           created_at, updated_at) \
         select tenant_id, id, 'note', 'x', now(), '[]', '[]', '[]', owner_id, department_id, now(), now() from customers; \
         insert into activity_links (tenant_id, activity_id, customer_id, started_at, created_at) \
         select tenant_id, id, id, now(), now() from customers; \
         analyze customers; analyze search_terms; analyze files; analyze file_links; analyze activities; analyze activity_links; \
         insert into tasks (tenant_id, id, title, state, priority, due_at, time_zone, customer_id, checklist, external_ids, assignee_id, \
           department_id, created_by_type, created_at, updated_at) \
         select tenant_id, id, 'x', 'open', 'normal', now(), 'UTC', id, '[]', '[]', owner_id, department_id, 'system', now(), now() \
         from customers; analyze tasks",
    );
    let db = database::door(&url, Clock::system(), 2);
    let tenant = database::texts(&url, "select id::text as text from tenants where slug = 'demo'");
    let tenant = tenant[0].parse().expect("a tenant");
    let manager = database::texts(
        &url,
        "select u.id::text || ' ' || u.department_id as text from users u join tenants t on t.id = u.tenant_id \
         where t.slug = 'demo' and email = 'rep.east@demo.test'",
    );
    let mut own = Actor::system(tenant, chrono_tz::Tz::UTC, "CN");
    own.scope = fulcrum_domain::access::DataScope::Own;
    own.principal = fulcrum_domain::access::Principal::User {
        id: manager[0].split(' ').next().expect("an id").parse().expect("a user"),
        session_id: Default::default(),
    };
    for actor in [Actor::system(tenant, chrono_tz::Tz::UTC, "CN"), own] {
        let actor = Arc::new(actor);
        for text in ["\u{4e20}\u{4e30}", "\u{4e20}", "kcxx", "13800", "nothing has this"] {
            let plan = db
                .write_now(&actor, |tx| {
                    let search =
                        SearchQuery::parse(text, Target::Customers, Reach { contacts: true, numbers: true })
                            .expect("something to search for");
                    customers::explain(tx, &Filter::default(), search).map_err(|error: StoreError| error)
                })
                .expect("a plan");
            let mut scanned = Vec::new();
            scans(&plan, &mut scanned);
            assert!(!scanned.iter().any(|table| table == "search_terms"), "{text}: {plan}");
            assert!(!scanned.iter().any(|table| table == "customers"), "{text}: {plan}");
        }
        // Each activity by its own links, too.
        let id = uuid::Uuid::now_v7();
        let of_one = activities::Filter { customer_ids: vec![id], ..activities::Filter::default() };
        let promises = activities::Filter { open_promises: true, ..activities::Filter::default() };
        for filter in [activities::Filter::default(), of_one, promises] {
            let plans = db.write_now(&actor, |tx| activities::explain(tx, id, &filter)).expect("plans");
            for plan in plans {
                let mut scanned = Vec::new();
                scans(&plan, &mut scanned);
                assert_eq!(scanned, Vec::<String>::new(), "{filter:?}: {plan}");
            }
        }
        let of_one = tasks::Filter { customer_ids: vec![id], ..tasks::Filter::default() };
        let mine =
            tasks::Filter { assignee_ids: vec![id], states: vec!["open".into()], ..tasks::Filter::default() };
        for filter in [tasks::Filter::default(), of_one, mine] {
            let plans = db.write_now(&actor, |tx| tasks::explain(tx, id, &filter)).expect("plans");
            for plan in plans {
                let mut scanned = Vec::new();
                scans(&plan, &mut scanned);
                assert_eq!(scanned, Vec::<String>::new(), "{filter:?}: {plan}");
            }
        }
        // Each file is looked at by its own links, however many others there are.
        let id = uuid::Uuid::now_v7();
        for subject in [None, Some(("customer".to_owned(), id))] {
            let filter = files::Filter { subject, ..files::Filter::default() };
            let plans = db.write_now(&actor, |tx| files::explain(tx, id, &filter)).expect("plans");
            for plan in plans {
                let mut scanned = Vec::new();
                scans(&plan, &mut scanned);
                assert_eq!(scanned, Vec::<String>::new(), "{filter:?}: {plan}");
            }
        }
    }
}

fn scans(plan: &Value, found: &mut Vec<String>) {
    match plan {
        Value::Object(node) => {
            if node.get("Node Type").and_then(Value::as_str) == Some("Seq Scan") {
                found.push(node["Relation Name"].as_str().unwrap_or_default().to_owned());
            }
            node.values().for_each(|inner| scans(inner, found));
        }
        Value::Array(list) => list.iter().for_each(|inner| scans(inner, found)),
        _ => {}
    }
}
