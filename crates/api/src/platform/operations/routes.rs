//! `/v1/operations`

use actix_web::web::Path;
use actix_web::{get, post};
use fulcrum_domain::access::permit::{OperationsRead, OperationsWrite};
use uuid::Uuid;

use super::service;
use super::views::{OperationList, OperationView};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::wire::PageQuery;

/// List operations
///
/// The long requests that the caller made, newest first; those of the whole company for who may see its jobs.
#[utoipa::path(operation_id = "listOperations", tag = "operations", params(PageQuery),
    security(("bearer" = ["platform.operations:read"])),
    responses((status = 200, description = "A page of operations.", body = OperationList)))]
#[get("/v1/operations")]
pub async fn list(call: Allowed<OperationsRead>, query: Query<PageQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Get an operation
///
/// Kept for at least 7 days after it ended.
#[utoipa::path(operation_id = "getOperation", tag = "operations",
    params(("id" = Uuid, Path, description = "Id of the operation.")),
    security(("bearer" = ["platform.operations:read"])),
    responses((status = 200, description = "The operation.", body = OperationView)))]
#[get("/v1/operations/{id}")]
pub async fn get(call: Allowed<OperationsRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| Answer::ok(&service::show(tx, *id)?)).await
}

/// Stop an operation
///
/// At once when nobody has begun with it, else before its next step. What it has done stays done. For that of somebody else
/// it takes `platform.jobs:write`, too.
#[utoipa::path(operation_id = "cancelOperation", tag = "operations",
    params(("id" = Uuid, Path, description = "Id of the operation.")),
    security(("bearer" = ["platform.operations:write"])),
    responses((status = 200, description = "The operation as it is now.", body = OperationView)))]
#[post("/v1/operations/{id}/cancel")]
pub async fn cancel(call: Allowed<OperationsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.write(move |tx| Answer::ok(&service::cancel(tx, *id)?)).await
}
