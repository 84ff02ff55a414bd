//! `/v1/company`

use actix_web::{get, patch};
use fulcrum_domain::access::permit::{CompanyRead, CompanyWrite};

use super::service::Company;
use super::views::{CompanyInput, CompanyView};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::Patch;
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::records;

/// Get the company
///
/// The caller's.
#[utoipa::path(operation_id = "getCompany", tag = "company",
    security(("bearer" = ["access.company:read"])),
    responses((status = 200, description = "The company.", body = CompanyView)))]
#[get("/v1/company")]
pub async fn get(call: Allowed<CompanyRead>) -> Result<Answer, Problem> {
    let id = call.actor.tenant_id;
    call.read(move |tx| records::shown::<Company>(&records::find::<Company>(tx, id)?)).await
}

/// Change the company
///
/// A JSON merge patch: absent keeps. Needs the data scope `tenant`.
#[utoipa::path(operation_id = "updateCompany", tag = "company", request_body = CompanyInput,
    security(("bearer" = ["access.company:write"])),
    responses((status = 200, description = "The company as it is now.", body = CompanyView)))]
#[patch("/v1/company")]
pub async fn update(call: Allowed<CompanyWrite>, patch: Patch) -> Result<Answer, Problem> {
    let (app, id, if_match) = (call.app.clone(), call.actor.tenant_id, IfMatch::of(&call.context)?);
    call.write(move |tx| {
        records::shown::<Company>(&records::update::<Company>(tx, &app.contract, id, &if_match, &patch.0)?)
    })
    .await
}
