use std::time::{Duration, Instant};

use fulcrum_persistence::local_postgres::{LocalPostgres, Settings};
use fulcrum_persistence::migrations;

use super::customers::at_once;
use crate::support::{Options, Reply, TestApp, company, database};

/// Asks again until the answer has the status, for a bounded time.
fn until(status: u16, ask: impl Fn() -> Reply) {
    let began = Instant::now();
    while ask().status != status {
        assert!(began.elapsed() < Duration::from_secs(30), "{status} never came");
        std::thread::yield_now();
    }
}

#[test]
fn a_database_that_goes_away_and_comes_back() {
    let folder = std::env::temp_dir().join(format!("fulcrum-away-{}", std::process::id()));
    let settings = Settings { durable: false, ..Settings::new(&folder) };
    let server = LocalPostgres::start(&settings).expect("a server");
    migrations::ensure_database(&server.url("postgres"), "away").expect("a database");
    let url = server.url("away");
    migrations::apply(&url).expect("migrations");
    let seeding = database::door(&url, fulcrum_persistence::Clock::system(), 2);
    fulcrum_api::commands::fill_demo(&seeding, "demo", 3).expect("a company");
    drop(seeding);
    let app = TestApp::with(Options { url: Some(url), wait_ms: 500, ..Options::default() });
    let admin = app.user("admin");
    admin.get("/v1/customers").ok();
    server.stop().expect("it stops");

    let gone = admin.get("/v1/customers");
    assert!(gone.header("retry-after").is_some());
    let problem = gone.problem(503, "database_unavailable");
    assert!(!problem.to_string().contains("socket") && !problem.to_string().contains("away"), "{problem}");
    admin.post("/v1/customers", &company("x")).problem(503, "database_unavailable");
    app.anonymous().get("/health/ready").problem(503, "database_unavailable");
    app.anonymous().get("/health/live").ok();

    let server = LocalPostgres::start(&settings).expect("it comes back");
    until(200, || admin.get("/v1/customers"));
    until(201, || admin.post("/v1/customers", &company("回来")));
    app.anonymous().get("/health/ready").ok();
    drop(app);
    server.stop().expect("it stops");
    std::fs::remove_dir_all(folder).expect("the folder goes");
}

#[test]
fn connections_that_were_cut_are_replaced_without_anybody_noticing() {
    let app = TestApp::start();
    let admin = app.user("admin");
    admin.get("/v1/customers").ok();
    database::execute(
        &database::server().url("postgres"),
        &format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'",
            app.url.split('/').nth(3).and_then(|rest| rest.split('?').next()).expect("a name")
        ),
    );
    admin.get("/v1/customers").ok();
    admin.create("/v1/customers", &company("x"));
}

#[test]
fn when_all_connections_are_busy_the_wait_is_bounded() {
    let app = TestApp::with(Options { connections: 2, wait_ms: 300, ..Options::default() });
    let admin = app.user("admin");
    let customer = admin.create("/v1/customers", &company("锁"));
    let id = customer["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/customers/{id}");
    // Somebody else holds the row, so that both connections wait for it.
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let (locked, is_locked) = std::sync::mpsc::channel();
    let url = app.url.clone();
    let holder = std::thread::spawn(move || {
        use diesel::connection::SimpleConnection;
        use diesel::{Connection, PgConnection};
        let mut conn = PgConnection::establish(&url).expect("a connection");
        conn.batch_execute(&format!("begin; select from customers where id = '{id}' for update"))
            .expect("the lock");
        locked.send(()).expect("the test waits");
        let _ = receive.recv_timeout(Duration::from_secs(20));
        conn.batch_execute("rollback").expect("the end");
    });
    is_locked.recv().expect("the lock");
    let began = Instant::now();
    let (path, client) = (&path, &admin);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || client.patch(path, &serde_json::json!({ "vip": true })));
        }
        // Until both hold a connection, a read still gets through.
        until(503, || client.get("/v1/customers?limit=1"));
        let reply = client.get("/v1/customers?limit=1");
        assert!(reply.header("retry-after").is_some());
        reply.problem(503, "overloaded");
        send.send(()).expect("the holder waits");
    });
    assert!(began.elapsed() < Duration::from_secs(20));
    holder.join().expect("the holder ends");
    admin.get("/v1/customers?limit=1").ok();
}

#[test]
fn a_crowd_is_served_or_told_to_come_back() {
    let app = TestApp::with(Options { connections: 2, wait_ms: 5000, ..Options::default() });
    let admin = app.user("admin");
    let statuses = at_once(100, || admin.get("/v1/customers?limit=50").status);
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&200));
}
