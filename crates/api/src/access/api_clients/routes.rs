//! `/v1/api-clients`

use actix_web::web::Path;
use actix_web::{delete, get, patch, post};
use fulcrum_domain::access::permit::{ApiClientsRead, ApiClientsWrite};
use uuid::Uuid;

use super::service::{self, ApiClients};
use super::views::{ApiClientInput, ApiClientList, ApiClientView, NewApiClientView};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::{Body, Patch};
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::wire::PageQuery;
use crate::records;

/// List api clients
#[utoipa::path(operation_id = "listApiClients", tag = "api-clients", params(PageQuery),
    security(("bearer" = ["access.api_clients:read"])),
    responses((status = 200, description = "A page.", body = ApiClientList)))]
#[get("/v1/api-clients")]
pub async fn list(call: Allowed<ApiClientsRead>, query: Query<PageQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Create an API client
#[utoipa::path(operation_id = "createApiClient", tag = "api-clients", request_body = ApiClientInput,
    security(("bearer" = ["access.api_clients:write"])),
    responses((status = 201, description = "The new API client.", body = NewApiClientView)))]
#[post("/v1/api-clients")]
pub async fn create(call: Allowed<ApiClientsWrite>, body: Body<ApiClientInput>) -> Result<Answer, Problem> {
    call.write(move |tx| service::create(tx, body.0.clone())).await
}

/// Get an API client
///
/// Deleted ones, too: `deleted_at` tells.
#[utoipa::path(operation_id = "getApiClient", tag = "api-clients",
    params(("id" = Uuid, Path, description = "Id of the API client.")),
    security(("bearer" = ["access.api_clients:read"])),
    responses((status = 200, description = "The API client.", body = ApiClientView)))]
#[get("/v1/api-clients/{id}")]
pub async fn get(call: Allowed<ApiClientsRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| records::shown::<ApiClients>(&records::find::<ApiClients>(tx, *id)?)).await
}

/// Change an API client
///
/// A JSON merge patch: absent keeps, null clears, arrays replace.
#[utoipa::path(operation_id = "updateApiClient", tag = "api-clients", request_body = ApiClientInput,
    params(("id" = Uuid, Path, description = "Id of the API client.")),
    security(("bearer" = ["access.api_clients:write"])),
    responses((status = 200, description = "The API client as it is now.", body = ApiClientView)))]
#[patch("/v1/api-clients/{id}")]
pub async fn update(call: Allowed<ApiClientsWrite>, id: Path<Uuid>, patch: Patch) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    call.write(move |tx| {
        records::shown::<ApiClients>(&records::update::<ApiClients>(
            tx,
            &app.contract,
            *id,
            &if_match,
            &patch.0,
        )?)
    })
    .await
}

/// Delete an API client
///
/// Softly: `GET` still shows it, and it can be restored.
#[utoipa::path(operation_id = "deleteApiClient", tag = "api-clients",
    params(("id" = Uuid, Path, description = "Id of the API client.")),
    security(("bearer" = ["access.api_clients:write"])),
    responses((status = 204, description = "It is deleted.")))]
#[delete("/v1/api-clients/{id}")]
pub async fn delete(call: Allowed<ApiClientsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::delete::<ApiClients>(tx, *id, &if_match).map(|()| Answer::no_content()))
        .await
}

/// Restore a deleted API client
#[utoipa::path(operation_id = "restoreApiClient", tag = "api-clients",
    params(("id" = Uuid, Path, description = "Id of the API client.")),
    security(("bearer" = ["access.api_clients:write"])),
    responses((status = 200, description = "The API client.", body = ApiClientView)))]
#[post("/v1/api-clients/{id}/restore")]
pub async fn restore(call: Allowed<ApiClientsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::shown::<ApiClients>(&records::restore::<ApiClients>(tx, *id, &if_match)?))
        .await
}

/// Make a new secret for an API client
///
/// The old one ends at once; access tokens that were made with it end by themselves.
#[utoipa::path(operation_id = "rotateApiClientSecret", tag = "api-clients",
    params(("id" = Uuid, Path, description = "Id of the API client.")),
    security(("bearer" = ["access.api_clients:write"])),
    responses((status = 200, description = "The client with its new secret, shown only now.", body = NewApiClientView)))]
#[post("/v1/api-clients/{id}/rotate-secret")]
pub async fn rotate_secret(call: Allowed<ApiClientsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| service::rotate_secret(tx, *id, &if_match)).await
}
