//! Customers on the wire.

use chrono::{DateTime, NaiveDate, Utc};
use fulcrum_domain::customers::{CustomerKind, Grade, LifecycleStage};
use fulcrum_domain::values::{CreditCode, Email, IndustrySection, Money, Phone, Website};
use fulcrum_persistence::customers::customers::Customer;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::access::departments::views::DepartmentView;
use crate::access::users::views::UserSummary;
use crate::customers::contacts::views::ContactView;
use crate::customers::rules;
use crate::http::body::Input;
use crate::http::catalog::FieldCode;
use crate::http::checks::Checks;
use crate::http::cursor::list_view;
use crate::http::problem::FieldError;
use crate::http::wire::{Count, ExternalIdText, ExternalIdView, FilterText};

/// A postal address.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// ISO 3166-1 alpha-2.
    #[schema(pattern = "^[A-Z]{2}$", max_length = 2, example = "CN")]
    #[serde(default)]
    pub country: Option<String>,
    /// Province, state.
    #[schema(max_length = 100, example = "浙江省")]
    #[serde(default)]
    pub region: Option<String>,
    /// City.
    #[schema(max_length = 100, example = "杭州市")]
    #[serde(default)]
    pub city: Option<String>,
    /// District.
    #[schema(max_length = 100, example = "西湖区")]
    #[serde(default)]
    pub district: Option<String>,
    /// Street and number.
    #[schema(max_length = 300, example = "文三路 90 号")]
    #[serde(default)]
    pub street: Option<String>,
    /// Postal code.
    #[schema(max_length = 20, example = "310012")]
    #[serde(default)]
    pub postal_code: Option<String>,
}

/// What can be said of a customer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerInput {
    /// Company or individual; can't change after creation.
    pub kind: CustomerKind,
    /// Name of the company or the person.
    #[schema(min_length = 1, max_length = 200, pattern = "\\S", example = "杭州科创信息技术有限公司")]
    pub name: String,
    /// Unified social credit code (GB 32100-2015), companies only; unique.
    #[schema(max_length = 40, example = "91330100799655058B")]
    #[serde(default)]
    pub credit_code: Option<String>,
    /// Telephone number; stored as E.164. Without a country code it is one of the tenant's region.
    #[schema(max_length = 40, example = "+8657188157808")]
    #[serde(default)]
    pub phone: Option<String>,
    /// Mail address.
    #[schema(max_length = 254, example = "info@kechuang.example")]
    #[serde(default)]
    pub email: Option<String>,
    /// Web address.
    #[schema(max_length = 500, example = "https://www.kechuang.example/")]
    #[serde(default)]
    pub website: Option<String>,
    /// Grade (客户分级).
    #[serde(default)]
    pub grade: Option<Grade>,
    /// Whether the customer is a VIP.
    #[serde(default)]
    pub vip: bool,
    /// Stage of its life with the company; `acquisition` unless given.
    #[serde(default = "first_stage")]
    #[schema(default = "acquisition")]
    pub lifecycle_stage: LifecycleStage,
    /// Section letter of the industry (GB/T 4754-2017).
    #[serde(default)]
    pub industry: Option<IndustrySection>,
    /// The industry in words.
    #[schema(max_length = 200, example = "工业软件")]
    #[serde(default)]
    pub industry_detail: Option<String>,
    /// Number of employees; companies only.
    #[schema(minimum = 0, maximum = 10000000, example = 320)]
    #[serde(default)]
    pub staff_count: Option<i32>,
    /// Revenue of a year; companies only.
    #[serde(default)]
    pub annual_revenue: Option<Money>,
    /// Where the customer came from (来源).
    #[schema(max_length = 100, example = "展会")]
    #[serde(default)]
    pub source: Option<String>,
    /// Pain points (需求痛点).
    #[schema(max_items = 50, example = json!(["数据分散", "跟进不及时"]))]
    #[serde(default)]
    pub pain_points: Vec<PainPoint>,
    /// Tags, such as 高潜力.
    #[schema(max_items = 50, example = json!(["高潜力"]))]
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Postal address.
    #[serde(default)]
    pub address: Option<Address>,
    /// Birthday; individuals only.
    #[schema(example = "1988-05-20")]
    #[serde(default)]
    pub born_on: Option<NaiveDate>,
    /// Anything else.
    #[schema(max_length = 20000, example = "每季度拜访一次")]
    #[serde(default)]
    pub notes: Option<String>,
    /// Ids that other systems know the customer by; unique per system.
    #[schema(max_items = 20)]
    #[serde(default)]
    pub external_ids: Vec<ExternalIdView>,
    /// The person in charge. On creation it is the caller unless given; giving it to somebody else needs the
    /// permission `customers.customers:assign`.
    #[serde(default)]
    pub owner_id: Option<Uuid>,
}

fn first_stage() -> LifecycleStage {
    LifecycleStage::Acquisition
}

/// A pain point.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(min_length = 1, max_length = 200, example = "数据分散")]
pub struct PainPoint(pub String);

/// A tag.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(min_length = 1, max_length = 60, pattern = "\\S", example = "高潜力")]
pub struct Tag(pub String);

impl Input for CustomerInput {
    fn check(body: &Value, region: &str) -> Vec<FieldError> {
        let kind = body["kind"].as_str();
        let mut checks = Checks::of(body);
        checks
            .text("credit_code", CreditCode::parse)
            .text("phone", |text| Phone::parse(text, region))
            .text("email", Email::parse)
            .text("website", Website::parse)
            .money("annual_revenue")
            .not_blank(&["name"])
            .none_blank(&["pain_points", "tags"])
            .birthday("born_on")
            .external_ids();
        for name in ["credit_code", "staff_count", "annual_revenue"] {
            let wrong = kind == Some("individual") && !body[name].is_null();
            checks.when(wrong, || FieldError::new(format!("/{name}"), FieldCode::OnlyForCompanies));
        }
        let birthday = kind == Some("company") && !body["born_on"].is_null();
        checks.when(birthday, || FieldError::new("/born_on", FieldCode::OnlyForIndividuals));
        checks.found()
    }
}

/// A customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Customer)]
pub struct CustomerView {
    /// Id.
    pub id: Uuid,
    /// Human-readable number, unique in the tenant.
    #[schema(max_length = 20, example = "C2026000001")]
    pub number: String,
    /// Company or individual.
    pub kind: CustomerKind,
    /// Name.
    #[schema(max_length = 200, example = "杭州科创信息技术有限公司")]
    pub name: String,
    /// Unified social credit code.
    #[schema(required, max_length = 18, example = "91330100799655058B")]
    pub credit_code: Option<String>,
    /// Telephone number (E.164).
    #[schema(required, max_length = 20, example = "+8657188157808")]
    pub phone: Option<String>,
    /// Mail address.
    #[schema(required, max_length = 254, example = "info@kechuang.example")]
    pub email: Option<String>,
    /// Web address.
    #[schema(required, max_length = 600, example = "https://www.kechuang.example/")]
    pub website: Option<String>,
    /// Grade.
    #[schema(required)]
    pub grade: Option<Grade>,
    /// Whether the customer is a VIP.
    pub vip: bool,
    /// Stage of its life with the company.
    pub lifecycle_stage: LifecycleStage,
    /// Section letter of the industry (GB/T 4754-2017).
    #[schema(required)]
    pub industry: Option<IndustrySection>,
    /// The industry in words.
    #[schema(required, max_length = 200, example = "工业软件")]
    pub industry_detail: Option<String>,
    /// Number of employees.
    #[schema(required, minimum = 0, maximum = 10000000, example = 320)]
    pub staff_count: Option<i32>,
    /// Revenue of a year.
    #[schema(required)]
    pub annual_revenue: Option<Money>,
    /// Where the customer came from.
    #[schema(required, max_length = 100, example = "展会")]
    pub source: Option<String>,
    /// Pain points.
    #[schema(max_items = 50, example = json!(["数据分散"]))]
    pub pain_points: Vec<PainPoint>,
    /// Tags.
    #[schema(max_items = 50, example = json!(["高潜力"]))]
    pub tags: Vec<Tag>,
    /// Postal address.
    #[schema(required)]
    pub address: Option<Address>,
    /// Birthday.
    #[schema(required, example = json!(null))]
    pub born_on: Option<NaiveDate>,
    /// Anything else.
    #[schema(required, max_length = 20000, example = "每季度拜访一次")]
    pub notes: Option<String>,
    /// Ids in other systems.
    #[schema(max_items = 20)]
    pub external_ids: Vec<ExternalIdView>,
    /// The person in charge.
    #[schema(required)]
    pub owner_id: Option<Uuid>,
    /// The department: the owner's, or the one of who created it.
    pub department_id: Uuid,
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
    /// The owner, with `include=owner`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub owner: Option<UserSummary>,
    /// The department, with `include=department`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub department: Option<DepartmentView>,
    /// The first 200 contacts, with `include=contacts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false, max_items = 200)]
    pub contacts: Option<Vec<ContactView>>,
}

list_view!(
    /// A page of customers.
    CustomerList of CustomerView
);

impl From<&Customer> for CustomerView {
    fn from(row: &Customer) -> CustomerView {
        let input = super::service::input_of(row);
        CustomerView {
            id: row.id,
            number: row.number.clone(),
            kind: input.kind,
            name: input.name,
            credit_code: input.credit_code,
            phone: input.phone,
            email: input.email,
            website: input.website,
            grade: input.grade,
            vip: input.vip,
            lifecycle_stage: input.lifecycle_stage,
            industry: input.industry,
            industry_detail: input.industry_detail,
            staff_count: input.staff_count,
            annual_revenue: input.annual_revenue,
            source: input.source,
            pain_points: input.pain_points,
            tags: input.tags,
            address: input.address,
            born_on: input.born_on,
            notes: input.notes,
            external_ids: input.external_ids,
            owner_id: input.owner_id,
            department_id: row.department_id,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
            owner: None,
            department: None,
            contacts: None,
        }
    }
}

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
    /// name, number or address. Several words have to be found all.
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
    #[param(explode = false, max_items = 3)]
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
    #[param(explode = false, max_items = 3)]
    pub include: Vec<CustomerInclude>,
}

/// The text that a JSON column holds, as its view.
pub(super) fn address_of(stored: &Option<Value>) -> Option<Address> {
    stored.as_ref().and_then(|value| serde_json::from_value(value.clone()).ok())
}

pub(super) fn external_ids_of(stored: &Value) -> Vec<ExternalIdView> {
    rules::stored_external_ids(stored)
}
