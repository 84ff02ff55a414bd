//! `/v1/roles`

use actix_web::web::Path;
use actix_web::{delete, get, patch, post};
use fulcrum_domain::access::permit::{RolesRead, RolesWrite};
use uuid::Uuid;

use super::service::{self, Roles};
use super::views::{RoleInput, RoleList, RoleView};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::{Body, Patch};
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::wire::PageQuery;
use crate::records;

/// List roles
#[utoipa::path(operation_id = "listRoles", tag = "roles", params(PageQuery),
    security(("bearer" = ["access.roles:read"])),
    responses((status = 200, description = "A page.", body = RoleList)))]
#[get("/v1/roles")]
pub async fn list(call: Allowed<RolesRead>, query: Query<PageQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Create a role
#[utoipa::path(operation_id = "createRole", tag = "roles", request_body = RoleInput,
    security(("bearer" = ["access.roles:write"])),
    responses((status = 201, description = "The new role.", body = RoleView)))]
#[post("/v1/roles")]
pub async fn create(call: Allowed<RolesWrite>, body: Body<RoleInput>) -> Result<Answer, Problem> {
    call.write(move |tx| records::created::<Roles>(&records::create::<Roles>(tx, body.0.clone())?)).await
}

/// Get a role
///
/// Deleted ones, too: `deleted_at` tells.
#[utoipa::path(operation_id = "getRole", tag = "roles",
    params(("id" = Uuid, Path, description = "Id of the role.")),
    security(("bearer" = ["access.roles:read"])),
    responses((status = 200, description = "The role.", body = RoleView)))]
#[get("/v1/roles/{id}")]
pub async fn get(call: Allowed<RolesRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| records::shown::<Roles>(&records::find::<Roles>(tx, *id)?)).await
}

/// Change a role
///
/// A JSON merge patch: absent keeps, null clears, arrays replace.
#[utoipa::path(operation_id = "updateRole", tag = "roles", request_body = RoleInput,
    params(("id" = Uuid, Path, description = "Id of the role.")),
    security(("bearer" = ["access.roles:write"])),
    responses((status = 200, description = "The role as it is now.", body = RoleView)))]
#[patch("/v1/roles/{id}")]
pub async fn update(call: Allowed<RolesWrite>, id: Path<Uuid>, patch: Patch) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    call.write(move |tx| {
        records::shown::<Roles>(&records::update::<Roles>(tx, &app.contract, *id, &if_match, &patch.0)?)
    })
    .await
}

/// Delete a role
///
/// Softly: `GET` still shows it, and it can be restored.
#[utoipa::path(operation_id = "deleteRole", tag = "roles",
    params(("id" = Uuid, Path, description = "Id of the role.")),
    security(("bearer" = ["access.roles:write"])),
    responses((status = 204, description = "It is deleted.")))]
#[delete("/v1/roles/{id}")]
pub async fn delete(call: Allowed<RolesWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::delete::<Roles>(tx, *id, &if_match).map(|()| Answer::no_content())).await
}

/// Restore a deleted role
#[utoipa::path(operation_id = "restoreRole", tag = "roles",
    params(("id" = Uuid, Path, description = "Id of the role.")),
    security(("bearer" = ["access.roles:write"])),
    responses((status = 200, description = "The role.", body = RoleView)))]
#[post("/v1/roles/{id}/restore")]
pub async fn restore(call: Allowed<RolesWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::shown::<Roles>(&records::restore::<Roles>(tx, *id, &if_match)?)).await
}
