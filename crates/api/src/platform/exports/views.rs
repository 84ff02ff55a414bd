//! Exports on the wire.

use fulcrum_domain::values::text::clean_line;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::Display;
use utoipa::ToSchema;

use crate::http::body::Input;
use crate::http::catalog::FieldCode;
use crate::http::problem::FieldError;

/// What is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ExportedObject {
    /// Customers.
    Customer,
    /// Contacts.
    Contact,
}

/// What kind of file it becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// Values separated by commas, UTF-8 with a byte order mark, as spreadsheets take it.
    #[default]
    Csv,
    /// A workbook.
    Xlsx,
    /// A JSON object in each line.
    Ndjson,
}

/// What stands in the first row, and how words of vocabularies are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportHeaders {
    /// What people call them, in the caller's language.
    #[default]
    Labels,
    /// The names in the contract, and words as they are sent.
    Names,
}

/// What is taken out, and how.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportRequest {
    /// Records of which kind.
    pub object_type: ExportedObject,
    /// Which of them: a condition as in `POST /v1/customers/search`; all within the data scope unless given.
    #[schema(min_length = 1, max_length = 4000, example = "grade == \"A\"")]
    #[serde(default)]
    pub filter: Option<String>,
    /// As `q` of the list.
    #[schema(min_length = 1, max_length = 100, example = "科创")]
    #[serde(default)]
    pub q: Option<String>,
    /// Which fields, in this order: `name`, `address.city`, `annual_revenue.amount`, `owner.name`, `department.name`,
    /// `completeness.percent`, `custom.region` …; all unless given.
    #[schema(max_items = 300, example = json!(["number", "name", "grade", "owner.name"]))]
    #[serde(default)]
    pub fields: Vec<ExportField>,
    /// What kind of file.
    #[serde(default)]
    pub format: ExportFormat,
    /// What stands in the first row.
    #[serde(default)]
    pub headers: ExportHeaders,
    /// Name of the file, without its ending.
    #[schema(max_length = 100, example = "A级客户")]
    #[serde(default)]
    pub name: Option<String>,
}

/// A field by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(min_length = 1, max_length = 60, pattern = "^[a-z][a-z0-9_.]*$", example = "name")]
pub struct ExportField(pub String);

impl Input for ExportRequest {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        let fields: Vec<&Value> = body["fields"].as_array().into_iter().flatten().collect();
        let twice = fields.iter().enumerate().filter(|(index, field)| fields[..*index].contains(field));
        twice.map(|(index, _)| FieldError::new(format!("/fields/{index}"), FieldCode::Duplicate)).collect()
    }
}

impl ExportRequest {
    /// The name of the file.
    pub(super) fn file_name(&self, today: &str) -> String {
        let own = self.name.as_deref().map(clean_line).filter(|name| !name.is_empty());
        let stem = own.unwrap_or_else(|| format!("{}-{today}", self.object_type));
        let stem: String =
            stem.chars().map(|letter| if "/\\:*?\"<>|".contains(letter) { '_' } else { letter }).collect();
        format!("{stem}.{}", self.ending())
    }

    fn ending(&self) -> &'static str {
        match self.format {
            ExportFormat::Csv => "csv",
            ExportFormat::Xlsx => "xlsx",
            ExportFormat::Ndjson => "ndjson",
        }
    }

    /// What the file is called (IANA media types).
    pub(super) fn media_type(&self) -> &'static str {
        match self.format {
            ExportFormat::Csv => "text/csv",
            ExportFormat::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ExportFormat::Ndjson => "application/x-ndjson",
        }
    }
}
