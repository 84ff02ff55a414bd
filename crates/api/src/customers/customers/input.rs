//! What callers say of a customer.

use chrono::NaiveDate;
use fulcrum_domain::customers::{CustomerKind, Grade, LifecycleStage};
use fulcrum_domain::values::{CreditCode, Email, IndustrySection, Money, Phone, Website};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::customers::custom_fields::values::CustomValues;
use crate::http::body::Input;
use crate::http::catalog::FieldCode;
use crate::http::checks::Checks;
use crate::http::problem::FieldError;
use crate::http::wire::ExternalIdView;

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
    /// Values of the company's own fields.
    #[serde(default)]
    pub custom: CustomValues,
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
