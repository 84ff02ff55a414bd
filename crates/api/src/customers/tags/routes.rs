//! `/v1/tags`

use actix_web::web::Path;
use actix_web::{delete, get, patch, post};
use fulcrum_domain::access::permit::{CustomersWrite, TagsRead, TagsWrite};
use uuid::Uuid;

use super::service::{self, Tags};
use super::tagging;
use super::views::{TagInput, TagList, TagQuery, TagView, TaggingRequest};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::{Body, Patch};
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::platform::operations::views::OperationView;
use crate::records;

/// List tags
#[utoipa::path(operation_id = "listTags", tag = "tags", params(TagQuery),
    security(("bearer" = ["customers.tags:read"])),
    responses((status = 200, description = "A page.", body = TagList)))]
#[get("/v1/tags")]
pub async fn list(call: Allowed<TagsRead>, query: Query<TagQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Create a tag
#[utoipa::path(operation_id = "createTag", tag = "tags", request_body = TagInput,
    security(("bearer" = ["customers.tags:write"])),
    responses((status = 201, description = "The new tag.", body = TagView)))]
#[post("/v1/tags")]
pub async fn create(call: Allowed<TagsWrite>, body: Body<TagInput>) -> Result<Answer, Problem> {
    call.write(move |tx| records::created::<Tags>(&records::create::<Tags>(tx, body.0.clone())?)).await
}

/// Get a tag
///
/// Deleted ones, too: `deleted_at` tells.
#[utoipa::path(operation_id = "getTag", tag = "tags",
    params(("id" = Uuid, Path, description = "Id of the tag.")),
    security(("bearer" = ["customers.tags:read"])),
    responses((status = 200, description = "The tag.", body = TagView)))]
#[get("/v1/tags/{id}")]
pub async fn get(call: Allowed<TagsRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| records::shown::<Tags>(&records::find::<Tags>(tx, *id)?)).await
}

/// Change a tag
///
/// A JSON merge patch: absent keeps, null clears, arrays replace.
#[utoipa::path(operation_id = "updateTag", tag = "tags", request_body = TagInput,
    params(("id" = Uuid, Path, description = "Id of the tag.")),
    security(("bearer" = ["customers.tags:write"])),
    responses((status = 200, description = "The tag as it is now.", body = TagView)))]
#[patch("/v1/tags/{id}")]
pub async fn update(call: Allowed<TagsWrite>, id: Path<Uuid>, patch: Patch) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    call.write(move |tx| {
        records::shown::<Tags>(&records::update::<Tags>(tx, &app.contract, *id, &if_match, &patch.0)?)
    })
    .await
}

/// Delete a tag
///
/// Softly: `GET` still shows it, and it can be restored. Customers keep the tags that they have.
#[utoipa::path(operation_id = "deleteTag", tag = "tags",
    params(("id" = Uuid, Path, description = "Id of the tag.")),
    security(("bearer" = ["customers.tags:write"])),
    responses((status = 204, description = "It is deleted.")))]
#[delete("/v1/tags/{id}")]
pub async fn delete(call: Allowed<TagsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::delete::<Tags>(tx, *id, &if_match).map(|()| Answer::no_content())).await
}

/// Restore a deleted department
#[utoipa::path(operation_id = "restoreTag", tag = "tags",
    params(("id" = Uuid, Path, description = "Id of the tag.")),
    security(("bearer" = ["customers.tags:write"])),
    responses((status = 200, description = "The tag.", body = TagView)))]
#[post("/v1/tags/{id}/restore")]
pub async fn restore(call: Allowed<TagsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::shown::<Tags>(&records::restore::<Tags>(tx, *id, &if_match)?)).await
}

/// Tag many customers
///
/// Gives tags to the customers within the data scope that are selected, and takes tags from them, as an operation. Each customer that
/// changes gets a version and an event. A customer has at most 50 tags: what is beyond is left out.
#[utoipa::path(operation_id = "tagCustomers", tag = "customers", request_body = TaggingRequest,
    security(("bearer" = ["customers.customers:write"])),
    responses((status = 202, description = "The operation that does it; its result is `{\"customers_changed\": …}`.", body = OperationView)))]
#[post("/v1/customers/tag")]
pub async fn tag_customers(
    call: Allowed<CustomersWrite>,
    body: Body<TaggingRequest>,
) -> Result<Answer, Problem> {
    call.write(move |tx| tagging::tag_many(tx, &body)).await
}
