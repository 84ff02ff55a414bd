//! `/v1/imports`, `/v1/import-templates`

use actix_web::web::Path;
use actix_web::{delete, get, patch, post};
use fulcrum_domain::access::permit::{ImportsRead, ImportsWrite};
use uuid::Uuid;

use super::service;
use super::templates::{self, ImportTemplates};
use super::views::{
    ImportFieldList, ImportInput, ImportList, ImportQuery, ImportRowList, ImportRowQuery, ImportSettings,
    ImportTemplateInput, ImportTemplateList, ImportTemplateView, ImportView,
};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::{Body, Patch};
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::wire::PageQuery;
use crate::platform::operations::views::OperationView;
use crate::records;

/// List imports
///
/// The caller's own, newest first; in the scope of the company all.
#[utoipa::path(operation_id = "listImports", tag = "imports", params(ImportQuery),
    security(("bearer" = ["platform.imports:read"])),
    responses((status = 200, description = "A page.", body = ImportList)))]
#[get("/v1/imports")]
pub async fn list(call: Allowed<ImportsRead>, query: Query<ImportQuery>) -> Result<Answer, Problem> {
    let (app, locale) = (call.app.clone(), call.context.reader_locale());
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query, locale)?)).await
}

/// Bring a spreadsheet in
///
/// Looks at a file that was uploaded before: encoding, separators, sheets, headers, and what its columns seem to be. Nothing is
/// written until it is run: `state` becomes `ready`, then it can be changed, checked and run.
#[utoipa::path(operation_id = "createImport", tag = "imports", request_body = ImportInput,
    security(("bearer" = ["platform.imports:write"])),
    responses((status = 201, description = "The new import.", body = ImportView)))]
#[post("/v1/imports")]
pub async fn create(call: Allowed<ImportsWrite>, body: Body<ImportInput>) -> Result<Answer, Problem> {
    let locale = call.context.reader_locale();
    call.write(move |tx| service::create(tx, &body, locale)).await
}

/// Get an import
#[utoipa::path(operation_id = "getImport", tag = "imports",
    params(("id" = Uuid, Path, description = "Id of the import.")),
    security(("bearer" = ["platform.imports:read"])),
    responses((status = 200, description = "The import.", body = ImportView)))]
#[get("/v1/imports/{id}")]
pub async fn get(call: Allowed<ImportsRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let locale = call.context.reader_locale();
    call.read(move |tx| service::show(tx, *id, locale)).await
}

/// Change how a spreadsheet is read
///
/// A JSON merge patch of `settings`: which column is which field, what happens to customers that are there already. Another sheet,
/// encoding, separator or header row has the file looked at anew.
#[utoipa::path(operation_id = "updateImport", tag = "imports", request_body = ImportSettings,
    params(("id" = Uuid, Path, description = "Id of the import.")),
    security(("bearer" = ["platform.imports:write"])),
    responses((status = 200, description = "The import as it is now.", body = ImportView)))]
#[patch("/v1/imports/{id}")]
pub async fn update(call: Allowed<ImportsWrite>, id: Path<Uuid>, patch: Patch) -> Result<Answer, Problem> {
    let (app, if_match, locale) =
        (call.app.clone(), IfMatch::of(&call.context)?, call.context.reader_locale());
    call.write(move |tx| service::change(tx, &app.contract, *id, &if_match, &patch.0, locale)).await
}

/// Try an import out
///
/// Goes through all rows and writes nothing: `report` tells what would become of them, what is wrong and which customers may be there
/// already. The rows that are wrong can be listed.
#[utoipa::path(operation_id = "checkImport", tag = "imports",
    params(("id" = Uuid, Path, description = "Id of the import.")),
    security(("bearer" = ["platform.imports:write"])),
    responses((status = 202, description = "The operation that does it; its result is the report in short.", body = OperationView)))]
#[post("/v1/imports/{id}/check")]
pub async fn check(call: Allowed<ImportsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let locale = call.context.reader_locale();
    call.write(move |tx| service::go(tx, *id, true, locale)).await
}

/// Run an import
///
/// Writes the rows that are right, some hundred at a time, each of them whole or not at all. It can be followed and stopped as an
/// operation; the rows that are wrong become a file in the caller's language. The same file twice makes no second record.
#[utoipa::path(operation_id = "runImport", tag = "imports",
    params(("id" = Uuid, Path, description = "Id of the import.")),
    security(("bearer" = ["platform.imports:write"])),
    responses((status = 202, description = "The operation that does it; its result is the report in short.", body = OperationView)))]
#[post("/v1/imports/{id}/run")]
pub async fn run(call: Allowed<ImportsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let locale = call.context.reader_locale();
    call.write(move |tx| service::go(tx, *id, false, locale)).await
}

/// Take an import back
///
/// Customers and contacts that it made and that nothing has happened to since are deleted, those that it changed and nobody else get
/// back what they had. The others stay: `GET /v1/imports/{id}/rows?undo=kept` lists them.
#[utoipa::path(operation_id = "undoImport", tag = "imports",
    params(("id" = Uuid, Path, description = "Id of the import.")),
    security(("bearer" = ["platform.imports:write"])),
    responses((status = 202, description = "The operation that does it; its result is `{\"import_id\": …, \"undone\": …, \"kept\": …}`.", body = OperationView)))]
#[post("/v1/imports/{id}/undo")]
pub async fn undo(call: Allowed<ImportsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.write(move |tx| service::undo(tx, *id)).await
}

/// List the rows of an import
///
/// What became of each; after a check those that are wrong, and those whose customers may be there already (10,000 at most).
#[utoipa::path(operation_id = "listImportRows", tag = "imports",
    params(("id" = Uuid, Path, description = "Id of the import."), ImportRowQuery),
    security(("bearer" = ["platform.imports:read"])),
    responses((status = 200, description = "A page.", body = ImportRowList)))]
#[get("/v1/imports/{id}/rows")]
pub async fn rows(
    call: Allowed<ImportsRead>,
    id: Path<Uuid>,
    query: Query<ImportRowQuery>,
) -> Result<Answer, Problem> {
    let (app, locale) = (call.app.clone(), call.context.reader_locale());
    call.read(move |tx| Answer::ok(&service::rows(tx, &app, *id, &query, locale)?)).await
}

/// Everything that a column can be
///
/// The fields that columns of a spreadsheet can be mapped to, of the company's own, too, in the caller's language.
#[utoipa::path(operation_id = "listImportFields", tag = "imports",
    security(("bearer" = ["platform.imports:read"])),
    responses((status = 200, description = "The fields.", body = ImportFieldList)))]
#[get("/v1/metadata/import-fields")]
pub async fn fields(call: Allowed<ImportsRead>) -> Result<Answer, Problem> {
    let locale = call.context.reader_locale();
    call.read(move |tx| Answer::ok(&service::fields(tx, locale)?)).await
}

/// List import templates
#[utoipa::path(operation_id = "listImportTemplates", tag = "imports", params(PageQuery),
    security(("bearer" = ["platform.imports:read"])),
    responses((status = 200, description = "A page.", body = ImportTemplateList)))]
#[get("/v1/import-templates")]
pub async fn list_templates(call: Allowed<ImportsRead>, query: Query<PageQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&templates::list(tx, &app, &query)?)).await
}

/// Create an import template
///
/// Which headers are which fields, for spreadsheets that come again.
#[utoipa::path(operation_id = "createImportTemplate", tag = "imports", request_body = ImportTemplateInput,
    security(("bearer" = ["platform.imports:write"])),
    responses((status = 201, description = "The new template.", body = ImportTemplateView)))]
#[post("/v1/import-templates")]
pub async fn create_template(
    call: Allowed<ImportsWrite>,
    body: Body<ImportTemplateInput>,
) -> Result<Answer, Problem> {
    call.write(move |tx| {
        records::created::<ImportTemplates>(&records::create::<ImportTemplates>(tx, body.0.clone())?)
    })
    .await
}

/// Get an import template
///
/// Deleted ones, too: `deleted_at` tells.
#[utoipa::path(operation_id = "getImportTemplate", tag = "imports",
    params(("id" = Uuid, Path, description = "Id of the template.")),
    security(("bearer" = ["platform.imports:read"])),
    responses((status = 200, description = "The template.", body = ImportTemplateView)))]
#[get("/v1/import-templates/{id}")]
pub async fn get_template(call: Allowed<ImportsRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| records::shown::<ImportTemplates>(&records::find::<ImportTemplates>(tx, *id)?)).await
}

/// Change an import template
///
/// A JSON merge patch: absent keeps, null clears, arrays replace.
#[utoipa::path(operation_id = "updateImportTemplate", tag = "imports", request_body = ImportTemplateInput,
    params(("id" = Uuid, Path, description = "Id of the template.")),
    security(("bearer" = ["platform.imports:write"])),
    responses((status = 200, description = "The template as it is now.", body = ImportTemplateView)))]
#[patch("/v1/import-templates/{id}")]
pub async fn update_template(
    call: Allowed<ImportsWrite>,
    id: Path<Uuid>,
    patch: Patch,
) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    call.write(move |tx| {
        let row = records::update::<ImportTemplates>(tx, &app.contract, *id, &if_match, &patch.0)?;
        records::shown::<ImportTemplates>(&row)
    })
    .await
}

/// Delete an import template
///
/// Softly: `GET` still shows it, and it can be restored.
#[utoipa::path(operation_id = "deleteImportTemplate", tag = "imports",
    params(("id" = Uuid, Path, description = "Id of the template.")),
    security(("bearer" = ["platform.imports:write"])),
    responses((status = 204, description = "It is deleted.")))]
#[delete("/v1/import-templates/{id}")]
pub async fn delete_template(call: Allowed<ImportsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| {
        records::delete::<ImportTemplates>(tx, *id, &if_match).map(|()| Answer::no_content())
    })
    .await
}

/// Restore a deleted import template
#[utoipa::path(operation_id = "restoreImportTemplate", tag = "imports",
    params(("id" = Uuid, Path, description = "Id of the template.")),
    security(("bearer" = ["platform.imports:write"])),
    responses((status = 200, description = "The template.", body = ImportTemplateView)))]
#[post("/v1/import-templates/{id}/restore")]
pub async fn restore_template(call: Allowed<ImportsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| {
        records::shown::<ImportTemplates>(&records::restore::<ImportTemplates>(tx, *id, &if_match)?)
    })
    .await
}
