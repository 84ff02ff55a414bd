//! Field standards and completeness on the wire.

use chrono::{DateTime, Utc};
use fulcrum_domain::customers::CustomerKind;
use fulcrum_domain::customers::completeness::{FieldRule, RuleLevel};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::body::Input;
use crate::http::catalog::FieldCode;
use crate::http::problem::FieldError;

/// What the files of one kind of customer have to hold.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldStandardInput {
    /// The fields, in the order in which they are asked for.
    #[schema(max_items = 100)]
    pub rules: Vec<FieldRule>,
}

impl Input for FieldStandardInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        let fields: Vec<&Value> =
            body["rules"].as_array().into_iter().flatten().map(|rule| &rule["field"]).collect();
        let twice = fields.iter().enumerate().filter(|(index, field)| fields[..*index].contains(field));
        twice
            .map(|(index, _)| FieldError::new(format!("/rules/{index}/field"), FieldCode::Duplicate))
            .collect()
    }
}

/// The field standard (客户信息字段规范) for one kind of customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FieldStandard)]
pub struct FieldStandardView {
    /// The kind of customer.
    pub customer_kind: CustomerKind,
    /// The fields, in the order in which they are asked for.
    #[schema(max_items = 100)]
    pub rules: Vec<FieldRule>,
    /// Grows by one with each change; the ETag. 1 is the usual standard, which every company has until it has its own.
    #[schema(minimum = 1, example = 1)]
    pub version: i32,
    /// When it was last changed; null for the usual one.
    #[schema(required)]
    pub updated_at: Option<DateTime<Utc>>,
}

/// The standards for all kinds of customers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldStandardList {
    /// One for each kind.
    #[schema(max_items = 10)]
    pub data: Vec<FieldStandardView>,
}

/// How complete the file of a customer is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Completeness)]
pub struct CompletenessView {
    /// The weight of what is there in percent of the weight of all that the field standard names, rounded down.
    #[schema(minimum = 0, maximum = 100, example = 75)]
    pub percent: i16,
    /// What isn't there, in the order of the standard.
    #[schema(max_items = 100)]
    pub missing: Vec<MissingField>,
}

/// A field that isn't filled in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MissingField {
    /// The field, as the standard names it.
    #[schema(max_length = 60, example = "contact.decision_role")]
    pub name: String,
    /// What people call it, in the language of the reader's account or the company.
    #[schema(max_length = 200, example = "联系人：决策链角色")]
    pub label: String,
    /// How much it is wanted; null when the standard doesn't name it any more and files are still to be looked at.
    #[schema(required)]
    pub level: Option<RuleLevel>,
}

/// How figures are broken down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CompletenessBy {
    /// All at once.
    #[default]
    Company,
    /// By owner.
    Owner,
    /// By department.
    Department,
}

/// Which figures.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct CompletenessQuery {
    /// How they are broken down.
    #[param(inline = false)]
    pub by: CompletenessBy,
}

/// How complete the files of some customers are.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CompletenessShare {
    /// The owner or the department; null for all at once, and for customers without an owner.
    #[schema(required)]
    pub id: Option<Uuid>,
    /// Its name.
    #[schema(required, max_length = 200, example = "李晓梅")]
    pub name: Option<String>,
    /// How many customers.
    #[schema(minimum = 0, example = 180)]
    pub customers: i64,
    /// How many of them lack nothing.
    #[schema(minimum = 0, example = 64)]
    pub complete: i64,
    /// The mean of their percents, to one digit.
    #[schema(minimum = 0, maximum = 100, example = 78.5)]
    pub percent: f64,
}

/// A field, and how many files lack it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LackingField {
    /// The field, as the standard names it.
    #[schema(max_length = 60, example = "credit_code")]
    pub name: String,
    /// What people call it.
    #[schema(max_length = 200, example = "统一社会信用代码")]
    pub label: String,
    /// How many customers lack it.
    #[schema(minimum = 0, example = 42)]
    pub customers: i64,
}

/// How complete the files of the customers within the data scope are.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CompletenessFigures {
    /// The largest books first, 200 at most.
    #[schema(max_items = 200)]
    pub data: Vec<CompletenessShare>,
    /// What they lack, the most frequent first.
    #[schema(max_items = 200)]
    pub missing: Vec<LackingField>,
}
