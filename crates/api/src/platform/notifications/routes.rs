//! `/v1/notifications` and `/v1/notification-preferences`

use actix_web::web::Path;
use actix_web::{get, patch, post};
use fulcrum_domain::access::permit::SignedIn;
use uuid::Uuid;

use super::preference_views::{PreferencesInput, PreferencesView};
use super::views::{
    NotificationList, NotificationQuery, NotificationSummary, NotificationView, ReadAllInput,
};
use super::{preferences, service};
use crate::auth::service::person;
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::{Body, Patch};
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;

/// List my notifications
///
/// The caller's inbox, newest first. Titles and texts are in the language of `Accept-Language`, or in that of the account. Those that were read are kept
/// for 90 days, all others for a year.
#[utoipa::path(operation_id = "listNotifications", tag = "notifications", params(NotificationQuery),
    security(("bearer" = [])),
    responses((status = 200, description = "A page of the inbox.", body = NotificationList)))]
#[get("/v1/notifications")]
pub async fn list(call: Allowed<SignedIn>, query: Query<NotificationQuery>) -> Result<Answer, Problem> {
    person(&call.actor)?;
    let (app, locale) = (call.app.clone(), call.context.reader_locale());
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query, locale)?)).await
}

/// Count my unread notifications
#[utoipa::path(operation_id = "summarizeNotifications", tag = "notifications", security(("bearer" = [])),
    responses((status = 200, description = "How many are unread.", body = NotificationSummary)))]
#[get("/v1/notifications/summary")]
pub async fn summary(call: Allowed<SignedIn>) -> Result<Answer, Problem> {
    person(&call.actor)?;
    call.read(|tx| Answer::ok(&service::summary(tx)?)).await
}

/// Get one of my notifications
#[utoipa::path(operation_id = "getNotification", tag = "notifications",
    params(("id" = Uuid, Path, description = "Id of the notification.")),
    security(("bearer" = [])),
    responses((status = 200, description = "The notification.", body = NotificationView)))]
#[get("/v1/notifications/{id}")]
pub async fn get(call: Allowed<SignedIn>, id: Path<Uuid>) -> Result<Answer, Problem> {
    person(&call.actor)?;
    let locale = call.context.reader_locale();
    call.read(move |tx| Answer::ok(&service::show(tx, *id, locale)?)).await
}

/// Mark a notification as read
///
/// What was read before its mail went out is not mailed any more.
#[utoipa::path(operation_id = "readNotification", tag = "notifications",
    params(("id" = Uuid, Path, description = "Id of the notification.")),
    security(("bearer" = [])),
    responses((status = 200, description = "The notification.", body = NotificationView)))]
#[post("/v1/notifications/{id}/read")]
pub async fn read(call: Allowed<SignedIn>, id: Path<Uuid>) -> Result<Answer, Problem> {
    person(&call.actor)?;
    let locale = call.context.reader_locale();
    call.write(move |tx| Answer::ok(&service::mark(tx, *id, true, locale)?)).await
}

/// Mark a notification as unread
#[utoipa::path(operation_id = "unreadNotification", tag = "notifications",
    params(("id" = Uuid, Path, description = "Id of the notification.")),
    security(("bearer" = [])),
    responses((status = 200, description = "The notification.", body = NotificationView)))]
#[post("/v1/notifications/{id}/unread")]
pub async fn unread(call: Allowed<SignedIn>, id: Path<Uuid>) -> Result<Answer, Problem> {
    person(&call.actor)?;
    let locale = call.context.reader_locale();
    call.write(move |tx| Answer::ok(&service::mark(tx, *id, false, locale)?)).await
}

/// Mark all my notifications as read
///
/// With `before`, only those that came until then: what arrived since the list was fetched stays unread.
#[utoipa::path(operation_id = "readAllNotifications", tag = "notifications", request_body = ReadAllInput,
    security(("bearer" = [])),
    responses((status = 200, description = "What is unread now.", body = NotificationSummary)))]
#[post("/v1/notifications/read-all")]
pub async fn read_all(call: Allowed<SignedIn>, body: Body<ReadAllInput>) -> Result<Answer, Problem> {
    person(&call.actor)?;
    call.write(move |tx| Answer::ok(&service::read_all(tx, &body)?)).await
}

/// Get my notification preferences
///
/// What holds for each kind: what the caller said, and the usual where they said nothing.
#[utoipa::path(operation_id = "getNotificationPreferences", tag = "notifications", security(("bearer" = [])),
    responses((status = 200, description = "The preferences.", body = PreferencesView)))]
#[get("/v1/notification-preferences")]
pub async fn get_preferences(call: Allowed<SignedIn>) -> Result<Answer, Problem> {
    let (user_id, _) = person(&call.actor)?;
    call.read(move |tx| preferences::show(tx, user_id)).await
}

/// Change my notification preferences
///
/// A JSON merge patch on what the caller said so far: absent keeps, null makes it as usual again.
#[utoipa::path(operation_id = "updateNotificationPreferences", tag = "notifications", request_body = PreferencesInput,
    security(("bearer" = [])),
    responses((status = 200, description = "The preferences as they are now.", body = PreferencesView)))]
#[patch("/v1/notification-preferences")]
pub async fn update_preferences(call: Allowed<SignedIn>, patch: Patch) -> Result<Answer, Problem> {
    let ((user_id, _), app) = (person(&call.actor)?, call.app.clone());
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| preferences::update(tx, &app.contract, user_id, &if_match, &patch.0)).await
}
