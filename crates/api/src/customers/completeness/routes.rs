//! `/v1/field-standards` and `/v1/customers/completeness`

use actix_web::web::Path;
use actix_web::{get, patch};
use fulcrum_domain::access::permit::{CustomFieldsRead, CustomFieldsWrite, CustomersRead};
use fulcrum_domain::customers::CustomerKind;

use super::service::{FieldStandards, id_of, list as list_all};
use super::views::{
    CompletenessFigures, CompletenessQuery, FieldStandardInput, FieldStandardList, FieldStandardView,
};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::Patch;
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::records;

/// List field standards
///
/// What the files of customers have to hold, for each kind of customer.
#[utoipa::path(operation_id = "listFieldStandards", tag = "field-standards",
    security(("bearer" = ["customers.custom_fields:read"])),
    responses((status = 200, description = "The standards.", body = FieldStandardList)))]
#[get("/v1/field-standards")]
pub async fn list(call: Allowed<CustomFieldsRead>) -> Result<Answer, Problem> {
    call.read(move |tx| Answer::ok(&list_all(tx)?)).await
}

/// Get a field standard
#[utoipa::path(operation_id = "getFieldStandard", tag = "field-standards",
    params(("customer_kind" = CustomerKind, Path, description = "The kind of customer.")),
    security(("bearer" = ["customers.custom_fields:read"])),
    responses((status = 200, description = "The standard.", body = FieldStandardView)))]
#[get("/v1/field-standards/{customer_kind}")]
pub async fn get(call: Allowed<CustomFieldsRead>, kind: Path<CustomerKind>) -> Result<Answer, Problem> {
    let id = id_of(call.actor.tenant_id, *kind);
    call.read(move |tx| records::shown::<FieldStandards>(&records::find::<FieldStandards>(tx, id)?)).await
}

/// Change a field standard
///
/// A JSON merge patch. Nothing is refused for what a file lacks: its completeness tells. The completeness of all files follows in the
/// background.
#[utoipa::path(operation_id = "updateFieldStandard", tag = "field-standards", request_body = FieldStandardInput,
    params(("customer_kind" = CustomerKind, Path, description = "The kind of customer.")),
    security(("bearer" = ["customers.custom_fields:write"])),
    responses((status = 200, description = "The standard as it is now.", body = FieldStandardView)))]
#[patch("/v1/field-standards/{customer_kind}")]
pub async fn update(
    call: Allowed<CustomFieldsWrite>,
    kind: Path<CustomerKind>,
    patch: Patch,
) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    let id = id_of(call.actor.tenant_id, *kind);
    call.write(move |tx| {
        let after = records::update::<FieldStandards>(tx, &app.contract, id, &if_match, &patch.0)?;
        records::shown::<FieldStandards>(&after)
    })
    .await
}

/// Measure how complete files are
///
/// Over the customers within the data scope, at once or by owner or department, and which fields they lack.
#[utoipa::path(operation_id = "getCompleteness", tag = "customers", params(CompletenessQuery),
    security(("bearer" = ["customers.customers:read"])),
    responses((status = 200, description = "The figures.", body = CompletenessFigures)))]
#[get("/v1/customers/completeness")]
pub async fn figures(
    call: Allowed<CustomersRead>,
    query: Query<CompletenessQuery>,
) -> Result<Answer, Problem> {
    call.read(move |tx| Answer::ok(&super::figures::figures(tx, query.by)?)).await
}
