//! Every operation of the contract, tried by those who may not: without a token, without the permission, from another
//! company, from outside of the data scope. Generated from openapi.json, so that a new operation is tried, too.

use std::collections::BTreeMap;

use fulcrum_api::platform::jobs::enqueue;
use fulcrum_api::platform::notifications::{NewNotification, Notified, notify};
use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_domain::platform::notifications::Content;
use reqwest::Method;
use serde_json::{Value, json};

use super::contract::operations;
use crate::support::jobs::Count;
use crate::support::{Client, Reply, TestApp};

/// An operation, ready to be tried.
struct Operation {
    name: String,
    method: Method,
    path: String,
    permission: Option<Permission>,
    public: bool,
    body: Option<(String, Value)>,
}

/// Path parameters that are an id of a record, by the collection; and what else stands in paths.
fn all(ids: &BTreeMap<String, String>) -> Vec<Operation> {
    let document = fulcrum_api::server::contract().document;
    operations(&document)
        .into_iter()
        .map(|(template, method, operation)| {
            let collection = template.trim_start_matches("/v1/").split('/').next().unwrap_or_default();
            let collection = if template.contains("/auth/sessions") { "sessions" } else { collection };
            let path = template
                .replace("{id}", ids.get(collection).map_or("no-id", String::as_str))
                .replace("{system}", "erp")
                .replace("{customer_kind}", "company")
                .replace("{type}", "customer")
                .replace("{external_id}", "guarded-1");
            let path = if template == "/v1/api-keys" && method == "get" {
                format!("{path}?client_id={}", ids["api-clients"])
            } else if template == "/v1/access/explain" {
                format!(
                    "{path}?permission=customers.customers:read&record_type=customer&record_id={}",
                    ids["customers"]
                )
            } else if template == "/v1/activities/figures" {
                format!("{path}?from=2026-11-01&to=2026-11-30")
            } else if template == "/v1/events/stream" {
                format!("{path}?max_seconds=1")
            } else {
                path
            };
            let scheme = &operation["security"][0];
            let word = scheme["bearer"][0].as_str();
            let content = operation["requestBody"]["content"].as_object();
            Operation {
                name: format!("{} {template}", method.to_uppercase()),
                method: method.to_uppercase().parse().expect("a method"),
                path,
                permission: word.map(|word| word.parse().expect("a permission")),
                public: scheme.as_object().is_none_or(|scheme| scheme.is_empty()),
                body: content
                    .and_then(|content| content.iter().next())
                    .map(|(kind, media)| (kind.clone(), media["example"].clone())),
            }
        })
        .collect()
}

impl Operation {
    fn send(&self, client: &Client) -> Reply {
        let mut request = client.request(self.method.clone(), &self.path);
        if let Some((kind, body)) = &self.body {
            request = request.header("content-type", kind).body(body.to_string());
        }
        Reply::of(request)
    }
}

/// A record of each collection in the company `demo`.
fn records(app: &TestApp, admin: &Client) -> BTreeMap<String, String> {
    let job = app.write(|tx| enqueue(tx, &Count { number: 1 }));
    let me = admin.get("/v1/me").ok();
    let client = json!({ "name": "guarded", "permissions": [], "department_id": me["department_id"] });
    let client = admin.create("/v1/api-clients", &client)["client"]["id"].clone();
    let key =
        admin.create("/v1/api-keys", &json!({ "client_id": client, "name": "guarded" }))["key"]["id"].clone();
    let webhook =
        json!({ "name": "guarded", "url": "https://hooks.example.com/", "event_types": ["customer.*"] });
    let webhook = admin.create("/v1/webhooks", &webhook)["webhook"]["id"].clone();
    let path = format!("/v1/webhooks/{}", webhook.as_str().expect("an id"));
    let delivery = admin.post_nothing(&format!("{path}/test")).expect(201)["id"].clone();
    let range = json!({ "from": app.now(), "to": app.now() });
    let operation = admin.post(&format!("{path}/replay"), &range).expect(202)["id"].clone();
    let customer =
        admin.get("/v1/customers?limit=1").ok()["data"][0]["id"].as_str().expect("an id").to_owned();
    let form = reqwest::blocking::multipart::Form::new()
        .text("subject_type", "customer")
        .text("subject_id", customer.clone())
        .part("file", reqwest::blocking::multipart::Part::text("guarded").file_name("a.txt"));
    let upload = admin.request(reqwest::Method::POST, "/v1/files").multipart(form);
    let file = Reply::of(upload).expect(201)["id"].clone();
    let sheet = reqwest::blocking::multipart::Form::new()
        .part("file", reqwest::blocking::multipart::Part::text("客户名称\n守卫\n").file_name("a.csv"));
    let sheet = Reply::of(admin.request(reqwest::Method::POST, "/v1/files").multipart(sheet)).expect(201);
    let import = admin.create("/v1/imports", &json!({ "file_id": sheet["id"] }))["id"].clone();
    let template = admin.create("/v1/import-templates", &json!({ "name": "guarded" }))["id"].clone();
    let activity = json!({
        "kind": "note", "subject": "guarded", "started_at": app.now(),
        "links": [{ "subject_type": "customer", "subject_id": customer }],
    });
    let activity = admin.create("/v1/activities", &activity)["id"].clone();
    let task = admin.create("/v1/tasks", &json!({ "title": "guarded" }))["id"].clone();
    let user_id: uuid::Uuid = me["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let told = app.write(|tx| {
        let content = Content::AutomationMessage { title: "guarded".into(), body: "guarded".into() };
        let new =
            NewNotification { user_id, content, key: "guarded".into(), subject: None, customer_id: None };
        notify(tx, &new)
    });
    let Notified::Told(notification) = told else { panic!("{told:?}") };
    let field = json!({ "object_type": "customer", "key": "guarded", "label": "guarded", "kind": "text" });
    let field = admin.create("/v1/custom-fields", &field)["id"].clone();
    let tag = admin.create("/v1/tags", &json!({ "name": "guarded" }))["id"].clone();
    let twin = json!({ "kind": "company", "name": "守卫测试有限公司" });
    let (one, two) = (admin.create("/v1/customers", &twin), admin.create("/v1/customers", &twin));
    let pair = admin.get("/v1/duplicates?limit=1").ok()["data"][0]["id"].clone();
    let merge_path = format!("/v1/customers/{}/merge", one["id"].as_str().expect("an id"));
    let merge = admin.post(&merge_path, &json!({ "merged_id": two["id"] })).expect(201)["id"].clone();
    let handover = json!({ "customers": { "ids": [one["id"]] }, "to_owner_id": me["id"] });
    admin.post("/v1/handovers", &handover).expect(202);
    let handover = admin.get("/v1/handovers?limit=1").ok()["data"][0]["id"].clone();
    let first = |list: &str| admin.get(&format!("/v1/{list}?limit=1")).ok()["data"][0]["id"].clone();
    let mut ids: BTreeMap<String, String> = ["departments", "users", "roles", "customers", "contacts"]
        .map(|collection| (collection.to_owned(), first(collection)))
        .into_iter()
        .chain([
            ("api-clients".to_owned(), client),
            ("api-keys".to_owned(), key),
            ("sessions".to_owned(), me["session_id"].clone()),
            ("jobs".to_owned(), json!(job)),
            ("files".to_owned(), file),
            ("imports".to_owned(), import),
            ("import-templates".to_owned(), template),
            ("activities".to_owned(), activity),
            ("tasks".to_owned(), task),
            ("custom-fields".to_owned(), field),
            ("tags".to_owned(), tag),
            ("handovers".to_owned(), handover),
            ("duplicates".to_owned(), pair),
            ("customer-merges".to_owned(), merge),
            ("webhooks".to_owned(), webhook),
            ("webhook-deliveries".to_owned(), delivery),
            ("operations".to_owned(), operation),
            ("notifications".to_owned(), json!(notification)),
        ])
        .map(|(collection, id)| (collection, id.as_str().expect("an id").to_owned()))
        .collect();
    ids.insert("none".into(), String::new());
    ids
}

#[test]
fn nobody_gets_in_without_a_token() {
    let app = TestApp::start();
    let ids = records(&app, &app.user("admin"));
    let mut public = Vec::new();
    for operation in all(&ids) {
        if operation.public {
            public.push(operation.name);
            continue;
        }
        operation.send(&app.anonymous()).problem(401, "unauthenticated");
        operation.send(&app.with_token("eyJhbGciOiJub25lIn0.e30.")).problem(401, "unauthenticated");
    }
    // May only shrink.
    assert_eq!(
        public,
        [
            "GET /.well-known/jwks.json",
            "GET /health/live",
            "GET /health/ready",
            "POST /v1/auth/login",
            "POST /v1/auth/logout",
            "POST /v1/auth/refresh",
            "GET /v1/metadata/enums",
            "GET /v1/metadata/errors",
            "POST /v1/oauth/token",
        ]
    );
}

#[test]
fn nobody_gets_in_without_the_permission() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let ids = records(&app, &admin);
    let me = admin.get("/v1/me").ok();
    let mut without = Vec::new();
    for operation in all(&ids).into_iter().filter(|operation| !operation.public) {
        let Some(permission) = operation.permission else {
            without.push(operation.name);
            continue;
        };
        let others: Vec<_> = Permission::all().into_iter().filter(|other| *other != permission).collect();
        let reply = operation.send(&app.like(&me, &others, DataScope::Tenant));
        assert_eq!(reply.status, 403, "{}", operation.name);
        assert_eq!(reply.body["permission"], permission.word(), "{}", operation.name);
        let alone = operation.send(&app.like(&me, &[permission], DataScope::Tenant));
        assert_ne!(
            alone.body["permission"],
            permission.word(),
            "{}: the permission is enough",
            operation.name
        );
    }
    // What concerns only the caller needs no permission. May only shrink.
    assert_eq!(
        without,
        [
            "POST /v1/auth/password",
            "GET /v1/auth/sessions",
            "DELETE /v1/auth/sessions/{id}",
            "GET /v1/me",
            "GET /v1/notification-preferences",
            "PATCH /v1/notification-preferences",
            "GET /v1/notifications",
            "POST /v1/notifications/read-all",
            "GET /v1/notifications/summary",
            "GET /v1/notifications/{id}",
            "POST /v1/notifications/{id}/read",
            "POST /v1/notifications/{id}/unread",
        ]
    );
}

#[test]
fn another_company_does_not_exist() {
    let app = TestApp::start();
    let ids = records(&app, &app.user("admin"));
    let stranger = app.user_of("other", "admin");
    let mut tried = 0;
    for operation in all(&ids).into_iter().filter(|operation| !operation.public) {
        let names_a_record = ids.values().any(|id| !id.is_empty() && operation.path.contains(id));
        if names_a_record {
            operation.send(&stranger).problem(404, "not_found");
            tried += 1;
        }
    }
    assert!(tried > 25, "{tried}");
}

#[test]
fn lists_and_searches_show_nothing_of_another_company() {
    let app = TestApp::start();
    let (admin, stranger) = (app.user("admin"), app.user_of("other", "admin"));
    for list in [
        "customers",
        "contacts",
        "users",
        "departments",
        "roles",
        "api-clients",
        "events",
        "customers?q=c",
        "jobs",
        "webhooks",
        "webhook-deliveries",
        "operations",
        "files",
        "notifications",
    ] {
        let path = format!("/v1/{list}");
        let (ours, theirs) = (admin.all_ids(&path, 200), stranger.all_ids(&path, 200));
        let empty =
            ["api-clients", "jobs", "webhooks", "webhook-deliveries", "operations", "files", "notifications"];
        assert!(empty.contains(&list) || !theirs.is_empty(), "{list}");
        assert!(theirs.iter().all(|id| !ours.contains(id)), "{list}");
    }
}

#[test]
fn ids_in_bodies_do_not_reach_into_another_company() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let ids = records(&app, &admin);
    let stranger = app.user_of("other", "admin");
    let own = stranger.get("/v1/me").ok();
    let company = json!({ "kind": "company", "name": "x" });
    let with = |body: &Value, field: &str, id: &str| {
        let mut body = body.clone();
        body[field] = json!(id);
        body
    };
    let contact = json!({ "name": "x" });
    let user = json!({ "email": "x@demo.test", "name": "x", "department_id": own["department_id"], "role_id": own["role_id"] });
    let client = json!({ "name": "x", "permissions": [], "department_id": own["department_id"] });
    for (path, body, field, collection) in [
        ("/v1/customers", &company, "owner_id", "users"),
        ("/v1/contacts", &contact, "customer_id", "customers"),
        ("/v1/departments", &json!({ "name": "x" }), "parent_id", "departments"),
        ("/v1/users", &user, "department_id", "departments"),
        ("/v1/users", &user, "role_id", "roles"),
        ("/v1/api-clients", &client, "department_id", "departments"),
        ("/v1/api-keys", &json!({ "name": "x" }), "client_id", "api-clients"),
    ] {
        let problem =
            stranger.post(path, &with(body, field, &ids[collection])).problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{field}"), "{path}");
        assert_eq!(problem["errors"][0]["code"], "not_found", "{path}");
    }
}

#[test]
fn outside_of_the_data_scope_nothing_exists() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let mut ids = records(&app, &admin);
    // Everything here belongs to the manager; the one who tries is somebody in another department.
    let manager = app.user("manager").get("/v1/me").ok();
    let of_manager =
        |path: &str| admin.get(path).ok()["data"][0]["id"].as_str().expect("a record").to_owned();
    ids.insert(
        "customers".into(),
        of_manager(&format!(
            "/v1/customers?kind=company&owner_id={}",
            manager["id"].as_str().unwrap_or_default()
        )),
    );
    ids.insert("contacts".into(), of_manager(&format!("/v1/contacts?customer_id={}", ids["customers"])));
    ids.insert("users".into(), manager["id"].as_str().expect("an id").to_owned());
    let outsider = app.user("agent").get("/v1/me").ok();
    for scope in [DataScope::Own, DataScope::Department, DataScope::Subtree] {
        let client = app.like(&outsider, &Permission::all(), scope);
        for operation in all(&ids).into_iter().filter(|operation| operation.permission.is_some()) {
            let scoped = [
                "customers",
                "contacts",
                "users",
                "api-clients",
                "api-keys",
                "jobs",
                "webhooks",
                "webhook-deliveries",
                "operations",
                "files",
            ];
            if scoped.iter().any(|collection| operation.path.contains(&ids[*collection])) {
                let reply = operation.send(&client);
                assert_eq!(reply.status, 404, "{scope} {}: {}", operation.name, reply.body);
            }
        }
        for list in ["customers", "contacts", "customers?q=c", "customers?sort=name", "contacts?q=1"] {
            assert_eq!(client.all_ids(&format!("/v1/{list}"), 200), Vec::<String>::new(), "{scope} {list}");
        }
        let seen = client.all_ids("/v1/users", 200);
        assert!(!seen.contains(&ids["users"]), "{scope}");
        let events = client.get("/v1/events?limit=200").ok();
        assert_eq!(events["data"], json!([]), "{scope}");
    }
}
