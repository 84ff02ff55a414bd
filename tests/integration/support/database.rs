//! One throw-away PostgreSQL for the whole binary, and clones of a template in it.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use fulcrum_persistence::local_postgres::LocalPostgres;
use fulcrum_persistence::platform::maintenance;
use fulcrum_persistence::{Clock, Db, DbSettings, migrations};

/// The template has two companies, `demo` and `other`, made as `--demo` makes them, with fewer customers.
pub const CUSTOMERS: usize = 60;

static SERVER: LazyLock<LocalPostgres> = LazyLock::new(|| {
    let server = LocalPostgres::throw_away().expect("PostgreSQL's programs are installed");
    let url = server.url("template_fulcrum");
    migrations::ensure_database(&server.url("postgres"), "template_fulcrum").expect("a template database");
    migrations::apply(&url).expect("the migrations apply");
    maintenance::run(&url, Clock::system().now(), None).expect("partitions");
    let db = door(&url, Clock::system(), 2);
    for (tenant, customers) in [("demo", CUSTOMERS), ("other", 3)] {
        assert!(fulcrum_api::commands::fill_demo(&db, tenant, customers).expect("a demo company"));
    }
    server
});

/// The shared server.
pub fn server() -> &'static LocalPostgres {
    &SERVER
}

/// A database of one's own: a clone of the template.
pub fn clone() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    execute(&SERVER.url("postgres"), &format!("create database {name} template template_fulcrum"));
    SERVER.url(&name)
}

/// A database of one's own with nothing in it.
pub fn empty() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("empty_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    execute(&SERVER.url("postgres"), &format!("create database {name} template template0"));
    SERVER.url(&name)
}

/// The door to a database.
pub fn door(url: &str, clock: Clock, connections: u32) -> Db {
    let settings = DbSettings {
        url: url.to_owned(),
        connections,
        wait: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(30),
    };
    Db::new(settings, clock)
}

/// Runs statements.
pub fn execute(url: &str, statements: &str) {
    connect(url).batch_execute(statements).unwrap_or_else(|error| panic!("{error} in {statements}"));
}

fn connect(url: &str) -> PgConnection {
    PgConnection::establish(url).expect("a connection")
}

/// The texts of a query's only column, which has to be named `text`.
pub fn texts(url: &str, query: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        text: String,
    }
    let rows: Vec<Row> =
        sql_query(query).load(&mut connect(url)).unwrap_or_else(|error| panic!("{error} in {query}"));
    rows.into_iter().map(|row| row.text).collect()
}
