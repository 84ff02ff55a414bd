//! `/v1/api-keys`

use actix_web::web::Path;
use actix_web::{delete, get, post};
use fulcrum_domain::access::permit::{ApiClientsRead, ApiClientsWrite};
use uuid::Uuid;

use super::service;
use super::views::{ApiKeyInput, ApiKeyList, ApiKeyQuery, ApiKeyView, NewApiKeyView};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::query::Query;

/// List the keys of an API client
#[utoipa::path(operation_id = "listApiKeys", tag = "api-clients", params(ApiKeyQuery),
    security(("bearer" = ["access.api_clients:read"])),
    responses((status = 200, description = "A page.", body = ApiKeyList)))]
#[get("/v1/api-keys")]
pub async fn list(call: Allowed<ApiClientsRead>, query: Query<ApiKeyQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Create an API key
#[utoipa::path(operation_id = "createApiKey", tag = "api-clients", request_body = ApiKeyInput,
    security(("bearer" = ["access.api_clients:write"])),
    responses((status = 201, description = "The key with its secret, shown only now.", body = NewApiKeyView)))]
#[post("/v1/api-keys")]
pub async fn create(call: Allowed<ApiClientsWrite>, body: Body<ApiKeyInput>) -> Result<Answer, Problem> {
    call.write(move |tx| service::create(tx, &body)).await
}

/// Get an API key
#[utoipa::path(operation_id = "getApiKey", tag = "api-clients",
    params(("id" = Uuid, Path, description = "Id of the key.")),
    security(("bearer" = ["access.api_clients:read"])),
    responses((status = 200, description = "The key.", body = ApiKeyView)))]
#[get("/v1/api-keys/{id}")]
pub async fn get(call: Allowed<ApiClientsRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| Answer::ok(&service::show(tx, *id)?)).await
}

/// Revoke an API key
///
/// It ends within half a minute on every server.
#[utoipa::path(operation_id = "revokeApiKey", tag = "api-clients",
    params(("id" = Uuid, Path, description = "Id of the key.")),
    security(("bearer" = ["access.api_clients:write"])),
    responses((status = 204, description = "It is revoked.")))]
#[delete("/v1/api-keys/{id}")]
pub async fn revoke(call: Allowed<ApiClientsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.write(move |tx| service::revoke(tx, *id)).await
}
