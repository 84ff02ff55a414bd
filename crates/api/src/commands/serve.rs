//! `fulcrum serve`

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use clap::Args;
use fulcrum_persistence::access::tenants;
use fulcrum_persistence::{Clock, Db, StoreError};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;

use super::installation::{self, Database};
use crate::app::Outside;
use crate::auth::keys::Keys;
use crate::platform::jobs::{Kinds, Worker, WorkerSettings};
use crate::settings::{
    DatabaseSettings, KeepingSettings, OutsideSettings, SecretSettings, ServerSettings, TelemetrySettings,
};
use crate::{App, server, telemetry};

/// Everything that `fulcrum serve` can be told.
#[derive(Args, Debug)]
pub struct Serve {
    /// Make the demo company, with a password that everybody knows: not for production.
    #[arg(long, env = "FULCRUM_DEMO", value_parser = clap::builder::BoolishValueParser::new())]
    demo: bool,
    /// Leave jobs to `fulcrum worker` processes.
    #[arg(long, env = "FULCRUM_NO_WORKER", value_parser = clap::builder::BoolishValueParser::new())]
    no_worker: bool,
    #[command(flatten)]
    worker: WorkerSettings,
    #[command(flatten)]
    server: ServerSettings,
    #[command(flatten)]
    database: DatabaseSettings,
    #[command(flatten)]
    secret: SecretSettings,
    #[command(flatten)]
    outside: OutsideSettings,
    #[command(flatten)]
    keeping: KeepingSettings,
    #[command(flatten)]
    telemetry: TelemetrySettings,
}

impl Serve {
    /// Runs the server until it is told to stop.
    ///
    /// # Errors
    /// A sentence for a person.
    pub fn run(&self) -> Result<(), String> {
        let _telemetry = telemetry::start(&self.telemetry)?;
        allow_many_connections();
        let metrics = telemetry::collect_metrics()?;
        // Both are taken before anything is changed: a second server on the same port shall not touch the database.
        let listener = bind("--listen", self.server.listen)?;
        let metrics_listener = bind("--metrics-listen", self.server.metrics_listen)?;
        let database = Database::open(&self.database)?;
        let keys = installation::keys(&self.secret, &self.database.data)?;
        let outside = Outside::open(&self.outside, &self.keeping, &self.database)?;
        database.migrate()?;
        database.watch();
        let db = database.door(Clock::system());
        self.greet(&db, &database, &keys, &outside)?;
        let contract = Arc::new(server::contract());
        let settings = self.server.clone();
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (url, upkeep) = (database.url.clone(), metrics.clone());
        let worker = (!self.no_worker).then(|| self.worker.clone());
        actix_web::rt::System::new().block_on(async move {
            let app = web::Data::new(App::new(db, keys, settings, contract, outside));
            let api = server::server(app.clone(), listener).map_err(|error| error.to_string())?;
            let numbers =
                server::metrics_server(app.clone(), metrics, metrics_listener).map_err(|e| e.to_string())?;
            let (stop, stop_metrics) = (api.handle(), numbers.handle());
            let streams = app.streams.clone();
            let (stop_worker, stopped) = watch::channel(false);
            let working = worker.map(|settings| {
                actix_web::rt::spawn(Worker::new(app.clone(), Kinds::standard(), settings, &url).run(stopped))
            });
            actix_web::rt::spawn(keep_metrics_small(upkeep));
            actix_web::rt::spawn(async move {
                let signal = stop_signal().await;
                tracing::info!(signal, "stopping: requests in flight may end");
                let _ = stop_worker.send(true);
                streams.stop();
                stop.stop(true).await;
                stop_metrics.stop(false).await;
            });
            tracing::info!(%address, "ready");
            let (api, numbers) = futures_util::future::join(api, numbers).await;
            if let Some(working) = working {
                let _ = working.await;
            }
            api.and(numbers).map_err(|error| error.to_string())
        })?;
        tracing::info!("stopped");
        Ok(())
    }

    fn greet(&self, db: &Db, database: &Database, keys: &Keys, outside: &Outside) -> Result<(), String> {
        let address = self.server.listen;
        println!("fulcrum {} on http://{address} with {}", env!("CARGO_PKG_VERSION"), database.place());
        println!("  documentation  http://{address}/docs");
        println!("  metrics        http://{}/metrics", self.server.metrics_listen);
        if self.demo {
            let made = super::demo::fill(db, "demo", super::demo::CUSTOMERS)?;
            super::demo_extras::add(db, "demo", keys, &outside.files)?;
            if made {
                println!("  made the demo company 科创信息 with 500 customers");
            }
            println!(
                "  demo users     admin, manager, rep.east, rep.north, agent, supervisor, marketing, finance @demo.test"
            );
            println!("  password       {}", super::demo::PASSWORD);
            println!(
                "  sign in        curl -s http://{address}/v1/auth/login -H 'Content-Type: application/json' \
                 -d '{{\"tenant\":\"demo\",\"email\":\"admin@demo.test\",\"password\":\"{}\"}}'",
                super::demo::PASSWORD
            );
            return Ok(());
        }
        let tenants =
            db.write_now(&installation::system(), tenants::count).map_err(|e: StoreError| e.to_string())?;
        if tenants == 0 {
            println!("  There is no tenant yet. Stop the server, or use a database of your own, and then:");
            println!(
                "    fulcrum admin create-tenant --slug acme --name 'Acme Ltd.' --admin-email you@acme.example"
            );
        }
        Ok(())
    }
}

/// Each open stream is an open file, and the usual limit of 1,024 is far below what the system allows.
#[cfg(unix)]
fn allow_many_connections() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::debug!(%error, soft, "the limit of open files stays as it is");
    }
}

#[cfg(not(unix))]
fn allow_many_connections() {}

fn bind(flag: &str, address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| format!("{flag} {address}: {error}"))
}

/// What histograms were told is kept in a list until somebody asks for it, or until this.
pub(super) async fn keep_metrics_small(metrics: PrometheusHandle) {
    let mut interval = actix_web::rt::time::interval(Duration::from_secs(5));
    loop {
        interval.tick().await;
        metrics.run_upkeep();
    }
}

#[cfg(unix)]
pub(super) async fn stop_signal() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

#[cfg(not(unix))]
pub(super) async fn stop_signal() -> &'static str {
    match tokio::signal::ctrl_c().await {
        Ok(()) => "Ctrl-C",
        Err(_) => std::future::pending().await,
    }
}
