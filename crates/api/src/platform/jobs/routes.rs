//! `/v1/jobs`

use actix_web::web::Path;
use actix_web::{get, post};
use fulcrum_domain::access::permit::{JobsRead, JobsWrite};
use uuid::Uuid;

use super::service;
use super::views::{JobList, JobQuery, JobView};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::query::Query;

/// List jobs
///
/// The work that is done later, newest first. Outside of the data scope `tenant`, only what the caller asked for.
#[utoipa::path(operation_id = "listJobs", tag = "jobs", params(JobQuery),
    security(("bearer" = ["platform.jobs:read"])),
    responses((status = 200, description = "A page of jobs.", body = JobList)))]
#[get("/v1/jobs")]
pub async fn list(call: Allowed<JobsRead>, query: Query<JobQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Get a job
#[utoipa::path(operation_id = "getJob", tag = "jobs",
    params(("id" = Uuid, Path, description = "Id of the job.")),
    security(("bearer" = ["platform.jobs:read"])),
    responses((status = 200, description = "The job.", body = JobView)))]
#[get("/v1/jobs/{id}")]
pub async fn get(call: Allowed<JobsRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| Answer::ok(&service::show(tx, *id)?)).await
}

/// Try a job again
///
/// One that is dead or was given up waits again, with all its attempts.
#[utoipa::path(operation_id = "retryJob", tag = "jobs",
    params(("id" = Uuid, Path, description = "Id of the job.")),
    security(("bearer" = ["platform.jobs:write"])),
    responses((status = 200, description = "The job as it is now.", body = JobView)))]
#[post("/v1/jobs/{id}/retry")]
pub async fn retry(call: Allowed<JobsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.write(move |tx| Answer::ok(&service::retry(tx, *id)?)).await
}

/// Give up a job
///
/// One that waits or is dead is never done, unless it is retried.
#[utoipa::path(operation_id = "discardJob", tag = "jobs",
    params(("id" = Uuid, Path, description = "Id of the job.")),
    security(("bearer" = ["platform.jobs:write"])),
    responses((status = 200, description = "The job as it is now.", body = JobView)))]
#[post("/v1/jobs/{id}/discard")]
pub async fn discard(call: Allowed<JobsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.write(move |tx| Answer::ok(&service::discard(tx, *id)?)).await
}
