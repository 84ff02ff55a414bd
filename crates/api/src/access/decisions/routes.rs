//! `/v1/access/explain`

use actix_web::get;
use fulcrum_domain::access::permit::AccessExplain;

use super::service;
use super::views::{Decision, DecisionQuery};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::query::Query;

/// Explain why somebody may or may not do something
///
/// Looks at the account, the permission, and, for a record, the data scope, just as the real request would.
#[utoipa::path(operation_id = "explainAccess", tag = "access", params(DecisionQuery),
    security(("bearer" = ["access.decisions:read"])),
    responses((status = 200, description = "The decision and its reasons.", body = Decision)))]
#[get("/v1/access/explain")]
pub async fn explain(call: Allowed<AccessExplain>, query: Query<DecisionQuery>) -> Result<Answer, Problem> {
    call.read(move |tx| Answer::ok(&service::explain(tx, &query)?)).await
}
