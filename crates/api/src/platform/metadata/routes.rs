//! `/v1/metadata`

use actix_web::get;
use actix_web::web::Path;
use fulcrum_domain::access::permit::CustomFieldsRead;
use serde::Serialize;
use strum::IntoEnumIterator;
use utoipa::ToSchema;

use super::objects::{self, DescribedObject, ObjectDescription, VocabularyCatalog};
use crate::http::allowed::{Allowed, Anonymous};
use crate::http::answer::Answer;
use crate::http::catalog::{Code, FieldCode};
use crate::http::locale::Locale;
use crate::http::problem::Problem;

/// Every code that a problem can have.
#[derive(Serialize, ToSchema)]
pub struct ErrorCatalog {
    /// Codes of problems.
    #[schema(max_items = 500)]
    pub problems: Vec<ProblemCode>,
    /// Codes of entries in `errors`.
    #[schema(max_items = 500)]
    pub fields: Vec<FieldErrorCode>,
}

/// A code of a problem.
#[derive(Serialize, ToSchema)]
pub struct ProblemCode {
    /// The code.
    #[schema(max_length = 60, example = "version_mismatch")]
    pub code: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 412)]
    pub status: u16,
    /// In English.
    #[schema(max_length = 200, example = "The record has changed")]
    pub title: &'static str,
    /// In Chinese.
    #[schema(max_length = 200, example = "记录已被修改")]
    pub title_zh: &'static str,
    /// In English, with `{name}` for parameters.
    #[schema(
        max_length = 1000,
        example = "You have version {expected}, the record is at {current_version}."
    )]
    pub detail: &'static str,
    /// In Chinese.
    #[schema(max_length = 1000, example = "您的版本为 {expected}，当前版本为 {current_version}。")]
    pub detail_zh: &'static str,
}

/// A code of an entry in `errors`.
#[derive(Serialize, ToSchema)]
pub struct FieldErrorCode {
    /// The code.
    #[schema(max_length = 60, example = "too_long")]
    pub code: &'static str,
    /// In English, with `{name}` for parameters.
    #[schema(max_length = 1000, example = "At most {max} characters.")]
    pub detail: &'static str,
    /// In Chinese.
    #[schema(max_length = 1000, example = "最多 {max} 个字符。")]
    pub detail_zh: &'static str,
}

/// List the codes of errors
///
/// Codes are stable: programs switch on them. Words may get better at any time.
#[utoipa::path(operation_id = "listErrorCodes", tag = "metadata", security(()),
    responses((status = 200, description = "Every code.", body = ErrorCatalog)))]
#[get("/v1/metadata/errors")]
pub async fn errors(_call: Anonymous) -> Result<Answer, Problem> {
    let problems = Code::iter().map(|code| ProblemCode {
        code: code.word(),
        status: code.status().as_u16(),
        title: code.title(Locale::En),
        title_zh: code.title(Locale::Zh),
        detail: code.detail(Locale::En),
        detail_zh: code.detail(Locale::Zh),
    });
    let fields = FieldCode::iter().map(|code| FieldErrorCode {
        code: code.word(),
        detail: code.detail(Locale::En),
        detail_zh: code.detail(Locale::Zh),
    });
    Ok(Answer::ok(&ErrorCatalog { problems: problems.collect(), fields: fields.collect() })?.public())
}

/// Describe a kind of record
///
/// Every field that can be written, the company's own among them, with what a form has to know of it: label, type, bounds, choices,
/// whether it is required.
#[utoipa::path(operation_id = "getObjectDescription", tag = "metadata",
    params(("type" = DescribedObject, Path, description = "The kind of record.")),
    security(("bearer" = ["customers.custom_fields:read"])),
    responses((status = 200, description = "Its fields.", body = ObjectDescription)))]
#[get("/v1/metadata/objects/{type}")]
pub async fn describe(
    call: Allowed<CustomFieldsRead>,
    object: Path<DescribedObject>,
) -> Result<Answer, Problem> {
    let (app, locale) = (call.app.clone(), call.context.reader_locale());
    call.read(move |tx| Answer::ok(&objects::describe(tx, &app.contract, *object, locale)?)).await
}

/// List vocabularies
///
/// Every closed vocabulary of the contract with its words, in the language of the request.
#[utoipa::path(operation_id = "listVocabularies", tag = "metadata", security(()),
    responses((status = 200, description = "Every vocabulary.", body = VocabularyCatalog)))]
#[get("/v1/metadata/enums")]
pub async fn vocabularies(call: Anonymous) -> Result<Answer, Problem> {
    Answer::ok(&objects::vocabularies(&call.app.contract, call.context.reader_locale()))
}
