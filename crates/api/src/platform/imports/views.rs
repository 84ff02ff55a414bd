//! Imports on the wire.

use chrono::{DateTime, Utc};
use fulcrum_persistence::platform::import_rows::ImportRow;
use fulcrum_persistence::platform::imports::Import;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strum::{Display, EnumString};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

pub use super::reading::SpreadsheetFormat;
use crate::http::body::Input;
use crate::http::catalog::FieldCode;
use crate::http::cursor::list_view;
use crate::http::locale::Locale;
use crate::http::problem::FieldError;

/// What the rows of a spreadsheet are.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ImportedObject {
    /// Customers, each with a contact or without; several rows of a customer are several contacts.
    #[default]
    Customer,
}

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ImportState {
    /// The file is being looked at.
    Analysing,
    /// It can be checked, and run.
    Ready,
    /// It is being tried out; nothing is written.
    Checking,
    /// Its rows are being written.
    Running,
    /// All its rows were gone through.
    Done,
    /// It was stopped, or broke off: what was written so far is there, and can be taken back.
    Cancelled,
    /// It is being taken back.
    Undoing,
    /// It was taken back, as far as its records were untouched.
    Undone,
    /// The file can't be read: `failure` tells why.
    Failed,
}

/// What happens to a row whose customer is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnMatch {
    /// The customer gets what the row says; empty cells change nothing.
    #[default]
    Update,
    /// The row is passed over.
    Skip,
    /// Another customer is created, unless the two can't both be: the same number, credit code or external id is an error.
    Create,
    /// The same, and the pair is noted for somebody to decide.
    CreateAndFlag,
}

impl OnMatch {
    /// Whether a row whose customer is there is to become another one.
    pub(super) fn creates_another(self) -> bool {
        matches!(self, OnMatch::Create | OnMatch::CreateAndFlag)
    }
}

/// What a customer that is there already is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchKey {
    /// Its number.
    Number,
    /// Its id in the other system.
    ExternalId,
    /// Its unified social credit code.
    CreditCode,
    /// Its name without legal form and punctuation, as long as telephone numbers don't tell the two apart; an individual needs the same
    /// number, too.
    NamePhone,
}

/// A field as it can be mapped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(min_length = 1, max_length = 100, pattern = "^[a-z][a-z0-9_.]*$", example = "customer.name")]
pub struct ImportField(pub String);

/// Which column is which field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportColumn {
    /// The column, counted from 1.
    #[schema(minimum = 1, maximum = 300, example = 1)]
    pub column: i32,
    /// The field: `customer.name`, `customer.address.city`, `customer.custom.region`, `contact.mobile` …; see
    /// `GET /v1/metadata/import-fields`.
    pub field: ImportField,
}

/// What a field is where its cell is empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportDefault {
    /// The field.
    pub field: ImportField,
    /// As it would stand in a cell.
    #[schema(min_length = 1, max_length = 200, example = "展会")]
    pub value: String,
}

/// How a spreadsheet is read and what becomes of its rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportSettings {
    /// The sheet of a workbook; the first visible one unless given.
    #[schema(min_length = 1, max_length = 100, example = "Sheet1")]
    #[serde(default)]
    pub sheet: Option<String>,
    /// The encoding of a file with separators, as the WHATWG names it; found out unless given.
    #[schema(min_length = 1, max_length = 40, example = "gb18030")]
    #[serde(default)]
    pub encoding: Option<String>,
    /// The separator; found out unless given.
    #[schema(min_length = 1, max_length = 1, pattern = "^[,;|\\t]$", example = ",")]
    #[serde(default)]
    pub delimiter: Option<String>,
    /// The row with the headers, counted from 1; found out unless given.
    #[schema(minimum = 1, maximum = 1000, example = 1)]
    #[serde(default)]
    pub header_row: Option<i32>,
    /// Which columns are which fields; those that aren't named are left out.
    #[schema(max_items = 300)]
    #[serde(default)]
    pub columns: Vec<ImportColumn>,
    /// What fields are where there is no column, or nothing in it.
    #[schema(max_items = 100)]
    #[serde(default)]
    pub defaults: Vec<ImportDefault>,
    /// What happens to rows whose customer is there already.
    #[serde(default)]
    pub on_match: OnMatch,
    /// What a customer is known by; the first that finds one decides.
    #[schema(min_items = 1, max_items = 4)]
    #[serde(default = "every_key")]
    pub match_by: Vec<MatchKey>,
    /// The system that `customer.external_id` is an id in.
    #[schema(min_length = 1, max_length = 60, pattern = "^[A-Za-z0-9._-]+$", example = "kingdee")]
    #[serde(default)]
    pub external_system: Option<String>,
}

pub(super) fn every_key() -> Vec<MatchKey> {
    vec![MatchKey::Number, MatchKey::ExternalId, MatchKey::CreditCode, MatchKey::NamePhone]
}

impl Input for ImportSettings {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        wrong_settings(body, "")
    }
}

/// Fields and columns that come twice, and an external id of no system.
fn wrong_settings(settings: &Value, pointer: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (list, name) in [("columns", "field"), ("columns", "column"), ("defaults", "field")] {
        let values: Vec<&Value> =
            settings[list].as_array().into_iter().flatten().map(|entry| &entry[name]).collect();
        for (index, value) in values.iter().enumerate() {
            if !value.is_null() && values[..index].contains(value) {
                errors
                    .push(FieldError::new(format!("{pointer}/{list}/{index}/{name}"), FieldCode::Duplicate));
            }
        }
    }
    let names_id = |entry: &Value| entry["field"] == "customer.external_id";
    let columns = settings["columns"].as_array().into_iter().flatten();
    if settings["external_system"].is_null() && columns.into_iter().any(names_id) {
        errors.push(FieldError::new(format!("{pointer}/external_system"), FieldCode::Required));
    }
    errors
}

/// Which file, and how it is to be read.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportInput {
    /// What its rows are.
    #[serde(default)]
    #[schema(default = "customer")]
    pub object_type: ImportedObject,
    /// The spreadsheet, uploaded at `/v1/files` before: CSV (`.csv`, `.tsv`, `.txt`) or a workbook (`.xlsx`).
    pub file_id: Uuid,
    /// A mapping that is used again.
    #[serde(default)]
    pub template_id: Option<Uuid>,
    /// What is done as soon as the file was looked at, if a column is the name: for spreadsheets that come again. Nothing unless
    /// given.
    #[serde(default)]
    pub then: Option<ImportThen>,
}

/// What is done as soon as a file was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportThen {
    /// It is tried out.
    Check,
    /// It is run.
    Run,
}

impl Input for ImportInput {}

/// A header that means a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateColumn {
    /// What stands above the column; letters, spaces and what is in brackets don't matter.
    #[schema(min_length = 1, max_length = 200, pattern = "\\S", example = "客户全称")]
    pub header: String,
    /// The field.
    pub field: ImportField,
}

/// A mapping that is used again.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportTemplateInput {
    /// Name; unique.
    #[schema(min_length = 1, max_length = 100, pattern = "\\S", example = "金蝶客户档案")]
    pub name: String,
    /// What its rows are.
    #[serde(default)]
    #[schema(default = "customer")]
    pub object_type: ImportedObject,
    /// Which headers are which fields; others are guessed.
    #[schema(max_items = 300)]
    #[serde(default)]
    pub columns: Vec<TemplateColumn>,
    /// What fields are where there is no column, or nothing in it.
    #[schema(max_items = 100)]
    #[serde(default)]
    pub defaults: Vec<ImportDefault>,
    /// What happens to rows whose customer is there already.
    #[serde(default)]
    #[schema(default = "update")]
    pub on_match: OnMatch,
    /// What a customer is known by; the first that finds one decides.
    #[schema(min_items = 1, max_items = 4)]
    #[serde(default = "every_key")]
    pub match_by: Vec<MatchKey>,
    /// The system that `customer.external_id` is an id in.
    #[schema(min_length = 1, max_length = 60, pattern = "^[A-Za-z0-9._-]+$", example = "kingdee")]
    #[serde(default)]
    pub external_system: Option<String>,
}

impl Input for ImportTemplateInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        crate::http::checks::Checks::of(body)
            .not_blank(&["name"])
            .found()
            .into_iter()
            .chain(wrong_settings(body, ""))
            .collect()
    }
}

/// A mapping that is used again.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ImportTemplate)]
pub struct ImportTemplateView {
    /// Id.
    pub id: Uuid,
    /// Name.
    #[schema(max_length = 100, example = "金蝶客户档案")]
    pub name: String,
    /// What its rows are.
    pub object_type: ImportedObject,
    /// Which headers are which fields.
    #[schema(max_items = 300)]
    pub columns: Vec<TemplateColumn>,
    /// What fields are where there is no column, or nothing in it.
    #[schema(max_items = 100)]
    pub defaults: Vec<ImportDefault>,
    /// What happens to rows whose customer is there already.
    pub on_match: OnMatch,
    /// What a customer is known by.
    #[schema(max_items = 4)]
    pub match_by: Vec<MatchKey>,
    /// The system that `customer.external_id` is an id in.
    #[schema(required, max_length = 60, example = "kingdee")]
    pub external_system: Option<String>,
    /// Version, as in the ETag.
    #[schema(minimum = 1, example = 1)]
    pub version: i32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// When it was deleted; null while it isn't.
    #[schema(required)]
    pub deleted_at: Option<DateTime<Utc>>,
}

/// A column as it was found.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FoundColumn {
    /// Counted from 1.
    #[schema(minimum = 1, example = 1)]
    pub column: i32,
    /// What stands above it.
    #[schema(max_length = 300, example = "客户名称")]
    pub header: String,
    /// The field that it seems to be; null when nobody can tell.
    #[schema(required)]
    pub proposed: Option<ImportField>,
    /// What stands in its first cells.
    #[schema(max_items = 5, example = json!(["杭州科创信息技术有限公司"]))]
    pub samples: Vec<String>,
}

/// What was found in the file.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportAnalysis {
    /// What kind of file it is.
    pub format: SpreadsheetFormat,
    /// Its encoding; null for a workbook.
    #[schema(required, max_length = 40, example = "gb18030")]
    pub encoding: Option<String>,
    /// Its separator; null for a workbook.
    #[schema(required, max_length = 1, example = ",")]
    pub delimiter: Option<String>,
    /// The sheet that is read; null for a file with separators.
    #[schema(required, max_length = 100, example = json!(null))]
    pub sheet: Option<String>,
    /// The visible sheets of a workbook.
    #[schema(max_items = 1000, example = json!([]))]
    pub sheets: Vec<String>,
    /// The row with the headers.
    #[schema(minimum = 1, example = 1)]
    pub header_row: i32,
    /// The first row behind the headers: they can take several.
    #[schema(minimum = 1, example = 2)]
    pub first_row: i32,
    /// Rows with something in them, headers left out.
    #[schema(minimum = 0, example = 1200)]
    pub rows: i64,
    /// The columns.
    #[schema(max_items = 300)]
    pub columns: Vec<FoundColumn>,
}

/// What is wrong with a cell, or with a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredError {
    /// The field; nothing where it is the row.
    pub(super) field: Option<String>,
    pub(super) header: Option<String>,
    pub(super) value: Option<String>,
    pub(super) code: String,
    #[serde(default)]
    pub(super) params: Map<String, Value>,
}

impl StoredError {
    pub(super) fn detail(&self, locale: Locale) -> String {
        let code = self.code.parse().unwrap_or(FieldCode::Invalid);
        FieldError { pointer: String::new(), code, params: self.params.clone() }.detail(locale)
    }
}

/// What is wrong with a cell, or with a row.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ImportCellError {
    /// The field; null where it is the row.
    #[schema(required)]
    pub field: Option<ImportField>,
    /// What stands above the column.
    #[schema(required, max_length = 300, example = "统一社会信用代码")]
    pub header: Option<String>,
    /// What stands in the cell.
    #[schema(required, max_length = 300, example = "9133")]
    pub value: Option<String>,
    /// What is wrong, for programs; see `GET /v1/metadata/errors`.
    #[schema(max_length = 60, example = "credit_code_length")]
    pub code: String,
    /// What is wrong, in the caller's language.
    #[schema(max_length = 2000, example = "统一社会信用代码应为 18 位（GB 32100-2015），实际为 4 位。")]
    pub detail: String,
}

/// How often something is wrong with a field.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ImportErrorCount {
    /// What is wrong, where it is so first.
    #[serde(flatten)]
    pub error: ImportCellError,
    /// In how many rows.
    #[schema(minimum = 1, example = 12)]
    pub count: i64,
    /// The first of them.
    #[schema(max_items = 10, example = json!([3, 18]))]
    pub rows: Vec<i32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredCount {
    pub(super) error: StoredError,
    pub(super) count: i64,
    pub(super) rows: Vec<i32>,
}

/// A customer that may be the same as that of a row.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportDuplicate {
    /// The row.
    #[schema(minimum = 1, example = 7)]
    pub row_number: i32,
    /// The customer that is there already.
    pub customer_id: Uuid,
    /// Its number.
    #[schema(max_length = 40, example = "C2026000012")]
    pub number: String,
    /// Its name.
    #[schema(max_length = 200, example = "杭州科创信息技术有限公司")]
    pub name: String,
    /// How likely it is that the two are the same, in percent.
    #[schema(minimum = 0, maximum = 100, example = 90)]
    pub score: u8,
    /// What they have in common.
    #[schema(max_items = 10, example = json!(["same_name"]))]
    pub reasons: Vec<String>,
}

/// What a row would become.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportSample {
    /// The row.
    #[schema(minimum = 1, example = 2)]
    pub row_number: i32,
    /// What would become of it.
    pub outcome: ImportOutcome,
    /// What the row says of the customer.
    #[schema(value_type = Object, example = json!({ "name": "杭州科创信息技术有限公司" }))]
    pub customer: Value,
    /// What it says of the contact; null without one.
    #[schema(required, value_type = Option<Object>, example = json!({ "name": "李伟" }))]
    pub contact: Option<Value>,
}

/// What became of a row, or would become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ImportOutcome {
    /// A customer was created.
    Created,
    /// A customer that was there, or its contact, was changed, or a contact was added to it.
    Updated,
    /// All of it was there already.
    Unchanged,
    /// The customer was there already, and so the row was passed over.
    Skipped,
    /// It is wrong, and nothing of it was written.
    Failed,
}

/// What came of a check, or of an import, in figures.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ImportReport {
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Rows that were gone through.
    #[schema(minimum = 0, example = 1200)]
    pub rows: i64,
    /// Rows by which a customer was created.
    #[schema(minimum = 0, example = 1100)]
    pub created: i64,
    /// Rows by which something was changed, or a contact was added.
    #[schema(minimum = 0, example = 60)]
    pub updated: i64,
    /// Rows that say what was there already.
    #[schema(minimum = 0, example = 0)]
    pub unchanged: i64,
    /// Rows that were passed over, because their customer was there already.
    #[schema(minimum = 0, example = 20)]
    pub skipped: i64,
    /// Rows that are wrong.
    #[schema(minimum = 0, example = 20)]
    pub failed: i64,
    /// Contacts that were created.
    #[schema(minimum = 0, example = 1130)]
    pub contacts_created: i64,
    /// Contacts that were changed.
    #[schema(minimum = 0, example = 10)]
    pub contacts_updated: i64,
    /// Customers created though they are likely to be there already.
    #[schema(minimum = 0, example = 3)]
    pub likely_duplicates: i64,
    /// What is wrong, the most frequent first.
    #[schema(max_items = 100)]
    pub errors: Vec<ImportErrorCount>,
    /// What the first rows would become; after a check only.
    #[schema(max_items = 10)]
    pub samples: Vec<ImportSample>,
    /// Some of the customers that are likely to be the same as those that are there.
    #[schema(max_items = 100)]
    pub duplicates: Vec<ImportDuplicate>,
    /// Customers and contacts that were taken back; null while nothing was.
    #[schema(required, minimum = 0, example = json!(null))]
    pub undone: Option<i64>,
    /// Customers and contacts that were not, because something has happened to them since.
    #[schema(required, minimum = 0, example = json!(null))]
    pub kept: Option<i64>,
}

/// The same as it is stored: words are put together for who reads them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct StoredReport {
    pub(super) dry_run: bool,
    pub(super) rows: i64,
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) unchanged: i64,
    pub(super) skipped: i64,
    pub(super) failed: i64,
    pub(super) contacts_created: i64,
    pub(super) contacts_updated: i64,
    pub(super) likely_duplicates: i64,
    pub(super) errors: Vec<StoredCount>,
    pub(super) samples: Vec<ImportSample>,
    pub(super) duplicates: Vec<ImportDuplicate>,
    pub(super) undone: Option<i64>,
    pub(super) kept: Option<i64>,
}

/// A spreadsheet that is brought in.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Import)]
pub struct ImportView {
    /// Id.
    pub id: Uuid,
    /// What its rows are.
    pub object_type: ImportedObject,
    /// The spreadsheet.
    pub file_id: Uuid,
    /// Its name.
    #[schema(max_length = 200, example = "客户名单.xlsx")]
    pub file_name: String,
    /// Where it stands.
    pub state: ImportState,
    /// How it is read and what becomes of its rows; the columns are proposed when the file was looked at.
    pub settings: ImportSettings,
    /// What was found in the file; null until it was looked at.
    #[schema(required)]
    pub analysis: Option<ImportAnalysis>,
    /// Why the file can't be read; null unless it can't.
    #[schema(required)]
    pub failure: Option<ImportCellError>,
    /// What came of the last check, or of the import; null before.
    #[schema(required)]
    pub report: Option<ImportReport>,
    /// The rows that are wrong as they stood in the file, with row number and reason: a CSV file; null when there are none.
    #[schema(required)]
    pub error_file_id: Option<Uuid>,
    /// The operation that is under way, or was the last one: its progress can be followed, and it can be stopped.
    #[schema(required)]
    pub operation_id: Option<Uuid>,
    /// Who made it: `user`, `api_client` or `system`.
    #[schema(max_length = 20, example = "user")]
    pub created_by_type: String,
    /// Their id.
    #[schema(required)]
    pub created_by_id: Option<Uuid>,
    /// Version, as in the ETag.
    #[schema(minimum = 1, example = 1)]
    pub version: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// When its rows began to be written.
    #[schema(required)]
    pub started_at: Option<DateTime<Utc>>,
    /// When all of them were.
    #[schema(required)]
    pub finished_at: Option<DateTime<Utc>>,
}

list_view!(
    /// A page of imports, newest first.
    ImportList of ImportView
);
list_view!(
    /// A page of templates.
    ImportTemplateList of ImportTemplateView
);
list_view!(
    /// A page of rows, in their order.
    ImportRowList of ImportRowView
);

/// What became of a row.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ImportRow)]
pub struct ImportRowView {
    /// As a spreadsheet counts: the first one is 1.
    #[schema(minimum = 1, example = 7)]
    pub row_number: i32,
    /// What became of it.
    pub outcome: ImportOutcome,
    /// The customer that it became or was found to be; null when it failed.
    #[schema(required)]
    pub customer_id: Option<Uuid>,
    /// The contact.
    #[schema(required)]
    pub contact_id: Option<Uuid>,
    /// Whether the customer was created by this row.
    pub customer_created: bool,
    /// Whether the contact was.
    pub contact_created: bool,
    /// What is wrong.
    #[schema(max_items = 100)]
    pub errors: Vec<ImportCellError>,
    /// Customers that may be the same.
    #[schema(max_items = 20)]
    pub duplicates: Vec<ImportDuplicate>,
    /// Whether it was taken back with the import, or kept because something has happened to it since; null before.
    #[schema(required)]
    pub undo: Option<ImportUndo>,
}

/// What became of a row when its import was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ImportUndo {
    /// It is as if it had never come.
    Undone,
    /// Something has happened to its records since: they stay.
    Kept,
}

/// A field that a column can be.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ImportableField)]
pub struct ImportFieldView {
    /// As it is mapped.
    pub field: ImportField,
    /// What people call it, in the caller's language.
    #[schema(max_length = 300, example = "客户名称")]
    pub label: String,
}

/// Everything that a column can be.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ImportFieldList {
    /// The fields.
    #[schema(max_items = 1000)]
    pub data: Vec<ImportFieldView>,
}

/// Which imports.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// Only in these states.
    #[param(max_items = 10)]
    pub state: Vec<ImportState>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for ImportQuery {
    fn default() -> ImportQuery {
        ImportQuery { state: vec![], cursor: None, limit: 50 }
    }
}

/// Which rows.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ImportRowQuery {
    /// Only those that became this.
    #[param(max_items = 10)]
    pub outcome: Vec<ImportOutcome>,
    /// Only those that were taken back, or kept, with the import.
    #[param(max_items = 2)]
    pub undo: Vec<ImportUndo>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for ImportRowQuery {
    fn default() -> ImportRowQuery {
        ImportRowQuery { outcome: vec![], undo: vec![], cursor: None, limit: 50 }
    }
}

pub(super) fn cell_error(error: &StoredError, locale: Locale) -> ImportCellError {
    ImportCellError {
        field: error.field.clone().map(ImportField),
        header: error.header.clone(),
        value: error.value.clone(),
        code: error.code.clone(),
        detail: error.detail(locale),
    }
}

pub(super) fn report(stored: &StoredReport, locale: Locale) -> ImportReport {
    let counted = stored.errors.iter().map(|counted| ImportErrorCount {
        error: cell_error(&counted.error, locale),
        count: counted.count,
        rows: counted.rows.clone(),
    });
    ImportReport {
        dry_run: stored.dry_run,
        rows: stored.rows,
        created: stored.created,
        updated: stored.updated,
        unchanged: stored.unchanged,
        skipped: stored.skipped,
        failed: stored.failed,
        contacts_created: stored.contacts_created,
        contacts_updated: stored.contacts_updated,
        likely_duplicates: stored.likely_duplicates,
        errors: counted.collect(),
        samples: stored.samples.clone(),
        duplicates: stored.duplicates.clone(),
        undone: stored.undone,
        kept: stored.kept,
    }
}

impl ImportView {
    /// As a reader gets it.
    pub(super) fn of(row: &Import, locale: Locale) -> ImportView {
        let failure: Option<StoredError> = row.failure.as_ref().and_then(|stored| stored.read());
        let stored: Option<StoredReport> = row.report.as_ref().and_then(|stored| stored.read());
        ImportView {
            id: row.id,
            object_type: row.object_type.parse().unwrap_or_default(),
            file_id: row.file_id,
            file_name: row.file_name.clone(),
            state: row.state.parse().unwrap_or(ImportState::Failed),
            settings: row.settings.read().unwrap_or_default(),
            analysis: row.analysis.as_ref().and_then(|stored| stored.read()),
            failure: failure.map(|failure| cell_error(&failure, locale)),
            report: stored.map(|stored| report(&stored, locale)),
            error_file_id: row.error_file_id,
            operation_id: row.operation_id,
            created_by_type: row.created_by_type.clone(),
            created_by_id: row.created_by_id,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        }
    }
}

impl ImportView {
    /// Leaves out what cells say: there are numbers and addresses among them, and not everybody may read those.
    pub(super) fn hide_values(&mut self) {
        if let Some(report) = &mut self.report {
            report.samples.clear();
            report.errors.iter_mut().for_each(|counted| counted.error.value = None);
        }
        if let Some(analysis) = &mut self.analysis {
            analysis.columns.iter_mut().for_each(|column| column.samples.clear());
        }
    }
}

impl ImportRowView {
    /// As a reader gets it.
    pub(super) fn of(row: &ImportRow, locale: Locale) -> ImportRowView {
        let errors: Vec<StoredError> =
            row.errors.as_ref().and_then(|stored| stored.read()).unwrap_or_default();
        ImportRowView {
            row_number: row.row_number,
            outcome: row.outcome.parse().unwrap_or(ImportOutcome::Failed),
            customer_id: row.customer_id,
            contact_id: row.contact_id,
            customer_created: row.customer_created,
            contact_created: row.contact_created,
            errors: errors.iter().map(|error| cell_error(error, locale)).collect(),
            duplicates: row.duplicates.as_ref().and_then(|stored| stored.read()).unwrap_or_default(),
            undo: row.undo.as_deref().and_then(|word| word.parse().ok()),
        }
    }
}
