//! `/v1/automation-runs`

use actix_web::get;
use actix_web::web::Path;
use fulcrum_domain::access::permit::AutomationsRead;
use uuid::Uuid;

use super::service;
use super::views::{RunList, RunQuery, RunView};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::query::Query;

/// List runs of automations
///
/// Each time that an automation was asked, why it did something or not, and what. Newest first; kept for 30 days. What waits, and what was
/// about records that its author doesn't see, is told to who sees the whole company.
#[utoipa::path(operation_id = "listAutomationRuns", tag = "automations", params(RunQuery),
    security(("bearer" = ["platform.automations:read"])),
    responses((status = 200, description = "A page of runs.", body = RunList)))]
#[get("/v1/automation-runs")]
pub async fn list(call: Allowed<AutomationsRead>, query: Query<RunQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Get a run of an automation
#[utoipa::path(operation_id = "getAutomationRun", tag = "automations",
    params(("id" = Uuid, Path, description = "Id of the run.")),
    security(("bearer" = ["platform.automations:read"])),
    responses((status = 200, description = "The run.", body = RunView)))]
#[get("/v1/automation-runs/{id}")]
pub async fn get(call: Allowed<AutomationsRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| Answer::ok(&service::show(tx, *id)?)).await
}
