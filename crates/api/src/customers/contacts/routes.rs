//! `/v1/contacts`

use actix_web::web::Path;
use actix_web::{delete, get, patch, post, put};
use fulcrum_domain::access::permit::{ContactsDelete, ContactsRead, ContactsWrite};
use uuid::Uuid;

use super::searching::{self, ContactSearch};
use super::service::{self, Contacts};
use super::views::{ContactIncludes, ContactInput, ContactList, ContactQuery, ContactView};
use crate::batch::{self, Batch, BatchResult};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::{Body, Patch};
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::records;

/// List contacts
///
/// The contacts of the customers within the data scope, newest first, or best hit first with `q`.
#[utoipa::path(operation_id = "listContacts", tag = "contacts", params(ContactQuery),
    security(("bearer" = ["customers.contacts:read"])),
    responses((status = 200, description = "A page of contacts.", body = ContactList)))]
#[get("/v1/contacts")]
pub async fn list(call: Allowed<ContactsRead>, query: Query<ContactQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Search contacts
///
/// The contacts of the customers within the data scope that a condition holds for. It reads, and changes nothing.
#[utoipa::path(operation_id = "searchContacts", tag = "contacts", request_body = ContactSearch,
    security(("bearer" = ["customers.contacts:read"])),
    responses((status = 200, description = "A page of contacts.", body = ContactList)))]
#[post("/v1/contacts/search")]
pub async fn search(call: Allowed<ContactsRead>, body: Body<ContactSearch>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&searching::search(tx, &app, &body)?)).await
}

/// Create a contact
#[utoipa::path(operation_id = "createContact", tag = "contacts", request_body = ContactInput,
    security(("bearer" = ["customers.contacts:write"])),
    responses((status = 201, description = "The new contact.", body = ContactView)))]
#[post("/v1/contacts")]
pub async fn create(call: Allowed<ContactsWrite>, body: Body<ContactInput>) -> Result<Answer, Problem> {
    call.write(move |tx| records::created::<Contacts>(&records::create::<Contacts>(tx, body.0.clone())?))
        .await
}

/// Get a contact
///
/// Deleted ones, too: `deleted_at` tells.
#[utoipa::path(operation_id = "getContact", tag = "contacts",
    params(("id" = Uuid, Path, description = "Id of the contact."), ContactIncludes),
    security(("bearer" = ["customers.contacts:read"])),
    responses((status = 200, description = "The contact.", body = ContactView)))]
#[get("/v1/contacts/{id}")]
pub async fn get(
    call: Allowed<ContactsRead>,
    id: Path<Uuid>,
    query: Query<ContactIncludes>,
) -> Result<Answer, Problem> {
    call.read(move |tx| service::show(tx, *id, &query.include)).await
}

/// Change a contact
///
/// A JSON merge patch: absent keeps, null clears, arrays replace.
#[utoipa::path(operation_id = "updateContact", tag = "contacts", request_body = ContactInput,
    params(("id" = Uuid, Path, description = "Id of the contact.")),
    security(("bearer" = ["customers.contacts:write"])),
    responses((status = 200, description = "The contact as it is now.", body = ContactView)))]
#[patch("/v1/contacts/{id}")]
pub async fn update(call: Allowed<ContactsWrite>, id: Path<Uuid>, patch: Patch) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    call.write(move |tx| {
        records::shown::<Contacts>(&records::update::<Contacts>(tx, &app.contract, *id, &if_match, &patch.0)?)
    })
    .await
}

/// Delete a contact
///
/// Softly: it disappears from lists and searches, `GET` still shows it, and it can be restored.
#[utoipa::path(operation_id = "deleteContact", tag = "contacts",
    params(("id" = Uuid, Path, description = "Id of the contact.")),
    security(("bearer" = ["customers.contacts:delete"])),
    responses((status = 204, description = "It is deleted.")))]
#[delete("/v1/contacts/{id}")]
pub async fn delete(call: Allowed<ContactsDelete>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::delete::<Contacts>(tx, *id, &if_match).map(|()| Answer::no_content())).await
}

/// Restore a deleted contact
#[utoipa::path(operation_id = "restoreContact", tag = "contacts",
    params(("id" = Uuid, Path, description = "Id of the contact.")),
    security(("bearer" = ["customers.contacts:delete"])),
    responses((status = 200, description = "The contact.", body = ContactView)))]
#[post("/v1/contacts/{id}/restore")]
pub async fn restore(call: Allowed<ContactsDelete>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::shown::<Contacts>(&records::restore::<Contacts>(tx, *id, &if_match)?)).await
}

/// Create or change a contact by the id in another system
///
/// Creates the contact with the body, or changes it: fields that the body leaves out keep their values.
/// `If-None-Match: *` means create only.
#[utoipa::path(operation_id = "upsertContact", tag = "contacts", request_body = ContactInput,
    params(("system" = String, Path, description = "The other system.", min_length = 1, max_length = 60, pattern = "^[A-Za-z0-9._-]+$", example = "erp"),
           ("external_id" = String, Path, description = "The id there.", min_length = 1, max_length = 200, example = "KD-10023")),
    security(("bearer" = ["customers.contacts:write"])),
    responses((status = 200, description = "It existed, and is now so.", body = ContactView),
              (status = 201, description = "It was created.", body = ContactView)))]
#[put("/v1/contacts/by-external-id/{system}/{external_id}")]
pub async fn upsert(
    call: Allowed<ContactsWrite>,
    path: Path<(String, String)>,
    body: Patch,
) -> Result<Answer, Problem> {
    batch::upsert_one::<Contacts>(&call, path.into_inner(), body.0).await
}

/// Create, change, delete many contacts
///
/// Always 207 with a result for each item, in order. With `atomic` all are done or none.
#[utoipa::path(operation_id = "batchContacts", tag = "contacts", request_body = Batch,
    security(("bearer" = ["customers.contacts:write"])),
    responses((status = 207, description = "What became of each item.", body = BatchResult)))]
#[post("/v1/contacts/batch")]
pub async fn run_batch(call: Allowed<ContactsWrite>, body: Body<Batch>) -> Result<Answer, Problem> {
    batch::run::<Contacts>(&call, body.0).await
}
