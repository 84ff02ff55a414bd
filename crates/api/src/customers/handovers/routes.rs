//! `/v1/handovers`

use actix_web::web::Path;
use actix_web::{get, post};
use fulcrum_domain::access::permit::{CustomersAssign, CustomersRead};
use fulcrum_persistence::customers::handovers as store;
use uuid::Uuid;

use super::views::{HandoverList, HandoverRequest, HandoverView};
use super::{giving, service, undoing};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::wire::PageQuery;
use crate::platform::operations::views::OperationView;

/// Hand customers over
///
/// Gives one customer, those that are selected, or somebody's whole book to another owner, as an operation: each gets a version and an
/// event, the open tasks of its former owner go along unless told otherwise, and the receiver is told.
#[utoipa::path(operation_id = "createHandover", tag = "handovers", request_body = HandoverRequest,
    security(("bearer" = ["customers.customers:assign"])),
    responses((status = 202, description = "The operation that does it; its result is `{\"handover_id\": …, \"customers\": …, \"tasks\": …}`.", body = OperationView)))]
#[post("/v1/handovers")]
pub async fn create(call: Allowed<CustomersAssign>, body: Body<HandoverRequest>) -> Result<Answer, Problem> {
    call.write(move |tx| giving::give_over(tx, &body)).await
}

/// List handovers
///
/// Those that the caller made or got, newest first; in the scope of the company all.
#[utoipa::path(operation_id = "listHandovers", tag = "handovers", params(PageQuery),
    security(("bearer" = ["customers.customers:read"])),
    responses((status = 200, description = "A page.", body = HandoverList)))]
#[get("/v1/handovers")]
pub async fn list(call: Allowed<CustomersRead>, query: Query<PageQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Get a handover
#[utoipa::path(operation_id = "getHandover", tag = "handovers",
    params(("id" = Uuid, Path, description = "Id of the handover.")),
    security(("bearer" = ["customers.customers:read"])),
    responses((status = 200, description = "The handover, for its receiver: note and summary.", body = HandoverView)))]
#[get("/v1/handovers/{id}")]
pub async fn get(call: Allowed<CustomersRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| Answer::ok(&HandoverView::from(&store::find(tx, *id)?))).await
}

/// Undo a handover
///
/// Within a day: customers that are still with who got them go back to who had them, with the tasks that went along and are still open.
#[utoipa::path(operation_id = "undoHandover", tag = "handovers",
    params(("id" = Uuid, Path, description = "Id of the handover.")),
    security(("bearer" = ["customers.customers:assign"])),
    responses((status = 202, description = "The operation that does it; its result is `{\"customers_returned\": …, \"customers_kept\": …}`.", body = OperationView)))]
#[post("/v1/handovers/{id}/undo")]
pub async fn undo(call: Allowed<CustomersAssign>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.write(move |tx| undoing::give_back(tx, *id)).await
}
