//! Contacts on the wire.

use chrono::{DateTime, NaiveDate, Utc};
use fulcrum_domain::customers::{ContactLabel, DecisionRole};
use fulcrum_domain::values::{Email, Phone};
use fulcrum_persistence::Json;
use fulcrum_persistence::customers::contacts::Contact;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::customers::custom_fields::values::CustomValues;
use crate::http::body::Input;
use crate::http::checks::Checks;
use crate::http::cursor::list_view;
use crate::http::problem::FieldError;
use crate::http::wire::ExternalIdView;
use crate::http::wire::{Count, ExternalIdText};

/// A telephone number of a contact.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactPhone {
    /// The number; stored as E.164.
    #[schema(min_length = 1, max_length = 40, example = "+8613800138000")]
    pub number: String,
    /// What it is used for; `work` unless given.
    #[serde(default = "at_work")]
    #[schema(default = "work")]
    pub label: ContactLabel,
}

/// A mail address of a contact.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactEmail {
    /// The address.
    #[schema(min_length = 1, max_length = 254, example = "li.wei@kechuang.example")]
    pub address: String,
    /// What it is used for; `work` unless given.
    #[serde(default = "at_work")]
    #[schema(default = "work")]
    pub label: ContactLabel,
}

fn at_work() -> ContactLabel {
    ContactLabel::Work
}

/// What can be said of a contact.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactInput {
    /// The customer; can't change after creation.
    pub customer_id: Uuid,
    /// Name.
    #[schema(min_length = 1, max_length = 200, pattern = "\\S", example = "李伟")]
    pub name: String,
    /// Title, position.
    #[schema(max_length = 200, example = "信息部经理")]
    #[serde(default)]
    pub title: Option<String>,
    /// Telephone numbers, the most important one first.
    #[schema(max_items = 10)]
    #[serde(default)]
    pub phones: Vec<ContactPhone>,
    /// Mail addresses, the most important one first.
    #[schema(max_items = 10)]
    #[serde(default)]
    pub emails: Vec<ContactEmail>,
    /// Role in the decision chain (决策链角色).
    #[serde(default)]
    pub decision_role: Option<DecisionRole>,
    /// Whether this is the one to turn to. A customer has one at most: making another one primary ends it.
    #[serde(default)]
    pub is_primary: bool,
    /// Birthday.
    #[schema(example = "1988-05-20")]
    #[serde(default)]
    pub born_on: Option<NaiveDate>,
    /// Anything else.
    #[schema(max_length = 20000, example = "偏好微信联系")]
    #[serde(default)]
    pub notes: Option<String>,
    /// Ids that other systems know the contact by; unique per system.
    #[schema(max_items = 20)]
    #[serde(default)]
    pub external_ids: Vec<ExternalIdView>,
    /// Values of the company's own fields.
    #[serde(default)]
    pub custom: CustomValues,
}

impl Input for ContactInput {
    fn check(body: &Value, region: &str) -> Vec<FieldError> {
        Checks::of(body)
            .each("phones", "number", |text| Phone::parse(text, region))
            .each("emails", "address", Email::parse)
            .not_blank(&["name"])
            .birthday("born_on")
            .external_ids()
            .found()
    }
}

/// A contact.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Contact)]
pub struct ContactView {
    /// Id.
    pub id: Uuid,
    /// The customer.
    pub customer_id: Uuid,
    /// Name.
    #[schema(max_length = 200, example = "李伟")]
    pub name: String,
    /// Title, position.
    #[schema(required, max_length = 200, example = "信息部经理")]
    pub title: Option<String>,
    /// Telephone numbers (E.164).
    #[schema(max_items = 10)]
    pub phones: Vec<ContactPhone>,
    /// Mail addresses.
    #[schema(max_items = 10)]
    pub emails: Vec<ContactEmail>,
    /// Role in the decision chain.
    #[schema(required)]
    pub decision_role: Option<DecisionRole>,
    /// Whether this is the one to turn to.
    pub is_primary: bool,
    /// Birthday.
    #[schema(required, example = "1988-05-20")]
    pub born_on: Option<NaiveDate>,
    /// Anything else.
    #[schema(required, max_length = 20000, example = "偏好微信联系")]
    pub notes: Option<String>,
    /// Ids in other systems.
    #[schema(max_items = 20)]
    pub external_ids: Vec<ExternalIdView>,
    /// Values of the company's own fields.
    #[schema(value_type = CustomValues)]
    pub custom: Json,
    /// Grows by one with each change; the ETag.
    #[schema(minimum = 1, example = 1)]
    pub version: i32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was deleted; null while it isn't.
    #[schema(required)]
    pub deleted_at: Option<DateTime<Utc>>,
    /// The customer's number and name, with `include=customer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub customer: Option<CustomerSummary>,
}

/// A customer beside its id.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CustomerSummary {
    /// Id.
    pub id: Uuid,
    /// Number.
    #[schema(max_length = 20, example = "C2026000001")]
    pub number: String,
    /// Name.
    #[schema(max_length = 200, example = "杭州科创信息技术有限公司")]
    pub name: String,
}

list_view!(
    /// A page of contacts.
    ContactList of ContactView
);

impl From<&Contact> for ContactView {
    fn from(row: &Contact) -> ContactView {
        let input = super::service::input_of(row);
        ContactView {
            id: row.id,
            customer_id: row.customer_id,
            name: input.name,
            title: input.title,
            phones: input.phones,
            emails: input.emails,
            decision_role: input.decision_role,
            is_primary: input.is_primary,
            born_on: input.born_on,
            notes: input.notes,
            external_ids: input.external_ids,
            custom: row.custom.clone(),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
            customer: None,
        }
    }
}

/// What can stand beside a contact's ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContactInclude {
    /// The customer's number and name.
    Customer,
}

/// Orders of a list of contacts; `-` is descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs)]
pub enum ContactSort {
    #[serde(rename = "-created_at")]
    NewestFirst,
    #[serde(rename = "created_at")]
    OldestFirst,
    #[serde(rename = "-updated_at")]
    ChangedLastFirst,
    #[serde(rename = "updated_at")]
    ChangedFirstFirst,
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDescending,
    #[serde(rename = "relevance")]
    Relevance,
}

/// Which contacts, in which order, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ContactQuery {
    /// Part of the name, initials, telephone digits or mail address. Several words have to be found all.
    #[param(min_length = 1, max_length = 100)]
    pub q: Option<String>,
    /// Of one of these customers.
    #[param(max_items = 50)]
    pub customer_id: Vec<Uuid>,
    /// With one of these roles.
    #[param(max_items = 5)]
    pub decision_role: Vec<DecisionRole>,
    /// Only primary ones, or only others.
    pub is_primary: Option<bool>,
    /// One of these ids in other systems, each as `system:id`.
    #[param(max_items = 50)]
    pub external_id: Vec<ExternalIdText>,
    /// Created at this instant or later.
    pub created_at_from: Option<DateTime<Utc>>,
    /// Created at this instant or before.
    pub created_at_to: Option<DateTime<Utc>>,
    /// Changed at this instant or later.
    pub updated_at_from: Option<DateTime<Utc>>,
    /// Changed at this instant or before.
    pub updated_at_to: Option<DateTime<Utc>>,
    /// Order; newest first, or best hit first with `q`.
    #[param(explode = false, max_items = 1)]
    pub sort: Vec<ContactSort>,
    /// What to show beside ids, separated by commas.
    #[param(explode = false, max_items = 1)]
    pub include: Vec<ContactInclude>,
    /// Count the rows of all pages, too.
    pub count: Option<Count>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for ContactQuery {
    fn default() -> ContactQuery {
        ContactQuery {
            q: None,
            customer_id: vec![],
            decision_role: vec![],
            is_primary: None,
            external_id: vec![],
            created_at_from: None,
            created_at_to: None,
            updated_at_from: None,
            updated_at_to: None,
            sort: vec![],
            include: vec![],
            count: None,
            cursor: None,
            limit: 50,
        }
    }
}

/// What to show beside the ids of one contact.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ContactIncludes {
    /// What to show beside ids, separated by commas.
    #[param(explode = false, max_items = 1)]
    pub include: Vec<ContactInclude>,
}
