//! `/v1/customers/{id}/merge` and `/v1/customer-merges`

use actix_web::web::Path;
use actix_web::{get, post};
use fulcrum_domain::access::permit::{CustomersMerge, CustomersRead};
use fulcrum_persistence::customers::merges as store;
use uuid::Uuid;

use super::views::{CustomerMergeList, MergeQuery, MergeRequest, MergeView};
use super::{merging, service, undoing};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::Body;
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;

/// Merge a customer into another one
///
/// The customer of the path stays. Contacts, activities, tasks, files, ids in other systems and history of the other one go over to it, in
/// one transaction; the other one's id answers with the customer that stayed from then on (`merged_into`). `If-Match` is about the
/// customer that stays.
#[utoipa::path(operation_id = "mergeCustomers", tag = "duplicates", request_body = MergeRequest,
    params(("id" = Uuid, Path, description = "Id of the customer that stays.")),
    security(("bearer" = ["customers.customers:merge"])),
    responses((status = 201, description = "What was done.", body = MergeView)))]
#[post("/v1/customers/{id}/merge")]
pub async fn merge(
    call: Allowed<CustomersMerge>,
    id: Path<Uuid>,
    body: Body<MergeRequest>,
) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    call.write(move |tx| {
        let merge = merging::merge(tx, &app.contract, *id, &if_match, &body)?;
        Answer::created(service::COLLECTION, merge.id, &MergeView::from(&merge))
    })
    .await
}

/// List merges
///
/// Of the customers within the data scope, newest first.
#[utoipa::path(operation_id = "listCustomerMerges", tag = "duplicates", params(MergeQuery),
    security(("bearer" = ["customers.customers:read"])),
    responses((status = 200, description = "A page.", body = CustomerMergeList)))]
#[get("/v1/customer-merges")]
pub async fn list(call: Allowed<CustomersRead>, query: Query<MergeQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Get a merge
#[utoipa::path(operation_id = "getCustomerMerge", tag = "duplicates",
    params(("id" = Uuid, Path, description = "Id of the merge.")),
    security(("bearer" = ["customers.customers:read"])),
    responses((status = 200, description = "The merge.", body = MergeView)))]
#[get("/v1/customer-merges/{id}")]
pub async fn get(call: Allowed<CustomersRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| Answer::ok(&MergeView::from(&store::find(tx, *id)?))).await
}

/// Undo a merge
///
/// Brings the customer that went back, with what came from it; the one that stayed gets back the fields that nobody has changed since.
#[utoipa::path(operation_id = "undoCustomerMerge", tag = "duplicates",
    params(("id" = Uuid, Path, description = "Id of the merge.")),
    security(("bearer" = ["customers.customers:merge"])),
    responses((status = 200, description = "The merge, undone.", body = MergeView)))]
#[post("/v1/customer-merges/{id}/undo")]
pub async fn undo(call: Allowed<CustomersMerge>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.write(move |tx| Answer::ok(&MergeView::from(&undoing::undo(tx, &app.contract, *id)?))).await
}
