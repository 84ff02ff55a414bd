//! `/v1/activities`

use actix_web::web::Path;
use actix_web::{delete, get, patch, post, put};
use fulcrum_domain::access::permit::{ActivitiesDelete, ActivitiesRead, ActivitiesWrite};
use uuid::Uuid;

use super::figures::{FigureList, FigureQuery};
use super::service::{self, Activities};
use super::views::{ActivityInput, ActivityList, ActivityQuery, ActivityView};
use crate::batch::{self, Batch, BatchResult};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::{Body, Patch};
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::records;

/// List activities
///
/// What the people within the data scope did, and what shows on the customers within it, the last one first.
#[utoipa::path(operation_id = "listActivities", tag = "activities", params(ActivityQuery),
    security(("bearer" = ["engagement.activities:read"])),
    responses((status = 200, description = "A page of activities.", body = ActivityList)))]
#[get("/v1/activities")]
pub async fn list(call: Allowed<ActivitiesRead>, query: Query<ActivityQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Create an activity
#[utoipa::path(operation_id = "createActivity", tag = "activities", request_body = ActivityInput,
    security(("bearer" = ["engagement.activities:write"])),
    responses((status = 201, description = "The new activity.", body = ActivityView)))]
#[post("/v1/activities")]
pub async fn create(call: Allowed<ActivitiesWrite>, body: Body<ActivityInput>) -> Result<Answer, Problem> {
    call.write(move |tx| records::created::<Activities>(&records::create::<Activities>(tx, body.0.clone())?))
        .await
}

/// Count what people did
///
/// Each person within the data scope, those who did nothing among them, with their activities by period and kind. Activities count for
/// their owner, on the calendar of the caller; those that are still to come don't.
#[utoipa::path(operation_id = "listActivityFigures", tag = "activities", params(FigureQuery),
    security(("bearer" = ["engagement.activities:read"])),
    responses((status = 200, description = "A page of people with what they did.", body = FigureList)))]
#[get("/v1/activities/figures")]
pub async fn list_figures(
    call: Allowed<ActivitiesRead>,
    query: Query<FigureQuery>,
) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&super::figures::list(tx, &app, &query)?)).await
}

/// Get an activity
///
/// Deleted ones, too: `deleted_at` tells.
#[utoipa::path(operation_id = "getActivity", tag = "activities",
    params(("id" = Uuid, Path, description = "Id of the activity.")),
    security(("bearer" = ["engagement.activities:read"])),
    responses((status = 200, description = "The activity.", body = ActivityView)))]
#[get("/v1/activities/{id}")]
pub async fn get(call: Allowed<ActivitiesRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| records::shown::<Activities>(&records::find::<Activities>(tx, *id)?)).await
}

/// Change an activity
///
/// A JSON merge patch: absent keeps, null clears, arrays replace. What others did can be seen with the customer, and changed only within
/// the data scope. Of `links`, those to records that the caller doesn't see stay.
#[utoipa::path(operation_id = "updateActivity", tag = "activities", request_body = ActivityInput,
    params(("id" = Uuid, Path, description = "Id of the activity.")),
    security(("bearer" = ["engagement.activities:write"])),
    responses((status = 200, description = "The activity as it is now.", body = ActivityView)))]
#[patch("/v1/activities/{id}")]
pub async fn update(call: Allowed<ActivitiesWrite>, id: Path<Uuid>, patch: Patch) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    call.write(move |tx| {
        records::shown::<Activities>(&records::update::<Activities>(
            tx,
            &app.contract,
            *id,
            &if_match,
            &patch.0,
        )?)
    })
    .await
}

/// Delete an activity
///
/// Softly: it disappears from lists and searches, `GET` still shows it, and it can be restored.
#[utoipa::path(operation_id = "deleteActivity", tag = "activities",
    params(("id" = Uuid, Path, description = "Id of the activity.")),
    security(("bearer" = ["engagement.activities:delete"])),
    responses((status = 204, description = "It is deleted.")))]
#[delete("/v1/activities/{id}")]
pub async fn delete(call: Allowed<ActivitiesDelete>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::delete::<Activities>(tx, *id, &if_match).map(|()| Answer::no_content()))
        .await
}

/// Restore a deleted activity
#[utoipa::path(operation_id = "restoreActivity", tag = "activities",
    params(("id" = Uuid, Path, description = "Id of the activity.")),
    security(("bearer" = ["engagement.activities:delete"])),
    responses((status = 200, description = "The activity.", body = ActivityView)))]
#[post("/v1/activities/{id}/restore")]
pub async fn restore(call: Allowed<ActivitiesDelete>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::shown::<Activities>(&records::restore::<Activities>(tx, *id, &if_match)?))
        .await
}

/// Create or change an activity by the id in another system
///
/// Creates the activity with the body, or changes it: fields that the body leaves out keep their values.
/// `If-None-Match: *` means create only.
#[utoipa::path(operation_id = "upsertActivity", tag = "activities", request_body = ActivityInput,
    params(("system" = String, Path, description = "The other system.", min_length = 1, max_length = 60, pattern = "^[A-Za-z0-9._-]+$", example = "erp"),
           ("external_id" = String, Path, description = "The id there.", min_length = 1, max_length = 200, example = "KD-10023")),
    security(("bearer" = ["engagement.activities:write"])),
    responses((status = 200, description = "It existed, and is now so.", body = ActivityView),
              (status = 201, description = "It was created.", body = ActivityView)))]
#[put("/v1/activities/by-external-id/{system}/{external_id}")]
pub async fn upsert(
    call: Allowed<ActivitiesWrite>,
    path: Path<(String, String)>,
    body: Patch,
) -> Result<Answer, Problem> {
    batch::upsert_one::<Activities>(&call, path.into_inner(), body.0).await
}

/// Create, change, delete many activities
///
/// Always 207 with a result for each item, in order. With `atomic` all are done or none.
#[utoipa::path(operation_id = "batchActivities", tag = "activities", request_body = Batch,
    security(("bearer" = ["engagement.activities:write"])),
    responses((status = 207, description = "What became of each item.", body = BatchResult)))]
#[post("/v1/activities/batch")]
pub async fn run_batch(call: Allowed<ActivitiesWrite>, body: Body<Batch>) -> Result<Answer, Problem> {
    batch::run::<Activities>(&call, body.0).await
}
