//! `/v1/webhook-deliveries`

use actix_web::web::Path;
use actix_web::{get, post};
use fulcrum_domain::access::permit::{WebhooksRead, WebhooksWrite};
use uuid::Uuid;

use super::service;
use super::views::{DeliveryList, DeliveryQuery, DeliveryView};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::platform::webhooks::deliver_again;

/// List deliveries to webhooks
///
/// Newest first. Those that ended are kept for 90 days.
#[utoipa::path(operation_id = "listWebhookDeliveries", tag = "webhooks", params(DeliveryQuery),
    security(("bearer" = ["platform.webhooks:read"])),
    responses((status = 200, description = "A page of deliveries.", body = DeliveryList)))]
#[get("/v1/webhook-deliveries")]
pub async fn list(call: Allowed<WebhooksRead>, query: Query<DeliveryQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Get a delivery to a webhook
///
/// With each attempt and what came of it.
#[utoipa::path(operation_id = "getWebhookDelivery", tag = "webhooks",
    params(("id" = Uuid, Path, description = "Id of the delivery.")),
    security(("bearer" = ["platform.webhooks:read"])),
    responses((status = 200, description = "The delivery.", body = DeliveryView)))]
#[get("/v1/webhook-deliveries/{id}")]
pub async fn get(call: Allowed<WebhooksRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| Answer::ok(&service::show(tx, *id)?)).await
}

/// Deliver again
///
/// The same event with the same message id, as a new delivery.
#[utoipa::path(operation_id = "replayWebhookDelivery", tag = "webhooks",
    params(("id" = Uuid, Path, description = "Id of the delivery.")),
    security(("bearer" = ["platform.webhooks:write"])),
    responses((status = 201, description = "The new delivery.", body = DeliveryView)))]
#[post("/v1/webhook-deliveries/{id}/replay")]
pub async fn replay(call: Allowed<WebhooksWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.write(move |tx| service::put_down_answer(deliver_again(tx, *id)?)).await
}
