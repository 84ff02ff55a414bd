//! Duplicates on the wire.

use chrono::{DateTime, Utc};
use fulcrum_domain::customers::CustomerKind;
use fulcrum_domain::customers::duplicates::DuplicateReason;
use fulcrum_domain::values::{CreditCode, Email, Phone};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{Display, EnumString};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::customers::contacts::views::CustomerSummary;
use crate::http::body::Input;
use crate::http::checks::Checks;
use crate::http::cursor::list_view;
use crate::http::problem::FieldError;

/// What is known of a customer that is about to be entered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateCheckRequest {
    /// Company or individual; either unless given.
    #[serde(default)]
    pub kind: Option<CustomerKind>,
    /// Name, or what is typed of it so far.
    #[schema(max_length = 200, example = "杭州科创信息技术有限公司")]
    #[serde(default)]
    pub name: Option<String>,
    /// Unified social credit code.
    #[schema(max_length = 40, example = "91330100799655058B")]
    #[serde(default)]
    pub credit_code: Option<String>,
    /// Telephone numbers, of the customer or its contacts.
    #[schema(max_items = 10, example = json!(["13800138000"]))]
    #[serde(default)]
    pub phones: Vec<PhoneText>,
    /// Mail addresses, of the customer or its contacts.
    #[schema(max_items = 10, example = json!(["li.wei@kechuang.example"]))]
    #[serde(default)]
    pub emails: Vec<EmailText>,
    /// A customer that is not looked at: the one that is being changed.
    #[serde(default)]
    pub except_id: Option<Uuid>,
}

/// A telephone number.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(min_length = 1, max_length = 40, example = "13800138000")]
pub struct PhoneText(pub String);

/// A mail address.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(min_length = 1, max_length = 254, example = "li.wei@kechuang.example")]
pub struct EmailText(pub String);

impl Input for DuplicateCheckRequest {
    fn check(body: &Value, region: &str) -> Vec<FieldError> {
        let mut found = Checks::of(body).text("credit_code", CreditCode::parse).found();
        for (index, phone) in body["phones"].as_array().into_iter().flatten().enumerate() {
            if let Some(Err(error)) = phone.as_str().map(|text| Phone::parse(text, region)) {
                found.push(FieldError::of_value(format!("/phones/{index}"), &error));
            }
        }
        for (index, email) in body["emails"].as_array().into_iter().flatten().enumerate() {
            if let Some(Err(error)) = email.as_str().map(Email::parse) {
                found.push(FieldError::of_value(format!("/emails/{index}"), &error));
            }
        }
        found
    }
}

/// A customer that may be the same.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DuplicateCandidate {
    /// Its id.
    pub id: Uuid,
    /// Its number.
    #[schema(max_length = 20, example = "C2026000001")]
    pub number: String,
    /// Its name.
    #[schema(max_length = 200, example = "杭州科创信息技术有限公司")]
    pub name: String,
    /// How likely it is, in percent.
    #[schema(minimum = 0, maximum = 100, example = 88)]
    pub score: u8,
    /// What speaks for it, and against it.
    #[schema(max_items = 10)]
    pub reasons: Vec<DuplicateReason>,
    /// Whether it is the same by law, and can't be entered again.
    pub strict: bool,
}

/// What was found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DuplicateCheck {
    /// Within the data scope, the most likely first, 20 at most.
    #[schema(max_items = 20)]
    pub data: Vec<DuplicateCandidate>,
    /// How many likely ones there are beside these that the caller doesn't see: colleagues know more.
    #[schema(minimum = 0, example = 0)]
    pub unseen: i64,
}

/// What became of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DuplicateState {
    /// It is to be decided.
    Open,
    /// They are not the same.
    Dismissed,
    /// They were the same, and are one now.
    Merged,
}

/// Where a pair was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DuplicateOrigin {
    /// When a customer was entered or changed.
    Entry,
    /// In an import.
    Import,
    /// In a search through the whole book.
    Scan,
    /// It followed from a merge: one of them was the same as a third one.
    Merge,
}

/// What can be said of a pair.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateInput {
    /// `dismissed`, or `open` again. Merging makes it `merged`.
    pub state: DuplicateState,
    /// Who is to decide.
    #[serde(default)]
    pub assignee_id: Option<Uuid>,
    /// Why.
    #[schema(max_length = 2000, example = "同一集团的两家子公司")]
    #[serde(default)]
    pub note: Option<String>,
}

impl Input for DuplicateInput {}

/// Two customers that may be the same.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Duplicate)]
pub struct DuplicateView {
    /// Id.
    pub id: Uuid,
    /// The customer that was there first.
    pub first: CustomerSummary,
    /// The other one.
    pub second: CustomerSummary,
    /// How likely it is, in percent.
    #[schema(minimum = 0, maximum = 100, example = 88)]
    pub score: i16,
    /// What speaks for it, and against it.
    #[schema(max_items = 10)]
    pub reasons: Vec<DuplicateReason>,
    /// Where it was noticed.
    pub origin: DuplicateOrigin,
    /// What became of it.
    pub state: DuplicateState,
    /// Who is to decide.
    #[schema(required)]
    pub assignee_id: Option<Uuid>,
    /// Why.
    #[schema(required, max_length = 2000, example = "同一集团的两家子公司")]
    pub note: Option<String>,
    /// Who decided: `user`, `api_client` or `system`; null while it is open.
    #[schema(required, max_length = 20, example = "user")]
    pub decided_by_type: Option<String>,
    /// Their id.
    #[schema(required)]
    pub decided_by_id: Option<Uuid>,
    /// When it was decided.
    #[schema(required)]
    pub decided_at: Option<DateTime<Utc>>,
    /// Grows by one with each change; the ETag.
    #[schema(minimum = 1, example = 1)]
    pub version: i32,
    /// When it was noticed.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

list_view!(
    /// A page of pairs.
    DuplicateList of DuplicateView
);

/// Which pairs, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct DuplicateQuery {
    /// In one of these states.
    #[param(max_items = 3)]
    pub state: Vec<DuplicateState>,
    /// To be decided by one of these.
    #[param(max_items = 50)]
    pub assignee_id: Vec<Uuid>,
    /// With one of these customers.
    #[param(max_items = 50)]
    pub customer_id: Vec<Uuid>,
    /// At least so likely, in percent.
    #[param(minimum = 0, maximum = 100)]
    pub score_gte: Option<i16>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for DuplicateQuery {
    fn default() -> DuplicateQuery {
        DuplicateQuery {
            state: vec![],
            assignee_id: vec![],
            customer_id: vec![],
            score_gte: None,
            cursor: None,
            limit: 50,
        }
    }
}

/// What to do when there are customers that are likely to be the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDuplicate {
    /// Create it, and note the pair for somebody to decide.
    #[default]
    Flag,
    /// Refuse it.
    Reject,
}

/// How a customer is created.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct CreationQuery {
    /// What to do when there are customers that are likely to be the same.
    #[param(inline = false)]
    pub on_duplicate: OnDuplicate,
}
