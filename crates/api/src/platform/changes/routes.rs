//! `/v1/changes`

use actix_web::get;
use fulcrum_domain::access::permit::CustomersRead;

use super::service;
use super::views::{ChangeList, ChangeQuery};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::query::Query;

/// List what changed
///
/// For keeping a copy: ask without a cursor, read the lists that the copy is made of, then ask again and again with the
/// cursor of the answer before. Nothing is left out, and of one record nothing comes before what was before it; a change can
/// come twice. Contacts are told of to who may read them. A customer that is new to the caller brings its contacts only as they
/// change: `GET /v1/contacts?customer_id=…` has them. Cursors are good for 30 days; after that, and when the data scope of the
/// caller has changed, the answer is 410, and everything has to be read again.
#[utoipa::path(operation_id = "listChanges", tag = "changes", params(ChangeQuery),
    security(("bearer" = ["customers.customers:read"])),
    responses((status = 200, description = "What changed.", body = ChangeList)))]
#[get("/v1/changes")]
pub async fn list(call: Allowed<CustomersRead>, query: Query<ChangeQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::page(tx, &app, &query)?)).await
}
