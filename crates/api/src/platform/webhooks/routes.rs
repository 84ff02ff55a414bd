//! `/v1/webhooks`

use actix_web::web::Path;
use actix_web::{delete, get, patch, post};
use fulcrum_domain::access::permit::{WebhooksRead, WebhooksWrite};
use uuid::Uuid;

use super::service::{self, Webhooks};
use super::views::{NewWebhookView, ReplayInput, WebhookInput, WebhookList, WebhookView};
use super::wanted;
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::{Body, Patch};
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::wire::PageQuery;
use crate::platform::operations::views::OperationView;
use crate::platform::webhook_deliveries::service::put_down_answer;
use crate::platform::webhook_deliveries::views::DeliveryView;
use crate::records;

/// List webhooks
#[utoipa::path(operation_id = "listWebhooks", tag = "webhooks", params(PageQuery),
    security(("bearer" = ["platform.webhooks:read"])),
    responses((status = 200, description = "A page.", body = WebhookList)))]
#[get("/v1/webhooks")]
pub async fn list(call: Allowed<WebhooksRead>, query: Query<PageQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Create a webhook
///
/// It is the company's: it goes on when who made it has gone. So its maker needs the permission to read of everything that it is
/// told of, in the whole company.
#[utoipa::path(operation_id = "createWebhook", tag = "webhooks", request_body = WebhookInput,
    security(("bearer" = ["platform.webhooks:write"])),
    responses((status = 201, description = "The new webhook, with its secret.", body = NewWebhookView)))]
#[post("/v1/webhooks")]
pub async fn create(call: Allowed<WebhooksWrite>, body: Body<WebhookInput>) -> Result<Answer, Problem> {
    let (app, address) = (call.app.clone(), call.app.sender.examine(&body.url).await);
    call.write(move |tx| service::create(tx, &app.keys, body.0.clone(), &address)).await
}

/// Get a webhook
///
/// Deleted ones, too: `deleted_at` tells.
#[utoipa::path(operation_id = "getWebhook", tag = "webhooks",
    params(("id" = Uuid, Path, description = "Id of the webhook.")),
    security(("bearer" = ["platform.webhooks:read"])),
    responses((status = 200, description = "The webhook.", body = WebhookView)))]
#[get("/v1/webhooks/{id}")]
pub async fn get(call: Allowed<WebhooksRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| records::shown::<Webhooks>(&records::find::<Webhooks>(tx, *id)?)).await
}

/// Change a webhook
///
/// A JSON merge patch: absent keeps, null clears, arrays replace.
#[utoipa::path(operation_id = "updateWebhook", tag = "webhooks", request_body = WebhookInput,
    params(("id" = Uuid, Path, description = "Id of the webhook.")),
    security(("bearer" = ["platform.webhooks:write"])),
    responses((status = 200, description = "The webhook as it is now.", body = WebhookView)))]
#[patch("/v1/webhooks/{id}")]
pub async fn update(call: Allowed<WebhooksWrite>, id: Path<Uuid>, patch: Patch) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    let address = service::examine(&app, &patch.0).await;
    call.write(move |tx| service::update(tx, &app, *id, &if_match, &patch.0, &address)).await
}

/// Delete a webhook
///
/// Softly: `GET` still shows it, and it can be restored. What waits for it is cancelled.
#[utoipa::path(operation_id = "deleteWebhook", tag = "webhooks",
    params(("id" = Uuid, Path, description = "Id of the webhook.")),
    security(("bearer" = ["platform.webhooks:write"])),
    responses((status = 204, description = "It is deleted.")))]
#[delete("/v1/webhooks/{id}")]
pub async fn delete(call: Allowed<WebhooksWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::delete::<Webhooks>(tx, *id, &if_match).map(|()| Answer::no_content())).await
}

/// Restore a deleted webhook
#[utoipa::path(operation_id = "restoreWebhook", tag = "webhooks",
    params(("id" = Uuid, Path, description = "Id of the webhook.")),
    security(("bearer" = ["platform.webhooks:write"])),
    responses((status = 200, description = "The webhook.", body = WebhookView)))]
#[post("/v1/webhooks/{id}/restore")]
pub async fn restore(call: Allowed<WebhooksWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::shown::<Webhooks>(&records::restore::<Webhooks>(tx, *id, &if_match)?)).await
}

/// Make a new secret for a webhook
///
/// For 24 hours messages are signed with both, so that the receiver can change over.
#[utoipa::path(operation_id = "rotateWebhookSecret", tag = "webhooks",
    params(("id" = Uuid, Path, description = "Id of the webhook.")),
    security(("bearer" = ["platform.webhooks:write"])),
    responses((status = 200, description = "The webhook with its new secret, shown only now.", body = NewWebhookView)))]
#[post("/v1/webhooks/{id}/rotate-secret")]
pub async fn rotate_secret(call: Allowed<WebhooksWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    call.write(move |tx| service::rotate_secret(tx, &app.keys, *id, &if_match)).await
}

/// Try a webhook
///
/// Sends a `webhook.tested` message, once, also while the webhook is disabled. What came of it stands in the delivery.
#[utoipa::path(operation_id = "testWebhook", tag = "webhooks",
    params(("id" = Uuid, Path, description = "Id of the webhook.")),
    security(("bearer" = ["platform.webhooks:write"])),
    responses((status = 201, description = "The delivery that is being made.", body = DeliveryView)))]
#[post("/v1/webhooks/{id}/test")]
pub async fn test(call: Allowed<WebhooksWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.write(move |tx| put_down_answer(wanted::test(tx, *id)?)).await
}

/// Deliver the events of a time again
///
/// Those that the webhook wants as it is now. Message ids are the same as the first time.
#[utoipa::path(operation_id = "replayWebhook", tag = "webhooks", request_body = ReplayInput,
    params(("id" = Uuid, Path, description = "Id of the webhook.")),
    security(("bearer" = ["platform.webhooks:write"])),
    responses((status = 202, description = "The operation that does it; its result is `{\"delivered\": …}`.", body = OperationView)))]
#[post("/v1/webhooks/{id}/replay")]
pub async fn replay(
    call: Allowed<WebhooksWrite>,
    id: Path<Uuid>,
    body: Body<ReplayInput>,
) -> Result<Answer, Problem> {
    call.write(move |tx| wanted::replay(tx, *id, &body)).await
}
