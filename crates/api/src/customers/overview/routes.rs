//! `/v1/customers/{id}/overview`

use actix_web::get;
use actix_web::web::Path;
use fulcrum_domain::access::permit::{CustomersRead, EventsRead};
use uuid::Uuid;

use super::service;
use super::views::{CustomerOverview, CustomerReadList};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::wire::PageQuery;

/// Get everything about a customer
///
/// The 360° file: profile, completeness, the people by their role in the decision, counts and the latest of each part. Whoever may see the
/// customer sees all of it. Each look is noted (`/v1/customers/{id}/reads`).
#[utoipa::path(operation_id = "getCustomerOverview", tag = "customers",
    params(("id" = Uuid, Path, description = "Id of the customer.")),
    security(("bearer" = ["customers.customers:read"])),
    responses((status = 200, description = "The file.", body = CustomerOverview)))]
#[get("/v1/customers/{id}/overview")]
pub async fn overview(call: Allowed<CustomersRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.write(move |tx| Answer::ok(&service::overview(tx, *id)?)).await
}

/// List who has looked at the file of a customer
#[utoipa::path(operation_id = "listCustomerReads", tag = "customers",
    params(("id" = Uuid, Path, description = "Id of the customer."), PageQuery),
    security(("bearer" = ["platform.events:read"])),
    responses((status = 200, description = "A page, the last look first.", body = CustomerReadList)))]
#[get("/v1/customers/{id}/reads")]
pub async fn reads(
    call: Allowed<EventsRead>,
    id: Path<Uuid>,
    query: Query<PageQuery>,
) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::reads(tx, &app, *id, &query)?)).await
}
