//! `/v1/duplicates` and `/v1/customers/check-duplicates`

use actix_web::web::Path;
use actix_web::{get, patch, post};
use fulcrum_domain::access::permit::{DuplicatesRead, DuplicatesWrite};
use uuid::Uuid;

use super::scanning::{self, DuplicateScanRequest};
use super::service::{self, Duplicates};
use super::views::{
    DuplicateCheck, DuplicateCheckRequest, DuplicateInput, DuplicateList, DuplicateQuery, DuplicateView,
};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::{Body, Patch};
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::platform::operations::views::OperationView;
use crate::records;

/// Ask whether a customer is there already
///
/// For entry forms: compares what is known of it with all customers of the company. Names are compared without their legal form,
/// punctuation and the way of writing Chinese. It reads, and changes nothing.
#[utoipa::path(operation_id = "checkDuplicates", tag = "duplicates", request_body = DuplicateCheckRequest,
    security(("bearer" = ["customers.duplicates:read"])),
    responses((status = 200, description = "Those that may be the same.", body = DuplicateCheck)))]
#[post("/v1/customers/check-duplicates")]
pub async fn check(
    call: Allowed<DuplicatesRead>,
    body: Body<DuplicateCheckRequest>,
) -> Result<Answer, Problem> {
    call.read(move |tx| Answer::ok(&super::checking::check(tx, &body)?)).await
}

/// List duplicates
///
/// Pairs of customers that may be the same, newest first: those whose customers the caller sees both.
#[utoipa::path(operation_id = "listDuplicates", tag = "duplicates", params(DuplicateQuery),
    security(("bearer" = ["customers.duplicates:read"])),
    responses((status = 200, description = "A page.", body = DuplicateList)))]
#[get("/v1/duplicates")]
pub async fn list(call: Allowed<DuplicatesRead>, query: Query<DuplicateQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Get a duplicate
#[utoipa::path(operation_id = "getDuplicate", tag = "duplicates",
    params(("id" = Uuid, Path, description = "Id of the pair.")),
    security(("bearer" = ["customers.duplicates:read"])),
    responses((status = 200, description = "The pair.", body = DuplicateView)))]
#[get("/v1/duplicates/{id}")]
pub async fn get(call: Allowed<DuplicatesRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| records::shown::<Duplicates>(&records::find::<Duplicates>(tx, *id)?)).await
}

/// Decide on a duplicate
///
/// A JSON merge patch: dismiss the pair, open it again, give it to somebody to decide. A pair that was dismissed is not noted again. To
/// make one of the two, merge them.
#[utoipa::path(operation_id = "updateDuplicate", tag = "duplicates", request_body = DuplicateInput,
    params(("id" = Uuid, Path, description = "Id of the pair.")),
    security(("bearer" = ["customers.duplicates:write"])),
    responses((status = 200, description = "The pair as it is now.", body = DuplicateView)))]
#[patch("/v1/duplicates/{id}")]
pub async fn update(call: Allowed<DuplicatesWrite>, id: Path<Uuid>, patch: Patch) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    call.write(move |tx| {
        records::shown::<Duplicates>(&records::update::<Duplicates>(
            tx,
            &app.contract,
            *id,
            &if_match,
            &patch.0,
        )?)
    })
    .await
}

/// Look for duplicates in the whole book
///
/// Compares the customers within the data scope with all others, as an operation, and notes pairs for who has the one that was there
/// first to decide. Pairs that are known stay as they are.
#[utoipa::path(operation_id = "scanDuplicates", tag = "duplicates", request_body = DuplicateScanRequest,
    security(("bearer" = ["customers.duplicates:write"])),
    responses((status = 202, description = "The operation that does it; its result is `{\"pairs_found\": …}`.", body = OperationView)))]
#[post("/v1/duplicates/scan")]
pub async fn scan(
    call: Allowed<DuplicatesWrite>,
    body: Body<DuplicateScanRequest>,
) -> Result<Answer, Problem> {
    call.write(move |tx| scanning::scan(tx, &body)).await
}
