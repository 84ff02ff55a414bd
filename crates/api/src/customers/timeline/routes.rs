//! `/v1/customers/{id}/timeline`

use actix_web::get;
use actix_web::web::Path;
use fulcrum_domain::access::permit::CustomersRead;
use uuid::Uuid;

use super::service;
use super::views::{TimelineList, TimelineQuery};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::query::Query;

/// Read a customer's timeline
///
/// What was done for the customer and what changed, in one line, the last entry first. Activities are shown with
/// `engagement.activities:read`, changes with the permission to read the record that changed.
#[utoipa::path(operation_id = "listCustomerTimeline", tag = "customers",
    params(("id" = Uuid, Path, description = "Id of the customer."), TimelineQuery),
    security(("bearer" = ["customers.customers:read"])),
    responses((status = 200, description = "A page of the timeline.", body = TimelineList)))]
#[get("/v1/customers/{id}/timeline")]
pub async fn list(
    call: Allowed<CustomersRead>,
    id: Path<Uuid>,
    query: Query<TimelineQuery>,
) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::page(tx, &app, *id, &query)?)).await
}
