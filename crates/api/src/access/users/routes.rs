//! `/v1/users`

use actix_web::web::Path;
use actix_web::{delete, get, patch, post};
use fulcrum_domain::access::permit::{UsersRead, UsersWrite};
use uuid::Uuid;

use super::service::{self, Users};
use super::views::{UserInput, UserList, UserQuery, UserView};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::{Body, Patch};
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::records;

/// List users
#[utoipa::path(operation_id = "listUsers", tag = "users", params(UserQuery),
    security(("bearer" = ["access.users:read"])),
    responses((status = 200, description = "A page.", body = UserList)))]
#[get("/v1/users")]
pub async fn list(call: Allowed<UsersRead>, query: Query<UserQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Create a user
#[utoipa::path(operation_id = "createUser", tag = "users", request_body = UserInput,
    security(("bearer" = ["access.users:write"])),
    responses((status = 201, description = "The new user.", body = UserView)))]
#[post("/v1/users")]
pub async fn create(call: Allowed<UsersWrite>, body: Body<UserInput>) -> Result<Answer, Problem> {
    call.write(move |tx| records::created::<Users>(&records::create::<Users>(tx, body.0.clone())?)).await
}

/// Get a user
///
/// Deleted ones, too: `deleted_at` tells.
#[utoipa::path(operation_id = "getUser", tag = "users",
    params(("id" = Uuid, Path, description = "Id of the user.")),
    security(("bearer" = ["access.users:read"])),
    responses((status = 200, description = "The user.", body = UserView)))]
#[get("/v1/users/{id}")]
pub async fn get(call: Allowed<UsersRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| records::shown::<Users>(&records::find::<Users>(tx, *id)?)).await
}

/// Change a user
///
/// A JSON merge patch: absent keeps, null clears, arrays replace.
#[utoipa::path(operation_id = "updateUser", tag = "users", request_body = UserInput,
    params(("id" = Uuid, Path, description = "Id of the user.")),
    security(("bearer" = ["access.users:write"])),
    responses((status = 200, description = "The user as it is now.", body = UserView)))]
#[patch("/v1/users/{id}")]
pub async fn update(call: Allowed<UsersWrite>, id: Path<Uuid>, patch: Patch) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    call.write(move |tx| {
        records::shown::<Users>(&records::update::<Users>(tx, &app.contract, *id, &if_match, &patch.0)?)
    })
    .await
}

/// Delete a user
///
/// Softly: `GET` still shows it, and it can be restored.
#[utoipa::path(operation_id = "deleteUser", tag = "users",
    params(("id" = Uuid, Path, description = "Id of the user.")),
    security(("bearer" = ["access.users:write"])),
    responses((status = 204, description = "It is deleted.")))]
#[delete("/v1/users/{id}")]
pub async fn delete(call: Allowed<UsersWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::delete::<Users>(tx, *id, &if_match).map(|()| Answer::no_content())).await
}

/// Restore a deleted user
#[utoipa::path(operation_id = "restoreUser", tag = "users",
    params(("id" = Uuid, Path, description = "Id of the user.")),
    security(("bearer" = ["access.users:write"])),
    responses((status = 200, description = "The user.", body = UserView)))]
#[post("/v1/users/{id}/restore")]
pub async fn restore(call: Allowed<UsersWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::shown::<Users>(&records::restore::<Users>(tx, *id, &if_match)?)).await
}
