//! Customers on the wire.

use chrono::{DateTime, NaiveDate, Utc};
use fulcrum_domain::customers::{CustomerKind, Grade, LifecycleStage};
use fulcrum_domain::values::{IndustrySection, Money};
use fulcrum_persistence::Json;
use fulcrum_persistence::customers::customers::Customer;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::input::{Address, PainPoint, Tag};
use super::stored;
use crate::access::departments::views::DepartmentView;
use crate::access::users::views::UserSummary;
use crate::customers::completeness::views::CompletenessView;
use crate::customers::contacts::views::ContactView;
use crate::customers::custom_fields::values::CustomValues;
use crate::customers::rules;
use crate::http::cursor::list_view;
use crate::http::wire::ExternalIdView;

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
    /// Values of the company's own fields.
    #[schema(value_type = CustomValues)]
    pub custom: Json,
    /// The person in charge.
    #[schema(required)]
    pub owner_id: Option<Uuid>,
    /// The department: the owner's, or the one of who created it.
    pub department_id: Uuid,
    /// The id of this customer, when it was asked for by that of one that became part of it; null otherwise. Of one that became part of
    /// a customer that the caller doesn't see, the id of that one, and `deleted_at` is set.
    #[schema(required)]
    pub merged_into: Option<Uuid>,
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
    /// Percent and missing fields, for who asks for them.
    #[serde(skip)]
    pub(crate) measured: (i16, Vec<String>),
    /// The owner, with `include=owner`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub owner: Option<UserSummary>,
    /// The department, with `include=department`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub department: Option<DepartmentView>,
    /// How complete the file is, with `include=completeness`. It follows from contacts and the field standard, too, and so it is
    /// no part of `version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub completeness: Option<CompletenessView>,
    /// The first 200 contacts, with `include=contacts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false, max_items = 200)]
    pub contacts: Option<Vec<ContactView>>,
}

list_view!(
    /// A page of customers.
    CustomerList of CustomerView
);

impl From<Customer> for CustomerView {
    /// Takes what is in the row: a page has some 1,000 texts, and none of them is copied.
    fn from(row: Customer) -> CustomerView {
        CustomerView {
            id: row.id,
            number: row.number,
            kind: stored::kind(&row.kind),
            name: row.name,
            credit_code: row.credit_code,
            phone: row.phone,
            email: row.email,
            website: row.website,
            grade: row.grade.as_deref().and_then(|grade| grade.parse().ok()),
            vip: row.vip,
            lifecycle_stage: stored::lifecycle_stage(&row.lifecycle_stage),
            industry: row.industry.as_deref().and_then(|industry| industry.parse().ok()),
            industry_detail: row.industry_detail,
            staff_count: row.staff_count,
            annual_revenue: stored::money(row.annual_revenue_amount, row.annual_revenue_currency.as_deref()),
            source: row.source,
            pain_points: row.pain_points.into_iter().map(PainPoint).collect(),
            tags: row.tags.into_iter().map(Tag).collect(),
            address: row.address.as_ref().and_then(Json::read),
            born_on: row.born_on,
            notes: row.notes,
            external_ids: rules::stored_external_ids(&row.external_ids),
            custom: row.custom,
            owner_id: row.owner_id,
            department_id: row.department_id,
            merged_into: row.merged_into_id,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
            measured: (row.completeness, row.missing),
            owner: None,
            department: None,
            completeness: None,
            contacts: None,
        }
    }
}
