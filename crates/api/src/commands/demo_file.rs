//! What the demo company keeps of its customers beyond what everybody keeps: fields of its own, the catalogue of its tags.

use fulcrum_domain::customers::CustomerKind;
use fulcrum_domain::customers::custom_fields::{
    CustomFieldChoice, CustomFieldKind, CustomFieldLimits, CustomFieldObject,
};
use fulcrum_persistence::access::tenants::Tenant;
use fulcrum_persistence::customers::{custom_fields, customers};
use fulcrum_persistence::paging::PageRequest;
use fulcrum_persistence::{Db, Tx};
use serde_json::{Value, json};

use super::demo::acting_as;
use super::installation;
use crate::customers::custom_fields::service::CustomFields;
use crate::customers::custom_fields::views::CustomFieldInput;
use crate::customers::customers::service::Customers;
use crate::customers::tags::service::Tags;
use crate::customers::tags::views::TagInput;
use crate::http::problem::Problem;
use crate::records::{self, Resource};

/// Customers that have values of the company's own fields.
const WITH_VALUES: i64 = 60;

const REGIONS: [(&str, &str); 4] = [("east", "华东"), ("north", "华北"), ("south", "华南"), ("west", "西部")];

const TAGS: [(&str, &str, &str, &str); 4] = [
    ("高潜力", "潜力", "#d4380d", "预计一年内成交额超过 50 万元"),
    ("长期合作", "关系", "#389e0d", "连续两年以上有订单"),
    ("流失风险", "关系", "#cf1322", "三个月以上没有联系，或有未解决的投诉"),
    ("转介绍", "来源", "#0958d9", "由其他客户介绍"),
];

/// Adds all that to the demo company, as its administrator, once.
///
/// # Errors
/// A sentence for a person.
pub(super) fn add(db: &Db, tenant: &Tenant) -> Result<(), String> {
    db.write_now(&installation::system_in(tenant), |tx| {
        if !custom_fields::of_object(tx, customers::SUBJECT)?.is_empty() {
            return Ok(());
        }
        tx.actor = acting_as(tx, tenant, "admin@demo.test")?.0;
        for field in fields() {
            records::create::<CustomFields>(tx, field)?;
        }
        for (name, group, color, description) in TAGS {
            let tag = TagInput {
                name: name.into(),
                color: Some(color.into()),
                group: Some(group.into()),
                description: Some(description.into()),
            };
            records::create::<Tags>(tx, tag)?;
        }
        fill_in(tx)
    })
    .map_err(|problem: Problem| problem.to_string())
}

fn fields() -> Vec<CustomFieldInput> {
    let field = |object_type, key: &str, kind, label: &str, position| CustomFieldInput {
        object_type,
        key: key.into(),
        kind,
        label: label.into(),
        help: None,
        customer_kinds: vec![],
        required: false,
        unique: false,
        filterable: false,
        searchable: false,
        default: Value::Null,
        limits: CustomFieldLimits::default(),
        choices: vec![],
        position,
    };
    let choices = REGIONS.map(|(value, label)| CustomFieldChoice {
        value: value.into(),
        label: label.into(),
        archived: false,
    });
    let customer = CustomFieldObject::Customer;
    vec![
        CustomFieldInput {
            help: Some("按客户总部所在地填写".into()),
            filterable: true,
            choices: choices.into(),
            ..field(customer, "sales_region", CustomFieldKind::Choice, "销售大区", 10)
        },
        CustomFieldInput {
            customer_kinds: vec![CustomerKind::Company],
            ..field(customer, "service_fee", CustomFieldKind::Money, "年度服务费", 20)
        },
        field(customer, "contract_ends_on", CustomFieldKind::Date, "合同到期日", 30),
        CustomFieldInput {
            searchable: true,
            ..field(CustomFieldObject::Contact, "wechat", CustomFieldKind::Text, "微信号", 10)
        },
    ]
}

/// The first customers, the same ones every time.
fn fill_in(tx: &mut Tx) -> Result<(), Problem> {
    let some = PageRequest { after: None, limit: WITH_VALUES - 1 };
    let in_order = customers::Sort::Number { descending: false };
    let found = customers::list(tx, &customers::Filter::default(), in_order, &some)?;
    for (place, (row, _)) in found.iter().enumerate() {
        let mut input = Customers::input_of(row);
        let (region, _) = REGIONS[place % REGIONS.len()];
        input.custom.0.insert("sales_region".into(), json!(region));
        if input.kind == CustomerKind::Company {
            let fee = json!({ "amount": format!("{}.00", 12_000 + place * 800), "currency": "CNY" });
            input.custom.0.insert("service_fee".into(), fee);
        }
        let ends_on = format!("2027-{:02}-{:02}", place % 12 + 1, place % 28 + 1);
        input.custom.0.insert("contract_ends_on".into(), json!(ends_on));
        records::change_directly::<Customers>(tx, row, input)?;
    }
    Ok(())
}
