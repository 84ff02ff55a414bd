//! `/v1/custom-fields`

use actix_web::web::Path;
use actix_web::{delete, get, patch, post};
use fulcrum_domain::access::permit::{CustomFieldsRead, CustomFieldsWrite};
use uuid::Uuid;

use super::service::{self, CustomFields};
use super::views::{CustomFieldInput, CustomFieldList, CustomFieldQuery, CustomFieldView};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::{Body, Patch};
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::records;

/// List custom fields
#[utoipa::path(operation_id = "listCustomFields", tag = "custom-fields", params(CustomFieldQuery),
    security(("bearer" = ["customers.custom_fields:read"])),
    responses((status = 200, description = "A page.", body = CustomFieldList)))]
#[get("/v1/custom-fields")]
pub async fn list(
    call: Allowed<CustomFieldsRead>,
    query: Query<CustomFieldQuery>,
) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Create a custom field
///
/// At most 200 for each kind of record. Its values stand under `custom` in records, and can be asked for in the filters of
/// searches, in conditions of automations and webhooks.
#[utoipa::path(operation_id = "createCustomField", tag = "custom-fields", request_body = CustomFieldInput,
    security(("bearer" = ["customers.custom_fields:write"])),
    responses((status = 201, description = "The new custom field.", body = CustomFieldView)))]
#[post("/v1/custom-fields")]
pub async fn create(
    call: Allowed<CustomFieldsWrite>,
    body: Body<CustomFieldInput>,
) -> Result<Answer, Problem> {
    call.write(move |tx| {
        records::created::<CustomFields>(&records::create::<CustomFields>(tx, body.0.clone())?)
    })
    .await
}

/// Get a custom field
///
/// Archived ones, too: `deleted_at` tells.
#[utoipa::path(operation_id = "getCustomField", tag = "custom-fields",
    params(("id" = Uuid, Path, description = "Id of the custom field.")),
    security(("bearer" = ["customers.custom_fields:read"])),
    responses((status = 200, description = "The custom field.", body = CustomFieldView)))]
#[get("/v1/custom-fields/{id}")]
pub async fn get(call: Allowed<CustomFieldsRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| records::shown::<CustomFields>(&records::find::<CustomFields>(tx, *id)?)).await
}

/// Change a custom field
///
/// A JSON merge patch: absent keeps, null clears, arrays replace.
#[utoipa::path(operation_id = "updateCustomField", tag = "custom-fields", request_body = CustomFieldInput,
    params(("id" = Uuid, Path, description = "Id of the custom field.")),
    security(("bearer" = ["customers.custom_fields:write"])),
    responses((status = 200, description = "The custom field as it is now.", body = CustomFieldView)))]
#[patch("/v1/custom-fields/{id}")]
pub async fn update(
    call: Allowed<CustomFieldsWrite>,
    id: Path<Uuid>,
    patch: Patch,
) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    call.write(move |tx| {
        records::shown::<CustomFields>(&records::update::<CustomFields>(
            tx,
            &app.contract,
            *id,
            &if_match,
            &patch.0,
        )?)
    })
    .await
}

/// Archive a custom field
///
/// It disappears from forms, lists and filters. Records keep its values, which can be cleared but not changed, and it can be
/// restored. Its key isn't given to another field.
#[utoipa::path(operation_id = "deleteCustomField", tag = "custom-fields",
    params(("id" = Uuid, Path, description = "Id of the custom field.")),
    security(("bearer" = ["customers.custom_fields:write"])),
    responses((status = 204, description = "It is archived.")))]
#[delete("/v1/custom-fields/{id}")]
pub async fn delete(call: Allowed<CustomFieldsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::delete::<CustomFields>(tx, *id, &if_match).map(|()| Answer::no_content()))
        .await
}

/// Restore a deleted department
#[utoipa::path(operation_id = "restoreCustomField", tag = "custom-fields",
    params(("id" = Uuid, Path, description = "Id of the custom field.")),
    security(("bearer" = ["customers.custom_fields:write"])),
    responses((status = 200, description = "The custom field.", body = CustomFieldView)))]
#[post("/v1/custom-fields/{id}/restore")]
pub async fn restore(call: Allowed<CustomFieldsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| {
        records::shown::<CustomFields>(&records::restore::<CustomFields>(tx, *id, &if_match)?)
    })
    .await
}
