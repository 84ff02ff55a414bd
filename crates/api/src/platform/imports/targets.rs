//! What a column of a spreadsheet can be, and what people call it.

use fulcrum_domain::customers::custom_fields::{CustomField, CustomFieldKind};
use fulcrum_domain::platform::cells::narrow;

use crate::customers::custom_fields::values::Fields;
use crate::http::locale::Locale;
use crate::platform::exports;
use crate::platform::metadata::labels;

/// A field that a column can be.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// `customer.name`, `contact.mobile`, `customer.custom.region` …
    pub(super) name: String,
    pub(super) kind: TargetKind,
}

/// How a cell becomes a value.
#[derive(Clone, Debug)]
pub(super) enum TargetKind {
    /// One line.
    Line,
    /// Several lines.
    Text,
    /// Letters and digits, whichever width they have.
    Code,
    Phone,
    /// Several numbers or addresses of a contact, with what they are used for.
    Phones(&'static str),
    Emails,
    /// A word of this vocabulary, or what people call it.
    Word(&'static str),
    Industry,
    Truth,
    Whole,
    Amount,
    Currency,
    Day,
    List,
    /// A person in the company.
    Person,
    /// Finds a record, and is none of its fields.
    Number,
    ExternalId,
    /// A field of the company's own, or the part of an amount.
    Custom(Box<CustomField>),
    CustomAmount(Box<CustomField>),
    CustomCurrency(Box<CustomField>),
}

use TargetKind::*;

type Known = (&'static str, TargetKind, &'static [&'static str]);

/// Fields, and what stands above their columns in the spreadsheets that companies have, beside the labels that forms and exports use.
const KNOWN: &[Known] = &[
    (
        "customer.number",
        Number,
        &["客户编码", "客户代码", "客户号", "customer number", "customer no", "customer no."],
    ),
    ("customer.kind", Word("CustomerKind"), &["客户性质", "类型", "type", "customer type"]),
    (
        "customer.name",
        Line,
        &[
            "客户名称",
            "客户名",
            "客户姓名",
            "公司名称",
            "公司名",
            "企业名称",
            "单位名称",
            "单位",
            "公司",
            "企业",
            "客户",
            "客户全称",
            "公司全称",
            "名称",
            "company",
            "company name",
            "customer",
            "customer name",
            "account",
            "account name",
            "organisation",
            "organization",
        ],
    ),
    (
        "customer.credit_code",
        Code,
        &[
            "信用代码",
            "社会信用代码",
            "统一信用代码",
            "税号",
            "纳税人识别号",
            "营业执照号",
            "credit code",
            "uscc",
            "tax id",
            "tax number",
            "vat number",
        ],
    ),
    (
        "customer.phone",
        Phone,
        &[
            "公司电话",
            "客户电话",
            "单位电话",
            "固定电话",
            "座机",
            "总机",
            "phone",
            "tel",
            "company phone",
            "main phone",
        ],
    ),
    (
        "customer.email",
        Code,
        &["公司邮箱", "客户邮箱", "电子邮箱", "电子邮件", "email", "mail", "company email"],
    ),
    (
        "customer.website",
        Code,
        &["官网", "网站", "公司网址", "公司网站", "web", "url", "homepage", "web site"],
    ),
    (
        "customer.grade",
        Word("Grade"),
        &["客户级别", "客户分级", "等级", "级别", "分级", "customer grade", "level", "rating"],
    ),
    ("customer.vip", Truth, &["是否vip", "重点客户", "是否重点客户"]),
    ("customer.lifecycle_stage", Word("LifecycleStage"), &["生命周期", "客户阶段", "阶段", "stage"]),
    ("customer.industry", Industry, &["所属行业", "行业类别", "行业门类", "行业分类", "sector"]),
    ("customer.industry_detail", Line, &["主营业务", "主营", "经营范围", "行业细分", "sub-industry"]),
    (
        "customer.staff_count",
        Whole,
        &[
            "员工数",
            "人数",
            "人员规模",
            "公司规模",
            "企业规模",
            "规模",
            "staff",
            "headcount",
            "number of employees",
        ],
    ),
    (
        "customer.annual_revenue.amount",
        Amount,
        &["年营业额", "年营收", "年收入", "营业额", "年销售额", "annual revenue", "revenue", "turnover"],
    ),
    ("customer.annual_revenue.currency", Currency, &["币种", "货币", "currency"]),
    ("customer.source", Line, &["客户来源", "来源渠道", "渠道", "线索来源", "lead source", "origin"]),
    ("customer.pain_points", List, &["痛点", "需求", "客户需求", "needs"]),
    ("customer.tags", List, &["客户标签", "tag", "labels"]),
    ("customer.address.country", Code, &["国家", "国别", "country"]),
    ("customer.address.region", Line, &["省", "省份", "所在省", "省/直辖市", "region", "state", "province"]),
    ("customer.address.city", Line, &["市", "城市", "所在城市", "地市", "city", "town"]),
    ("customer.address.district", Line, &["区", "区县", "县", "区/县", "district", "county"]),
    (
        "customer.address.street",
        Line,
        &[
            "地址",
            "详细地址",
            "公司地址",
            "联系地址",
            "通讯地址",
            "街道",
            "street",
            "address",
            "address line 1",
        ],
    ),
    (
        "customer.address.postal_code",
        Code,
        &["邮编", "邮政编码", "postal code", "zip", "zip code", "postcode"],
    ),
    ("customer.born_on", Day, &["出生日期", "客户生日", "date of birth"]),
    (
        "customer.notes",
        Text,
        &["说明", "描述", "备注信息", "note", "remark", "remarks", "comment", "comments", "description"],
    ),
    (
        "customer.external_id",
        ExternalId,
        &[
            "外部编号",
            "erp编号",
            "erp编码",
            "erp代码",
            "原系统编号",
            "系统编号",
            "external id",
            "erp id",
            "erp number",
        ],
    ),
    (
        "customer.owner",
        Person,
        &[
            "负责人",
            "销售",
            "销售员",
            "业务员",
            "客户经理",
            "跟进人",
            "归属人",
            "sales",
            "sales rep",
            "account manager",
            "owner",
            "owner email",
        ],
    ),
    (
        "contact.name",
        Line,
        &[
            "联系人姓名",
            "姓名",
            "主要联系人",
            "联络人",
            "对接人",
            "contact",
            "contact name",
            "contact person",
            "full name",
        ],
    ),
    ("contact.title", Line, &["职位", "岗位", "联系人职务", "联系人职位", "title", "job title", "position"]),
    (
        "contact.mobile",
        Phones("mobile"),
        &[
            "手机",
            "手机号",
            "手机号码",
            "移动电话",
            "联系手机",
            "联系人手机",
            "mobile",
            "mobile phone",
            "cell",
            "cell phone",
        ],
    ),
    (
        "contact.phone",
        Phones("work"),
        &["联系电话", "联系人电话", "联系方式", "办公电话", "contact phone", "work phone", "direct line"],
    ),
    (
        "contact.email",
        Emails,
        &["联系邮箱", "联系人邮箱", "个人邮箱", "contact email", "contact e-mail", "work email"],
    ),
    (
        "contact.decision_role",
        Word("DecisionRole"),
        &["决策角色", "角色", "决策链", "decision role", "buying role"],
    ),
    ("contact.born_on", Day, &["联系人生日", "contact birthday"]),
    ("contact.notes", Text, &["联系人备注", "contact notes"]),
];

/// Everything that a column can be, of the company's own fields, too.
pub(super) fn all(customers: &Fields, contacts: &Fields) -> Vec<Target> {
    let standard =
        KNOWN.iter().map(|(name, kind, _)| Target { name: (*name).to_owned(), kind: kind.clone() });
    let mut targets: Vec<Target> = standard.collect();
    for (object, fields) in [("customer", customers), ("contact", contacts)] {
        for field in fields.live() {
            let name = format!("{object}.custom.{}", field.key);
            let own = Box::new(field.clone());
            if field.kind == CustomFieldKind::Money {
                targets.push(Target { name: format!("{name}.amount"), kind: CustomAmount(own.clone()) });
                targets.push(Target { name: format!("{name}.currency"), kind: CustomCurrency(own) });
            } else {
                targets.push(Target { name, kind: Custom(own) });
            }
        }
    }
    targets
}

/// What people call a field: what exports have above its column.
pub(super) fn label(target: &Target, locale: Locale) -> String {
    let custom = |field: &CustomField, part: &str| match part {
        "" => field.label.clone(),
        part => format!("{}：{}", field.label, exports::label("", part, locale)),
    };
    match &target.kind {
        TargetKind::Custom(field) => custom(field, ""),
        CustomAmount(field) => custom(field, "amount"),
        CustomCurrency(field) => custom(field, "currency"),
        _ => {
            let (object, field) = target.name.split_once('.').unwrap_or(("", &target.name));
            let (own, field) = match (object, field) {
                ("customer", "owner") => ("customer", "owner.name"),
                ("customer", "external_id") => ("customer", "external_ids"),
                ("contact", "mobile") => {
                    return labels::of_word("ContactLabel", "mobile", locale).unwrap_or("mobile").to_owned();
                }
                ("contact", "phone") => ("contact", "phones"),
                ("contact", "email") => ("contact", "emails"),
                other => other,
            };
            exports::label(own, field, locale)
        }
    }
}

/// A header without what people write it differently by.
fn key(header: &str) -> String {
    let plain = narrow(header).to_lowercase();
    // What stands in brackets is a hint: "手机（必填）", "年营业额(万元)".
    let bare = plain.split(['(', '（', '[', '【']).next().unwrap_or_default().trim().to_owned();
    let bare = if bare.is_empty() { plain } else { bare };
    bare.chars().filter(|letter| !" \t_-*:：.·/".contains(*letter)).collect()
}

/// Whether two headers are the same, as far as people care.
pub(super) fn same_header(one: &str, other: &str) -> bool {
    !key(one).is_empty() && key(one) == key(other)
}

/// Which fields headers mean, as far as anybody can tell: each field once.
pub(super) struct Guesses {
    by_key: Vec<(String, String)>,
}

impl Guesses {
    /// Of these fields.
    pub(super) fn of(targets: &[Target]) -> Guesses {
        let mut by_key: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, header: &str| {
            let key = key(header);
            if !key.is_empty() && !by_key.iter().any(|(known, _)| *known == key) {
                by_key.push((key, name.to_owned()));
            }
        };
        // The company's own names go before ours.
        for target in targets {
            let (TargetKind::Custom(field) | CustomAmount(field) | CustomCurrency(field)) = &target.kind
            else {
                continue;
            };
            if matches!(target.kind, CustomCurrency(_)) {
                add(&target.name, &format!("{}：币种", field.label));
                add(&target.name, &format!("{} currency", field.label));
            } else {
                add(&target.name, &field.label);
                add(&target.name, &format!("{}：金额", field.label));
                add(&target.name, &field.key);
            }
        }
        for (name, _, synonyms) in KNOWN {
            add(name, name);
            synonyms.iter().for_each(|header| add(name, header));
        }
        for (name, ..) in KNOWN {
            let (object, field) = name.split_once('.').unwrap_or(("", name));
            let field = match field {
                "mobile" | "phone" if object == "contact" => "phones",
                "email" if object == "contact" => "emails",
                field => field.strip_suffix(".amount").unwrap_or(field),
            };
            for (known, en, zh) in labels::of_object(object) {
                if *known == field {
                    add(name, zh);
                    add(name, en);
                }
            }
        }
        Guesses { by_key }
    }

    /// The field that a header means; `group` stands above it, over several columns.
    pub(super) fn of_header(&self, header: &str, group: &str) -> Option<&str> {
        let find =
            |key: &str| self.by_key.iter().find(|(known, _)| known == key).map(|(_, name)| name.as_str());
        let own = key(header);
        if own.is_empty() {
            return None;
        }
        let group = key(group);
        if group.contains("联系人") || group.contains("contact") {
            let of_contact = match own.as_str() {
                "电话" | "phone" | "tel" | "telephone" => Some("contact.phone"),
                "邮箱" | "email" | "mail" => Some("contact.email"),
                "名称" | "name" => Some("contact.name"),
                "生日" | "birthday" => Some("contact.born_on"),
                "备注" | "notes" => Some("contact.notes"),
                _ => None,
            };
            if of_contact.is_some() {
                return of_contact;
            }
        }
        find(&format!("{group}{own}")).filter(|_| !group.is_empty()).or_else(|| find(&own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guesses() -> Guesses {
        let standard =
            KNOWN.iter().map(|(name, kind, _)| Target { name: (*name).to_owned(), kind: kind.clone() });
        Guesses::of(&standard.collect::<Vec<_>>())
    }

    #[test]
    fn headers_in_both_languages() {
        let guesses = guesses();
        for (header, field) in [
            ("客户名称", "customer.name"),
            ("公司名称*", "customer.name"),
            (" 统一社会信用代码 ", "customer.credit_code"),
            ("行业", "customer.industry"),
            ("联系人", "contact.name"),
            ("手机", "contact.mobile"),
            ("手机号（必填）", "contact.mobile"),
            ("来源", "customer.source"),
            ("年营业额(元)", "customer.annual_revenue.amount"),
            ("客户等级", "customer.grade"),
            ("ＶＩＰ", "customer.vip"),
            ("E-mail", "customer.email"),
            ("Company Name", "customer.name"),
            ("customer.address.city", "customer.address.city"),
            ("负责人", "customer.owner"),
            ("电话", "customer.phone"),
            ("职务", "contact.title"),
            ("生日", "customer.born_on"),
            ("备注", "customer.notes"),
            ("Name", "customer.name"),
            ("客户编号", "customer.number"),
        ] {
            assert_eq!(guesses.of_header(header, ""), Some(field), "{header}");
        }
        assert_eq!(guesses.of_header("序号", ""), None);
        assert_eq!(guesses.of_header("", ""), None);
        assert_eq!(guesses.of_header("电话", "联系人信息"), Some("contact.phone"));
    }
}
