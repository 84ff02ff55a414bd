//! `/v1/customers`

use actix_web::web::Path;
use actix_web::{delete, get, patch, post, put};
use fulcrum_domain::access::permit::{CustomersDelete, CustomersRead, CustomersWrite};
use uuid::Uuid;

use super::input::CustomerInput;
use super::query::{CustomerIncludes, CustomerQuery};
use super::searching::{self, CustomerSearch};
use super::service::{self, Customers};
use super::views::{CustomerList, CustomerView};
use crate::batch::{self, Batch, BatchResult};
use crate::customers::duplicates::checking::refuse_likely;
use crate::customers::duplicates::views::{CreationQuery, OnDuplicate};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::{Body, Patch};
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::records;

/// List customers
///
/// The customers within the data scope, newest first, or best hit first with `q`.
#[utoipa::path(operation_id = "listCustomers", tag = "customers", params(CustomerQuery),
    security(("bearer" = ["customers.customers:read"])),
    responses((status = 200, description = "A page of customers.", body = CustomerList)))]
#[get("/v1/customers")]
pub async fn list(call: Allowed<CustomersRead>, query: Query<CustomerQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Search customers
///
/// The customers within the data scope that a condition holds for. It reads, and changes nothing.
#[utoipa::path(operation_id = "searchCustomers", tag = "customers", request_body = CustomerSearch,
    security(("bearer" = ["customers.customers:read"])),
    responses((status = 200, description = "A page of customers.", body = CustomerList)))]
#[post("/v1/customers/search")]
pub async fn search(call: Allowed<CustomersRead>, body: Body<CustomerSearch>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&searching::search(tx, &app, &body)?)).await
}

/// Create a customer
///
/// One with the credit code of another one is refused. One that is likely to be there already is created and noted as a pair to be
/// decided (`/v1/duplicates`), unless `on_duplicate` is `reject`.
#[utoipa::path(operation_id = "createCustomer", tag = "customers", params(CreationQuery), request_body = CustomerInput,
    security(("bearer" = ["customers.customers:write"])),
    responses((status = 201, description = "The new customer.", body = CustomerView)))]
#[post("/v1/customers")]
pub async fn create(
    call: Allowed<CustomersWrite>,
    query: Query<CreationQuery>,
    body: Body<CustomerInput>,
) -> Result<Answer, Problem> {
    call.write(move |tx| {
        if query.on_duplicate == OnDuplicate::Reject {
            refuse_likely(tx, &body)?;
        }
        records::created::<Customers>(&records::create::<Customers>(tx, body.0.clone())?)
    })
    .await
}

/// Get a customer
///
/// Deleted ones, too: `deleted_at` tells.
#[utoipa::path(operation_id = "getCustomer", tag = "customers",
    params(("id" = Uuid, Path, description = "Id of the customer."), CustomerIncludes),
    security(("bearer" = ["customers.customers:read"])),
    responses((status = 200, description = "The customer.", body = CustomerView)))]
#[get("/v1/customers/{id}")]
pub async fn get(
    call: Allowed<CustomersRead>,
    id: Path<Uuid>,
    query: Query<CustomerIncludes>,
) -> Result<Answer, Problem> {
    call.read(move |tx| service::show(tx, *id, &query.include)).await
}

/// Change a customer
///
/// A JSON merge patch: absent keeps, null clears, arrays replace.
#[utoipa::path(operation_id = "updateCustomer", tag = "customers", request_body = CustomerInput,
    params(("id" = Uuid, Path, description = "Id of the customer.")),
    security(("bearer" = ["customers.customers:write"])),
    responses((status = 200, description = "The customer as it is now.", body = CustomerView)))]
#[patch("/v1/customers/{id}")]
pub async fn update(call: Allowed<CustomersWrite>, id: Path<Uuid>, patch: Patch) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    call.write(move |tx| {
        records::shown::<Customers>(&records::update::<Customers>(
            tx,
            &app.contract,
            *id,
            &if_match,
            &patch.0,
        )?)
    })
    .await
}

/// Delete a customer
///
/// Softly: it disappears from lists and searches, `GET` still shows it, and it can be restored.
#[utoipa::path(operation_id = "deleteCustomer", tag = "customers",
    params(("id" = Uuid, Path, description = "Id of the customer.")),
    security(("bearer" = ["customers.customers:delete"])),
    responses((status = 204, description = "It is deleted.")))]
#[delete("/v1/customers/{id}")]
pub async fn delete(call: Allowed<CustomersDelete>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::delete::<Customers>(tx, *id, &if_match).map(|()| Answer::no_content()))
        .await
}

/// Restore a deleted customer
#[utoipa::path(operation_id = "restoreCustomer", tag = "customers",
    params(("id" = Uuid, Path, description = "Id of the customer.")),
    security(("bearer" = ["customers.customers:delete"])),
    responses((status = 200, description = "The customer.", body = CustomerView)))]
#[post("/v1/customers/{id}/restore")]
pub async fn restore(call: Allowed<CustomersDelete>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::shown::<Customers>(&records::restore::<Customers>(tx, *id, &if_match)?))
        .await
}

/// Create or change a customer by the id in another system
///
/// Creates the customer with the body, or changes it: fields that the body leaves out keep their values.
/// `If-None-Match: *` means create only.
#[utoipa::path(operation_id = "upsertCustomer", tag = "customers", request_body = CustomerInput,
    params(("system" = String, Path, description = "The other system.", min_length = 1, max_length = 60, pattern = "^[A-Za-z0-9._-]+$", example = "erp"),
           ("external_id" = String, Path, description = "The id there.", min_length = 1, max_length = 200, example = "KD-10023")),
    security(("bearer" = ["customers.customers:write"])),
    responses((status = 200, description = "It existed, and is now so.", body = CustomerView),
              (status = 201, description = "It was created.", body = CustomerView)))]
#[put("/v1/customers/by-external-id/{system}/{external_id}")]
pub async fn upsert(
    call: Allowed<CustomersWrite>,
    path: Path<(String, String)>,
    body: Patch,
) -> Result<Answer, Problem> {
    batch::upsert_one::<Customers>(&call, path.into_inner(), body.0).await
}

/// Create, change, delete many customers
///
/// Always 207 with a result for each item, in order. With `atomic` all are done or none.
#[utoipa::path(operation_id = "batchCustomers", tag = "customers", request_body = Batch,
    security(("bearer" = ["customers.customers:write"])),
    responses((status = 207, description = "What became of each item.", body = BatchResult)))]
#[post("/v1/customers/batch")]
pub async fn run_batch(call: Allowed<CustomersWrite>, body: Body<Batch>) -> Result<Answer, Problem> {
    batch::run::<Customers>(&call, body.0).await
}
