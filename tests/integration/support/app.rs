//! A server for one test, in its own thread, on its own database.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, mpsc};
use std::time::Duration;

use actix_web::web;
use chrono::{DateTime, Utc};
use fulcrum_api::auth::keys::Keys;
use fulcrum_api::auth::tokens;
use fulcrum_api::http::contract::Contract;
use fulcrum_api::settings::{
    DatabaseSettings, Hidden, KeepingSettings, MailSettings, OutsideSettings, ServerSettings,
};
use fulcrum_api::{App, Outside};
use fulcrum_domain::access::{Actor, DataScope, Permission, Principal};
use fulcrum_persistence::{Clock, Db};
use uuid::Uuid;

use super::client::Client;
use super::database;

/// The contract is the same for all servers, and so are its validators.
static CONTRACT: LazyLock<Arc<Contract>> = LazyLock::new(|| Arc::new(fulcrum_api::server::contract()));

/// The contract that all servers here go by.
pub fn contract() -> Arc<Contract> {
    CONTRACT.clone()
}

/// How a server shall differ from the usual one.
pub struct Options {
    /// libpq URL; a clone of the template unless given.
    pub url: Option<String>,
    /// Data folder; a new one unless given.
    pub data: Option<PathBuf>,
    /// Connections to the database.
    pub connections: u32,
    /// Milliseconds that a request waits for the database.
    pub wait_ms: u64,
    /// Where its workers send mail; nowhere unless given.
    pub smtp_url: Option<String>,
    /// What differs in the settings.
    pub settings: fn(&mut ServerSettings),
}

impl Default for Options {
    fn default() -> Options {
        Options { url: None, data: None, connections: 4, wait_ms: 5000, smtp_url: None, settings: |_| {} }
    }
}

/// A running server.
pub struct TestApp {
    /// Where it answers.
    pub address: String,
    /// Its database.
    pub url: String,
    /// Its data folder, with the files.
    pub data: PathBuf,
    /// Its clock, which stands still until it is moved.
    pub clock: Clock,
    /// Its keys.
    pub keys: Keys,
    /// The door to its database.
    pub db: Db,
    /// Where its workers send mail.
    pub smtp_url: Option<String>,
    handle: actix_web::dev::ServerHandle,
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // The answer isn't waited for: the server thread ends by itself.
        drop(self.handle.stop(false));
    }
}

impl TestApp {
    /// The usual server.
    pub fn start() -> TestApp {
        TestApp::with(Options::default())
    }

    /// A server that differs.
    pub fn with(options: Options) -> TestApp {
        let url = options.url.unwrap_or_else(database::clone);
        let clock = Clock::standing_at("2027-03-01T02:00:00Z".parse().expect("an instant"));
        let keys = Keys::new([9; 32]);
        let db = Db::new(
            fulcrum_persistence::DbSettings {
                url: url.clone(),
                connections: options.connections,
                wait: Duration::from_millis(options.wait_ms),
                statement_timeout: Duration::from_secs(10),
            },
            clock.clone(),
        );
        let mut settings = settings();
        (options.settings)(&mut settings);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let (send, receive) = mpsc::channel();
        let data = options.data.unwrap_or_else(new_folder);
        let (server_keys, server_db, outside) = (keys.clone(), db.clone(), outside(&data, &NOTHING_KEPT));
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app =
                    web::Data::new(App::new(server_db, server_keys, settings, CONTRACT.clone(), outside));
                let server = fulcrum_api::server::server(app, listener).expect("a server");
                send.send(server.handle()).expect("the test waits");
                server.await.expect("the server ends well");
            });
        });
        let handle = receive.recv().expect("the server starts");
        TestApp { address, url, data, clock, keys, db, smtp_url: options.smtp_url, handle }
    }

    /// Somebody who isn't signed in.
    pub fn anonymous(&self) -> Client {
        Client::new(self.address.clone(), None)
    }

    /// A user of the company `demo`, signed in: `admin`, `manager`, `rep.east`, …
    pub fn user(&self, name: &str) -> Client {
        self.user_of("demo", name)
    }

    /// A user of a company, signed in.
    pub fn user_of(&self, tenant: &str, name: &str) -> Client {
        let tokens = self.login(tenant, &format!("{name}@demo.test"), "fulcrum-demo").ok();
        self.with_token(tokens["access_token"].as_str().expect("a token"))
    }

    /// Signs in.
    pub fn login(&self, tenant: &str, email: &str, password: &str) -> super::Reply {
        let body = serde_json::json!({ "tenant": tenant, "email": email, "password": password });
        self.anonymous().post("/v1/auth/login", &body)
    }

    /// Somebody with a token.
    pub fn with_token(&self, token: &str) -> Client {
        Client::new(self.address.clone(), Some(token.to_owned()))
    }

    /// Somebody with exactly these permissions and this scope, in the place of a user of a company.
    pub fn like(&self, who: &serde_json::Value, permissions: &[Permission], scope: DataScope) -> Client {
        let id = |value: &serde_json::Value| value.as_str().and_then(|text| text.parse::<Uuid>().ok());
        let actor = Actor {
            tenant_id: id(&who["tenant"]["id"]).expect("a tenant"),
            principal: Principal::User {
                id: id(&who["id"]).expect("a user"),
                session_id: id(&who["session_id"]).unwrap_or_default(),
            },
            permissions: permissions.iter().copied().collect(),
            scope,
            department_id: id(&who["department_id"]),
            locale: "en".into(),
            time_zone: chrono_tz::Asia::Shanghai,
            region: "CN".into(),
        };
        let (token, _) =
            tokens::issue(&self.keys, &actor, self.now(), chrono::TimeDelta::minutes(15)).expect("a token");
        self.with_token(&token)
    }

    /// The server's time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// Events for ever, and no backups.
pub const NOTHING_KEPT: KeepingSettings =
    KeepingSettings { event_months: None, backup_folder: None, backups_kept: 0 };

/// A folder that is removed with the database server.
pub fn new_folder() -> PathBuf {
    database::server().data_dir().join("data").join(Uuid::new_v4().to_string())
}

/// A database that there is already.
pub fn database_settings(data: &Path, url: &str) -> DatabaseSettings {
    DatabaseSettings {
        database_url: Some(url.to_owned()),
        data: data.to_owned(),
        pg_bin: None,
        database_connections: 4,
        database_wait_ms: 3000,
        statement_timeout_ms: 10_000,
    }
}

/// Bytes that a file may have.
pub const FILE_LIMIT: u64 = 20 << 20;

/// What lies outside of a process: webhooks may go to this machine.
pub fn outside(data: &Path, keeping: &KeepingSettings) -> Outside {
    outside_with_mail(data, keeping, None)
}

/// The same with a server that takes mail on.
pub fn outside_with_mail(data: &Path, keeping: &KeepingSettings, smtp_url: Option<&str>) -> Outside {
    let loopback = "127.0.0.0/8".parse().expect("a network");
    let settings = OutsideSettings {
        file_store: None,
        file_limit: FILE_LIMIT,
        spreadsheet_limit: 4 * FILE_LIMIT,
        file_types: vec![],
        webhook_networks: vec![loopback],
        webhook_timeout_seconds: 3,
        mail: MailSettings {
            smtp_url: smtp_url.map(Hidden::from),
            mail_from: smtp_url.map(|_| "Fulcrum <crm@example.com>".to_owned()),
        },
    };
    Outside::open(&settings, keeping, &database_settings(data, "postgres://nowhere")).expect("it opens")
}

/// The usual settings.
pub fn settings() -> ServerSettings {
    ServerSettings {
        listen: ([127, 0, 0, 1], 0).into(),
        metrics_listen: ([127, 0, 0, 1], 0).into(),
        http_threads: Some(1),
        cors_origins: vec!["https://crm.example".into()],
        rate_limit_per_minute: 1_000_000,
        anonymous_rate_limit_per_minute: 1_000_000,
        body_limit: 1024 * 1024,
        access_token_minutes: 15,
        session_days: 30,
        trust_proxy: false,
        hsts: false,
        shutdown_seconds: 1,
        api_key_memory: Duration::ZERO,
    }
}
