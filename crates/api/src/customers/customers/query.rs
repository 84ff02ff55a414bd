//! Which customers callers ask for.

use chrono::{DateTime, Utc};
use fulcrum_domain::customers::{CustomerKind, Grade, LifecycleStage};
use fulcrum_domain::values::IndustrySection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::wire::{Count, ExternalIdText, FilterText};

/// What can stand beside a customer's ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CustomerInclude {
    /// The owner.
    Owner,
    /// The department.
    Department,
    /// The contacts.
    Contacts,
    /// How complete the file is.
    Completeness,
}

/// Orders of a list of customers; `-` is descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs)]
pub enum CustomerSort {
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
    #[serde(rename = "number")]
    Number,
    #[serde(rename = "-number")]
    NumberDescending,
    #[serde(rename = "relevance")]
    Relevance,
}

/// Which customers, in which order, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct CustomerQuery {
    /// Part of the name, initials (kcxx), number, credit code, telephone digits, mail address, or of a contact's
    /// name, number or address (with the permission to see contacts). Several words have to be found all.
    #[param(min_length = 1, max_length = 100)]
    pub q: Option<String>,
    /// One of these kinds.
    #[param(inline = false, max_items = 2)]
    pub kind: Vec<CustomerKind>,
    /// One of these grades.
    #[param(max_items = 3)]
    pub grade: Vec<Grade>,
    /// Only VIPs, or only others.
    pub vip: Option<bool>,
    /// One of these stages.
    #[param(max_items = 5)]
    pub lifecycle_stage: Vec<LifecycleStage>,
    /// One of these sections (GB/T 4754-2017).
    #[param(max_items = 20)]
    pub industry: Vec<IndustrySection>,
    /// One of these sources.
    #[param(max_items = 50)]
    pub source: Vec<FilterText>,
    /// One of these tags.
    #[param(max_items = 50)]
    pub tag: Vec<FilterText>,
    /// One of these owners.
    #[param(max_items = 50)]
    pub owner_id: Vec<Uuid>,
    /// One of these departments.
    #[param(max_items = 50)]
    pub department_id: Vec<Uuid>,
    /// One of these numbers.
    #[param(max_items = 50)]
    pub number: Vec<FilterText>,
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
    pub sort: Vec<CustomerSort>,
    /// What to show beside ids, separated by commas.
    #[param(explode = false, max_items = 4)]
    pub include: Vec<CustomerInclude>,
    /// Count the rows of all pages, too.
    pub count: Option<Count>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for CustomerQuery {
    fn default() -> CustomerQuery {
        CustomerQuery {
            q: None,
            kind: vec![],
            grade: vec![],
            vip: None,
            lifecycle_stage: vec![],
            industry: vec![],
            source: vec![],
            tag: vec![],
            owner_id: vec![],
            department_id: vec![],
            number: vec![],
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

/// What to show beside the ids of one customer.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct CustomerIncludes {
    /// What to show beside ids, separated by commas.
    #[param(explode = false, max_items = 4)]
    pub include: Vec<CustomerInclude>,
}
