//! `/v1/files`

use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use fulcrum_domain::access::permit::{FilesDelete, FilesRead, FilesWrite};
use uuid::Uuid;

use super::views::{FileContent, FileInput, FileList, FileQuery, FileView, LinkInput, UnlinkInput};
use super::{content, service, upload};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::Body;
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;

/// List files
///
/// Of the records that the caller sees, newest first.
#[utoipa::path(operation_id = "listFiles", tag = "files", params(FileQuery),
    security(("bearer" = ["platform.files:read"])),
    responses((status = 200, description = "A page of files.", body = FileList)))]
#[get("/v1/files")]
pub async fn list(call: Allowed<FilesRead>, query: Query<FileQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Upload a file
///
/// For a record that the caller sees. What the name, the `Content-Type` of the part and the content say it is has to agree.
/// The size and the types that are taken are settings of the installation. An upload that breaks off is not there.
#[utoipa::path(operation_id = "createFile", tag = "files",
    request_body(content = FileInput, content_type = "multipart/form-data"),
    security(("bearer" = ["platform.files:write"])),
    responses((status = 201, description = "The new file.", body = FileView)))]
#[post("/v1/files")]
pub async fn create(
    call: Allowed<FilesWrite>,
    request: HttpRequest,
    payload: Payload,
) -> Result<Answer, Problem> {
    upload::receive_and_keep(&call, &request, payload).await
}

/// Get a file
///
/// What is known of it; deleted ones, too: `deleted_at` tells.
#[utoipa::path(operation_id = "getFile", tag = "files",
    params(("id" = Uuid, Path, description = "Id of the file.")),
    security(("bearer" = ["platform.files:read"])),
    responses((status = 200, description = "The file.", body = FileView)))]
#[get("/v1/files/{id}")]
pub async fn get(call: Allowed<FilesRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| service::show(tx, *id)).await
}

/// Download a file
///
/// Whole, or the part that a `Range` header asks for. The ETag is the SHA-256 of the content. Always `application/octet-stream`
/// and to be saved, so that no browser takes it for a page of this server; what it is stands in `media_type` of the file.
#[utoipa::path(operation_id = "getFileContent", tag = "files",
    params(
        ("id" = Uuid, Path, description = "Id of the file."),
        ("Range" = Option<String>, Header, description = "Which part: one of `bytes=0-99`, `bytes=100-`, `bytes=-50`. Several parts at once are answered with the whole.", max_length = 200, example = "bytes=0-99"),
        ("If-Range" = Option<String>, Header, description = "Give a part only while the content has this ETag, else the whole.", max_length = 200)),
    security(("bearer" = ["platform.files:read"])),
    responses(
        (status = 200, description = "The content.", body = FileContent, content_type = "application/octet-stream"),
        (status = 206, description = "The part that was asked for.", body = FileContent, content_type = "application/octet-stream")))]
#[get("/v1/files/{id}/content")]
pub async fn get_content(
    call: Allowed<FilesRead>,
    id: Path<Uuid>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let file = service::file(&call, *id).await?;
    content::content(&call.app.files, &request, &file).await
}

/// Link a file to a record, too
///
/// A link that is there gets the kind of document.
#[utoipa::path(operation_id = "linkFile", tag = "files", request_body = LinkInput,
    params(("id" = Uuid, Path, description = "Id of the file.")),
    security(("bearer" = ["platform.files:write"])),
    responses((status = 200, description = "The file as it is now.", body = FileView)))]
#[post("/v1/files/{id}/link")]
pub async fn link(
    call: Allowed<FilesWrite>,
    id: Path<Uuid>,
    body: Body<LinkInput>,
) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| service::link(tx, *id, &if_match, &body)).await
}

/// Take a file away from a record
///
/// Without its last record it is deleted, which takes `platform.files:delete`, too.
#[utoipa::path(operation_id = "unlinkFile", tag = "files", request_body = UnlinkInput,
    params(("id" = Uuid, Path, description = "Id of the file.")),
    security(("bearer" = ["platform.files:write"])),
    responses((status = 200, description = "The file as it is now.", body = FileView)))]
#[post("/v1/files/{id}/unlink")]
pub async fn unlink(
    call: Allowed<FilesWrite>,
    id: Path<Uuid>,
    body: Body<UnlinkInput>,
) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| service::unlink(tx, *id, &if_match, &body)).await
}

/// Delete a file
///
/// Softly, and from all its records, which the caller has to see all: `GET` still shows it, and it can be restored.
#[utoipa::path(operation_id = "deleteFile", tag = "files",
    params(("id" = Uuid, Path, description = "Id of the file.")),
    security(("bearer" = ["platform.files:delete"])),
    responses((status = 204, description = "It is deleted.")))]
#[delete("/v1/files/{id}")]
pub async fn delete(call: Allowed<FilesDelete>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| service::delete(tx, *id, &if_match)).await
}

/// Restore a deleted file
#[utoipa::path(operation_id = "restoreFile", tag = "files",
    params(("id" = Uuid, Path, description = "Id of the file.")),
    security(("bearer" = ["platform.files:delete"])),
    responses((status = 200, description = "The file.", body = FileView)))]
#[post("/v1/files/{id}/restore")]
pub async fn restore(call: Allowed<FilesDelete>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| service::restore(tx, *id, &if_match)).await
}
