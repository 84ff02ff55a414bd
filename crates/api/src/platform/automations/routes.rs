//! `/v1/automations`

use actix_web::web::Path;
use actix_web::{delete, get, patch, post};
use fulcrum_domain::access::permit::{AutomationsRead, AutomationsWrite};
use uuid::Uuid;

use super::service::{self, Automations};
use super::trying;
use super::views::{AutomationInput, AutomationList, AutomationView, DryRunInput, DryRunView, VersionList};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::{Body, Patch};
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::wire::PageQuery;
use crate::records;

/// List automations
///
/// One's own; with the data scope of the whole company, all.
#[utoipa::path(operation_id = "listAutomations", tag = "automations", params(PageQuery),
    security(("bearer" = ["platform.automations:read"])),
    responses((status = 200, description = "A page.", body = AutomationList)))]
#[get("/v1/automations")]
pub async fn list(call: Allowed<AutomationsRead>, query: Query<PageQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Create an automation
///
/// What it does is done with the rights of its author: who wrote it last. Each run does all of its actions or none.
#[utoipa::path(operation_id = "createAutomation", tag = "automations", request_body = AutomationInput,
    security(("bearer" = ["platform.automations:write"])),
    responses((status = 201, description = "The new automation.", body = AutomationView)))]
#[post("/v1/automations")]
pub async fn create(call: Allowed<AutomationsWrite>, body: Body<AutomationInput>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.write(move |tx| service::create(tx, &app, body.0.clone())).await
}

/// Get an automation
///
/// Deleted ones, too: `deleted_at` tells.
#[utoipa::path(operation_id = "getAutomation", tag = "automations",
    params(("id" = Uuid, Path, description = "Id of the automation.")),
    security(("bearer" = ["platform.automations:read"])),
    responses((status = 200, description = "The automation.", body = AutomationView)))]
#[get("/v1/automations/{id}")]
pub async fn get(call: Allowed<AutomationsRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| records::shown::<Automations>(&records::find::<Automations>(tx, *id)?)).await
}

/// Change an automation
///
/// A JSON merge patch: absent keeps, null clears, arrays replace. Who changes it is its author from then on. To give it another type of
/// trigger, clear the fields of the one before.
#[utoipa::path(operation_id = "updateAutomation", tag = "automations", request_body = AutomationInput,
    params(("id" = Uuid, Path, description = "Id of the automation.")),
    security(("bearer" = ["platform.automations:write"])),
    responses((status = 200, description = "The automation as it is now.", body = AutomationView)))]
#[patch("/v1/automations/{id}")]
pub async fn update(
    call: Allowed<AutomationsWrite>,
    id: Path<Uuid>,
    patch: Patch,
) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    call.write(move |tx| service::update(tx, &app, *id, &if_match, &patch.0)).await
}

/// Delete an automation
///
/// Softly: `GET` still shows it, and it can be restored. What waits for it comes to nothing.
#[utoipa::path(operation_id = "deleteAutomation", tag = "automations",
    params(("id" = Uuid, Path, description = "Id of the automation.")),
    security(("bearer" = ["platform.automations:write"])),
    responses((status = 204, description = "It is deleted.")))]
#[delete("/v1/automations/{id}")]
pub async fn delete(call: Allowed<AutomationsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::delete::<Automations>(tx, *id, &if_match).map(|()| Answer::no_content()))
        .await
}

/// Restore a deleted automation
///
/// Who restores it is its author from then on.
#[utoipa::path(operation_id = "restoreAutomation", tag = "automations",
    params(("id" = Uuid, Path, description = "Id of the automation.")),
    security(("bearer" = ["platform.automations:write"])),
    responses((status = 200, description = "The automation.", body = AutomationView)))]
#[post("/v1/automations/{id}/restore")]
pub async fn restore(call: Allowed<AutomationsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::shown::<Automations>(&records::restore::<Automations>(tx, *id, &if_match)?))
        .await
}

/// List the versions of an automation
///
/// What was said of it, the last version first. `content` can be sent as a change, to go back.
#[utoipa::path(operation_id = "listAutomationVersions", tag = "automations",
    params(("id" = Uuid, Path, description = "Id of the automation."), PageQuery),
    security(("bearer" = ["platform.automations:read"])),
    responses((status = 200, description = "A page of versions.", body = VersionList)))]
#[get("/v1/automations/{id}/versions")]
pub async fn versions(
    call: Allowed<AutomationsRead>,
    id: Path<Uuid>,
    query: Query<PageQuery>,
) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::versions(tx, &app, *id, &query)?)).await
}

/// Try an automation
///
/// On something that happened, with the rights of its author, enabled or not. Everything that it does is taken back: the answer says
/// what it would have been.
#[utoipa::path(operation_id = "dryRunAutomation", tag = "automations", request_body = DryRunInput,
    params(("id" = Uuid, Path, description = "Id of the automation.")),
    security(("bearer" = ["platform.automations:write"])),
    responses((status = 200, description = "What it would do.", body = DryRunView)))]
#[post("/v1/automations/{id}/dry-run")]
pub async fn dry_run(
    call: Allowed<AutomationsWrite>,
    id: Path<Uuid>,
    body: Body<DryRunInput>,
) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.write(move |tx| Answer::ok(&trying::dry_run(tx, &app, *id, &body)?)).await
}
