//! `/health`

use std::sync::Arc;

use actix_web::get;
use fulcrum_domain::access::Actor;
use fulcrum_persistence::Tx;
use fulcrum_persistence::platform::maintenance;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::allowed::Anonymous;
use crate::http::answer::Answer;
use crate::http::catalog::Code;
use crate::http::problem::Problem;

/// How it is.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// `ok`
    #[schema(max_length = 10, example = "ok")]
    pub status: &'static str,
    /// Version of the program.
    #[schema(max_length = 40, example = "0.1.0")]
    pub version: &'static str,
}

const OK: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// Is the process alive
///
/// Says nothing of the database: a process that can't reach it is not helped by being killed.
#[utoipa::path(operation_id = "getLiveness", tag = "health", security(()),
    responses((status = 200, description = "It is.", body = Health)))]
#[get("/health/live")]
pub async fn live(_call: Anonymous) -> Result<Answer, Problem> {
    Answer::ok(&OK)
}

/// Who asks whether the process is ready doesn't wait long for the answer.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// Can the process do its work
///
/// 503 while the database can't be reached, or doesn't have all migrations, and when the worker of this process is silent.
#[utoipa::path(operation_id = "getReadiness", tag = "health", security(()),
    responses((status = 200, description = "It can.", body = Health)))]
#[get("/health/ready")]
pub async fn ready(call: Anonymous) -> Result<Answer, Problem> {
    let nobody = Arc::new(Actor::system(Uuid::nil(), chrono_tz::Tz::UTC, "CN"));
    let migrated = |tx: &mut Tx| Ok::<_, Problem>(maintenance::is_migrated(tx)?);
    let asked = call.app.db.read(&nobody, &call.context.stats, migrated);
    let answer = tokio::time::timeout(PATIENCE, asked).await;
    let unavailable = || Problem::new(Code::DatabaseUnavailable).retry_after(5);
    if !answer.map_err(|_| unavailable())?? {
        return Err(unavailable());
    }
    if call.app.pulse.is_missing() {
        return Err(Problem::new(Code::WorkerSilent).retry_after(5));
    }
    Answer::ok(&OK)
}
