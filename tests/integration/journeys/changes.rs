use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use chrono::TimeDelta;
use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_persistence::platform::changes::{self, Place};
use fulcrum_persistence::platform::events::{self, Event, NewEvent};
use fulcrum_persistence::{StoreError, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, TestApp, company, database};

/// Somebody who keeps a copy.
struct Reader<'a> {
    app: &'a TestApp,
    client: Client,
    cursor: String,
}

impl<'a> Reader<'a> {
    fn new(app: &'a TestApp, client: Client) -> Reader<'a> {
        app.settle();
        let end = client.get("/v1/changes").ok();
        assert_eq!((&end["data"], &end["has_more"]), (&json!([]), &json!(false)));
        Reader { app, client, cursor: end["next_cursor"].as_str().unwrap().to_owned() }
    }

    /// What changed since the last time: kind, type and id, to the end.
    fn read(&mut self) -> Vec<(String, String, String)> {
        self.read_with("")
            .iter()
            .map(|change| {
                let text = |name: &str| change[name].as_str().unwrap().to_owned();
                (text("kind"), text("type"), text("id"))
            })
            .collect()
    }

    fn read_with(&mut self, more: &str) -> Vec<Value> {
        self.app.settle();
        let mut all = Vec::new();
        loop {
            let page = self.client.get(&format!("/v1/changes?cursor={}{more}", self.cursor)).ok();
            self.cursor = page["next_cursor"].as_str().unwrap().to_owned();
            all.extend(page["data"].as_array().unwrap().clone());
            if page["has_more"] == json!(false) {
                return all;
            }
        }
    }
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

fn change(kind: &str, of: &str, id: &str) -> (String, String, String) {
    (kind.into(), of.into(), id.into())
}

#[test]
fn a_copy_is_kept_by_what_changed() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let mut reader = Reader::new(&app, admin.clone());
    assert_eq!(reader.read(), []);
    let first = admin.create("/v1/customers", &company("甲"));
    let second = admin.create("/v1/customers", &company("乙"));
    let contact = admin.create("/v1/contacts", &json!({ "customer_id": first["id"], "name": "丙" }));
    let path = format!("/v1/customers/{}", id(&first));
    let patched = admin.patch(&path, &json!({ "vip": true })).ok();
    let seen = reader.read_with("");
    assert_eq!(
        seen.iter().map(|one| (one["kind"].clone(), id(one))).collect::<Vec<_>>(),
        [(json!("upsert"), id(&first)), (json!("upsert"), id(&second)), (json!("upsert"), id(&contact))],
        "each record once, in the place of its first change"
    );
    assert_eq!(seen[0]["record"], patched);
    assert_eq!((&seen[2]["type"], &seen[2]["customer_id"]), (&json!("contact"), &first["id"]));
    assert_eq!(reader.read(), []);
    assert_eq!(admin.delete(&path).status, 204);
    assert_eq!(reader.read(), [change("deleted", "customer", &id(&first))]);
    admin.post_nothing(&format!("{path}/restore")).ok();
    let anew = [change("deleted", "customer", &id(&first)), change("upsert", "customer", &id(&first))];
    assert_eq!(reader.read(), anew, "with it its contacts come back, and who knows what became of them");
    // What is no record of a copy is not told: users, sessions.
    app.user("manager");
    assert_eq!(reader.read(), []);
    // One at a time is the same.
    let batch: Vec<_> =
        (0..7).map(|n| json!({ "action": "create", "data": company(&format!("批 {n}")) })).collect();
    let made = admin.post("/v1/customers/batch", &json!({ "items": batch })).expect(207);
    let ids: Vec<_> = made["results"].as_array().unwrap().iter().map(id).collect();
    let one_by_one: Vec<_> = reader.read_with("&limit=1").iter().map(id).collect();
    assert_eq!(one_by_one, ids);
}

#[test]
fn one_is_told_of_what_one_may_read_and_asked_for() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let me = admin.get("/v1/me").ok();
    let mut narrow = Reader::new(&app, app.like(&me, &[Permission::CustomersRead], DataScope::Tenant));
    let mut stranger = Reader::new(&app, app.user_of("other", "admin"));
    app.settle();
    let of_contacts = admin.get("/v1/changes?types=contact").ok()["next_cursor"].as_str().unwrap().to_owned();
    let customer = admin.create("/v1/customers", &company("甲"));
    let contact = admin.create("/v1/contacts", &json!({ "customer_id": customer["id"], "name": "丙" }));
    assert_eq!(narrow.read(), [change("upsert", "customer", &id(&customer))]);
    assert_eq!(stranger.read(), []);
    app.settle();
    let only = admin.get(&format!("/v1/changes?types=contact&cursor={of_contacts}")).ok();
    assert_eq!(only["data"].as_array().unwrap().iter().map(id).collect::<Vec<_>>(), [id(&contact)]);
    admin.get(&format!("/v1/changes?cursor={of_contacts}")).problem(400, "invalid_cursor");
    stranger.client.get(&format!("/v1/changes?cursor={}", narrow.cursor)).problem(400, "invalid_cursor");
    admin.get("/v1/changes?types=user").problem(400, "invalid_parameters");
    admin.get("/v1/changes?limit=201").problem(400, "invalid_parameters");
}

#[test]
fn who_loses_a_record_is_told_and_who_never_had_it_is_not() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let who = |name: &str| app.user(name).get("/v1/me").ok();
    let (east, north, agent) = (who("rep.east"), who("rep.north"), who("agent"));
    let customer = admin.create("/v1/customers", &{
        let mut new = company("甲");
        new["owner_id"] = east["id"].clone();
        new
    });
    let path = format!("/v1/customers/{}", id(&customer));
    let scoped = |me: &Value, scope| Reader::new(&app, app.like(me, &Permission::all(), scope));
    let mut readers = BTreeMap::from([
        ("its owner", scoped(&east, DataScope::Own)),
        ("its department", scoped(&east, DataScope::Department)),
        ("its subtree", scoped(&east, DataScope::Subtree)),
        ("the next owner", scoped(&north, DataScope::Own)),
        ("the department above", scoped(&who("manager"), DataScope::Subtree)),
        ("another department", scoped(&agent, DataScope::Department)),
        ("somebody else", scoped(&agent, DataScope::Own)),
    ]);
    let mut told = || -> BTreeMap<&str, Vec<String>> {
        readers
            .iter_mut()
            .map(|(who, reader)| (*who, reader.read().into_iter().map(|change| change.0).collect()))
            .collect()
    };
    admin.patch(&path, &json!({ "owner_id": north["id"] })).ok();
    let (lost, upsert, nothing) = (vec!["access_lost".to_owned()], vec!["upsert".to_owned()], vec![]);
    assert_eq!(
        told(),
        BTreeMap::from([
            ("its owner", lost.clone()),
            ("its department", lost.clone()),
            ("its subtree", lost.clone()),
            ("the next owner", upsert.clone()),
            ("the department above", upsert.clone()),
            ("another department", nothing.clone()),
            ("somebody else", nothing.clone()),
        ])
    );
    admin.patch(&path, &json!({ "vip": true })).ok();
    let again = told();
    assert_eq!((&again["its owner"], &again["its department"]), (&nothing, &nothing), "once");
    // A user who moves takes the customers along.
    let north_path = format!("/v1/users/{}", north["id"].as_str().unwrap());
    admin.patch(&north_path, &json!({ "department_id": agent["department_id"] })).ok();
    let moved = told();
    assert!(moved["the department above"].len() > 10, "all customers of who moved");
    assert!(moved["the department above"].iter().all(|kind| *kind == lost[0]), "{moved:?}");
    assert!(moved["another department"].iter().all(|kind| *kind == upsert[0]), "{moved:?}");
    assert_eq!(moved["another department"].len(), moved["the department above"].len());
}

#[test]
fn a_cursor_that_is_of_no_use_any_more_says_so() {
    let app = TestApp::start();
    let rep = app.user("rep.east").get("/v1/me").ok();
    let own = Reader::new(&app, app.like(&rep, &Permission::all(), DataScope::Own));
    let wider = app.like(&rep, &Permission::all(), DataScope::Department);
    wider.get(&format!("/v1/changes?cursor={}", own.cursor)).problem(410, "resync_needed");
    let subtree = Reader::new(&app, app.like(&rep, &Permission::all(), DataScope::Subtree));
    let below = json!({ "name": "华东区下", "parent_id": rep["department_id"] });
    app.user("admin").create("/v1/departments", &below);
    subtree.client.get(&format!("/v1/changes?cursor={}", subtree.cursor)).problem(410, "resync_needed");
    app.clock.advance(TimeDelta::days(31));
    let later = app.like(&rep, &Permission::all(), DataScope::Own);
    later.get(&format!("/v1/changes?cursor={}", own.cursor)).problem(410, "resync_needed");
    // A database that was restored counts its transactions anew.
    let place = Place { from: 1 << 40, to: 1 << 40, seq: 0 };
    assert!(app.write(|tx| changes::read(tx, place, &["customer"], 10)).is_none());
}

fn note(tx: &mut Tx, subject: u128, version: i32) -> Result<(), StoreError> {
    let event = NewEvent {
        kind: "customer.updated".into(),
        subject_type: "customer",
        subject_id: Uuid::from_u128(subject),
        customer_id: None,
        version: Some(version),
        changes: json!({}),
    };
    events::append(tx, event)
}

/// Reads the feed to its end.
fn follow(app: &TestApp, place: &mut Place, into: &mut Vec<Event>) {
    loop {
        let from = *place;
        let read = app.write(|tx| changes::read(tx, from, &["customer"], 3)).expect("a feed");
        *place = read.next;
        into.extend(read.events);
        if !read.more {
            return;
        }
    }
}

#[test]
fn transactions_that_commit_late_are_neither_left_out_nor_put_in_the_wrong_place() {
    let app = TestApp::start();
    let system = app.system("demo");
    let mut place = app.write(changes::end);
    let mut seen = Vec::new();
    std::thread::scope(|scope| {
        let (go_on, wait) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let late = scope.spawn({
            let system = system.clone();
            let db = app.db.clone();
            move || {
                let wait = std::sync::Mutex::new(wait);
                db.write_now(&system, |tx| {
                    // The lower transaction number, and the lower place in the log.
                    note(tx, 1, 1)?;
                    tell.send(()).expect("the test waits");
                    wait.lock().expect("one waits").recv().expect("the test goes on");
                    note(tx, 2, 2)
                })
            }
        });
        told.recv().expect("it began");
        app.write(|tx| note(tx, 2, 1));
        follow(&app, &mut place, &mut seen);
        assert!(seen.is_empty(), "what comes behind something open has to wait: {seen:?}");
        go_on.send(()).expect("it waits");
        late.join().expect("a thread").expect("a transaction");
    });
    app.settle();
    follow(&app, &mut place, &mut seen);
    let order: Vec<_> = seen.iter().map(|event| (event.subject_id.as_u128(), event.version)).collect();
    assert_eq!(order, [(1, Some(1)), (2, Some(1)), (2, Some(2))]);
}

#[test]
fn many_writers_at_once_leave_no_gap_and_no_wrong_order() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let ids: Vec<_> =
        (0..4).map(|n| id(&admin.create("/v1/customers", &company(&format!("并 {n}"))))).collect();
    let start = app.write(changes::end);
    let (mut place, mut seen) = (start, Vec::new());
    let writing = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer: usize| {
                let (admin, ids) = (admin.clone(), &ids);
                scope.spawn(move || {
                    for round in 0..15 {
                        // Several records in one transaction, so that transactions are long and wait for each other.
                        let items: Vec<_> = (0..4)
                            .map(|n| {
                                json!({ "action": "update", "id": ids[(n + writer) % 4], "data": { "notes": format!("{writer} {round} {n}") } })
                            })
                            .collect();
                        admin.post("/v1/customers/batch", &json!({ "items": items })).expect(207);
                        admin.create("/v1/customers", &company(&format!("新 {writer} {round}")));
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            for writer in writers {
                writer.join().expect("a writer");
            }
            writing.store(false, Ordering::Relaxed);
        });
        while writing.load(Ordering::Relaxed) {
            follow(&app, &mut place, &mut seen);
        }
    });
    app.settle();
    follow(&app, &mut place, &mut seen);
    let all = database::texts(
        &app.url,
        &format!(
            "select seq::text as text from events where subject_type = 'customer' and xid >= {}",
            start.to
        ),
    );
    let told: BTreeSet<String> = seen.iter().map(|event| event.seq.to_string()).collect();
    assert_eq!(told.len(), seen.len(), "each one once");
    assert_eq!(told, all.into_iter().collect(), "and all of them");
    assert!(seen.len() >= 4 * 15 * 5);
    let mut versions: BTreeMap<Uuid, i32> = BTreeMap::new();
    for event in &seen {
        let version = event.version.expect("a version");
        let before = versions.insert(event.subject_id, version);
        assert!(before.is_none_or(|before| before < version), "{before:?} before {version}");
    }
}

#[test]
fn a_change_that_follows_another_one_is_told_behind_it_also_from_a_lower_transaction() {
    let app = TestApp::start();
    let system = app.system("demo");
    let mut place = app.write(changes::end);
    let mut seen = Vec::new();
    // Two transactions that wait until they are told to end; the first one writes again then.
    let open = |subject: u128, again: Option<(u128, i32)>| {
        let ((tell, told), (go_on, wait)) = (mpsc::channel(), mpsc::channel::<()>());
        let (db, system) = (app.db.clone(), system.clone());
        let thread = std::thread::spawn(move || {
            let wait = std::sync::Mutex::new(wait);
            db.write_now(&system, |tx| {
                note(tx, subject, 1)?;
                tell.send(()).expect("the test waits");
                wait.lock().expect("one waits").recv().expect("the test goes on");
                again.map_or(Ok(()), |(subject, version)| note(tx, subject, version))
            })
        });
        told.recv().expect("it began");
        move || {
            go_on.send(()).expect("it waits");
            thread.join().expect("a thread").expect("a transaction");
        }
    };
    let end_low = open(1, Some((9, 3)));
    let end_between = open(2, None);
    app.write(|tx| note(tx, 9, 2));
    end_low();
    follow(&app, &mut place, &mut seen);
    end_between();
    app.settle();
    follow(&app, &mut place, &mut seen);
    let versions: Vec<_> =
        seen.iter().filter(|event| event.subject_id.as_u128() == 9).map(|event| event.version).collect();
    assert_eq!(versions, [Some(2), Some(3)]);
    assert_eq!(seen.len(), 4, "and nothing is left out");
}

#[test]
fn what_happens_to_contacts_while_their_customer_is_away_is_not_missed() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = admin.create("/v1/customers", &company("甲"));
    let contact = admin.create("/v1/contacts", &json!({ "customer_id": customer["id"], "name": "丙" }));
    let path = format!("/v1/customers/{}", id(&customer));
    let mut reader = Reader::new(&app, admin.clone());
    let mut contacts = Reader { cursor: String::new(), ..Reader::new(&app, admin.clone()) };
    let end = admin.get("/v1/changes?types=contact").ok();
    contacts.cursor = end["next_cursor"].as_str().unwrap().to_owned();
    admin.delete(&format!("/v1/contacts/{}", id(&contact)));
    admin.delete(&path);
    admin.post_nothing(&format!("{path}/restore")).ok();
    let told: Vec<_> =
        reader.read_with("&limit=1").iter().map(|one| (one["kind"].clone(), one["type"].clone())).collect();
    assert!(
        told.contains(&(json!("deleted"), json!("customer"))),
        "the copy lets go of its contacts: {told:?}"
    );
    assert_eq!(told.last(), Some(&(json!("upsert"), json!("customer"))));
    let alone: Vec<_> = contacts
        .read_with("&types=contact")
        .iter()
        .map(|one| (one["kind"].clone(), one["type"].clone()))
        .collect();
    assert!(
        alone.contains(&(json!("deleted"), json!("customer"))),
        "also who keeps contacts alone: {alone:?}"
    );
    assert!(!alone.contains(&(json!("upsert"), json!("customer"))), "{alone:?}");
    let me = admin.get("/v1/me").ok();
    let narrow = app.like(&me, &[Permission::CustomersRead], DataScope::Tenant);
    narrow.get("/v1/changes?types=contact").problem(403, "permission_denied");
    narrow.get(&format!("/v1/changes?cursor={}", reader.cursor)).problem(410, "resync_needed");
}
