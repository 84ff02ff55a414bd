//! `fulcrum worker`

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::web;
use clap::Args;
use fulcrum_persistence::Clock;
use tokio::sync::watch;

use super::installation::{self, Database};
use super::serve::{keep_metrics_small, stop_signal};
use crate::app::Outside;
use crate::platform::jobs::{Kinds, Worker, WorkerSettings};
use crate::settings::{
    DatabaseSettings, KeepingSettings, OutsideSettings, SecretSettings, ServerSettings, TelemetrySettings,
};
use crate::{App, server, telemetry};

/// Everything that `fulcrum worker` can be told.
#[derive(Args, Debug)]
pub struct WorkerCommand {
    /// Address of the Prometheus metrics.
    #[arg(
        id = "worker_metrics_listen",
        long = "metrics-listen",
        env = "FULCRUM_WORKER_METRICS_LISTEN",
        default_value = "127.0.0.1:9465"
    )]
    metrics_listen: SocketAddr,
    #[command(flatten)]
    worker: WorkerSettings,
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

impl WorkerCommand {
    /// Works until it is told to stop.
    ///
    /// # Errors
    /// A sentence for a person.
    pub fn run(&self) -> Result<(), String> {
        let _telemetry = telemetry::start(&self.telemetry)?;
        let metrics = telemetry::collect_metrics()?;
        let listener = TcpListener::bind(self.metrics_listen)
            .map_err(|error| format!("--metrics-listen {}: {error}", self.metrics_listen))?;
        let database = Database::open(&self.database)?;
        let keys = installation::keys(&self.secret, &self.database.data)?;
        let outside = Outside::open(&self.outside, &self.keeping, &self.database)?;
        database.migrate()?;
        database.watch();
        let db = database.door(Clock::system());
        let contract = Arc::new(server::contract());
        actix_web::rt::System::new().block_on(async {
            let app = web::Data::new(App::new(db, keys, ServerSettings::default(), contract, outside));
            let numbers = server::metrics_server(app.clone(), metrics.clone(), listener)
                .map_err(|error| error.to_string())?;
            let stop_metrics = numbers.handle();
            actix_web::rt::spawn(numbers);
            actix_web::rt::spawn(keep_metrics_small(metrics));
            let (stop, stopped) = watch::channel(false);
            actix_web::rt::spawn(async move {
                let signal = stop_signal().await;
                tracing::info!(signal, "stopping: jobs in hand may end");
                let _ = stop.send(true);
            });
            tracing::info!("working");
            Worker::new(app, Kinds::standard(), self.worker.clone(), &database.url).run(stopped).await;
            stop_metrics.stop(false).await;
            tracing::info!("stopped");
            Ok(())
        })
    }
}
