//! Plausible customers, the same ones every time.

use chrono::{Days, NaiveDate};
use fake::Fake;
use fake::faker::company::raw::CompanyName;
use fake::faker::name::raw::Name;
use fake::locales::{EN, ZH_CN};
use fake::rand::rngs::StdRng;
use fake::rand::seq::IndexedRandom;
use fake::rand::{RngExt, SeedableRng};
use fulcrum_domain::customers::{ContactLabel, CustomerKind, DecisionRole, Grade, LifecycleStage};
use fulcrum_domain::values::{CreditCode, IndustrySection, Money};
use uuid::Uuid;

use crate::customers::contacts::views::{ContactEmail, ContactInput, ContactPhone};
use crate::customers::custom_fields::values::CustomValues;
use crate::customers::customers::input::{Address, CustomerInput, PainPoint, Tag};

/// A customer to make, with its contacts.
pub struct DemoCustomer {
    /// Which of the owners.
    pub owner: usize,
    /// The customer.
    pub customer: CustomerInput,
    /// Its contacts; their customer is filled in when it has an id.
    pub contacts: Vec<ContactInput>,
}

const CITIES: [(&str, &str, &str); 10] = [
    ("上海", "上海市", "浦东新区"),
    ("杭州", "浙江省", "西湖区"),
    ("苏州", "江苏省", "工业园区"),
    ("南京", "江苏省", "鼓楼区"),
    ("北京", "北京市", "海淀区"),
    ("天津", "天津市", "南开区"),
    ("青岛", "山东省", "市南区"),
    ("济南", "山东省", "历下区"),
    ("深圳", "广东省", "南山区"),
    ("成都", "四川省", "高新区"),
];
const WORDS: [&str; 24] = [
    "科创",
    "华信",
    "博力威",
    "云帆",
    "恒达",
    "鼎新",
    "中科",
    "瑞丰",
    "东方",
    "远景",
    "金桥",
    "海纳",
    "天元",
    "盛世",
    "众诚",
    "嘉禾",
    "凌云",
    "启明",
    "永泰",
    "卓越",
    "星辰",
    "百川",
    "润泽",
    "宏图",
];
const TRADES: [(&str, IndustrySection); 12] = [
    ("信息技术", IndustrySection::I),
    ("软件", IndustrySection::I),
    ("精密机械", IndustrySection::C),
    ("电子", IndustrySection::C),
    ("生物医药", IndustrySection::C),
    ("建设工程", IndustrySection::E),
    ("供应链管理", IndustrySection::G),
    ("商贸", IndustrySection::F),
    ("酒店管理", IndustrySection::H),
    ("教育咨询", IndustrySection::P),
    ("环保科技", IndustrySection::N),
    ("新能源", IndustrySection::D),
];
const FORMS: [&str; 3] = ["有限公司", "股份有限公司", "有限责任公司"];
const TITLES: [&str; 8] =
    ["总经理", "信息部经理", "采购总监", "财务总监", "技术主管", "行政主管", "销售总监", "运维工程师"];
const SOURCES: [&str; 7] = ["展会", "官网", "转介绍", "电话营销", "搜索广告", "合作伙伴", "公众号"];
const PAINS: [&str; 6] = ["数据分散", "跟进不及时", "报表靠手工", "响应慢", "预算不透明", "客户流失"];
const TAGS: [&str; 5] = ["高潜力", "长期合作", "流失风险", "标杆客户", "价格敏感"];
const MOBILE: [&str; 6] = ["138", "139", "150", "186", "177", "133"];

/// The customers, without end.
pub fn customers() -> impl Iterator<Item = DemoCustomer> {
    let mut rng = StdRng::seed_from_u64(20_261_101);
    (0..).map(move |index| customer(&mut rng, index))
}

fn pick<T: Copy>(rng: &mut StdRng, list: &[T]) -> T {
    *list.choose(rng).unwrap_or(&list[0])
}

fn customer(rng: &mut StdRng, index: usize) -> DemoCustomer {
    let individual = index % 10 == 9;
    let foreign = index % 10 == 4;
    let (city, region, district) = pick(rng, &CITIES);
    let (trade, section) = pick(rng, &TRADES);
    let name = if individual {
        person(rng)
    } else if foreign {
        CompanyName(EN).fake_with_rng::<String, _>(rng)
    } else {
        format!("{city}{}{trade}{}", pick(rng, &WORDS), pick(rng, &FORMS))
    };
    let domain = format!("c{index:04}.example");
    let contacts = (0..if individual { 0 } else { rng.random_range(1..=3) })
        .map(|place| contact(rng, place, foreign, &domain))
        .collect();
    let company = !individual;
    let customer = CustomerInput {
        kind: if company { CustomerKind::Company } else { CustomerKind::Individual },
        name,
        credit_code: (company && !foreign).then(|| credit_code(index)).flatten(),
        phone: Some(if foreign { format!("+1202555{:04}", 100 + index % 100) } else { mobile(rng) }),
        email: Some(format!("info@{domain}")),
        website: company.then(|| format!("https://www.{domain}/")),
        grade: Some(pick(rng, &[Grade::A, Grade::B, Grade::B, Grade::C, Grade::C, Grade::C])),
        vip: rng.random_ratio(1, 8),
        lifecycle_stage: pick(
            rng,
            &[
                LifecycleStage::Acquisition,
                LifecycleStage::Conversion,
                LifecycleStage::Retention,
                LifecycleStage::Repurchase,
                LifecycleStage::Referral,
            ],
        ),
        industry: company.then_some(section),
        industry_detail: company.then(|| trade.to_owned()),
        staff_count: company.then(|| rng.random_range(5..3000)),
        annual_revenue: if company {
            Money::new(&format!("{}.00", rng.random_range(50..90_000) * 10_000_i64), "CNY").ok()
        } else {
            None
        },
        source: Some(pick(rng, &SOURCES).into()),
        pain_points: vec![PainPoint(pick(rng, &PAINS).into())],
        tags: if rng.random_ratio(1, 2) { vec![Tag(pick(rng, &TAGS).into())] } else { vec![] },
        address: (!foreign).then(|| Address {
            country: Some("CN".into()),
            region: Some(region.into()),
            city: Some(format!("{city}市")),
            district: Some(district.into()),
            street: Some(format!("科技路 {} 号", rng.random_range(1..400))),
            postal_code: None,
        }),
        born_on: individual.then(|| birthday(rng)).flatten(),
        notes: None,
        custom: CustomValues::default(),
        external_ids: vec![],
        owner_id: None,
    };
    DemoCustomer { owner: index % 3, customer, contacts }
}

fn contact(rng: &mut StdRng, place: usize, foreign: bool, domain: &str) -> ContactInput {
    let name = if foreign { Name(EN).fake_with_rng::<String, _>(rng) } else { person(rng) };
    let roles = [
        DecisionRole::DecisionMaker,
        DecisionRole::TechnicalEvaluator,
        DecisionRole::BudgetApprover,
        DecisionRole::User,
        DecisionRole::Influencer,
    ];
    ContactInput {
        customer_id: Uuid::nil(),
        name,
        title: Some(pick(rng, &TITLES).into()),
        phones: vec![ContactPhone { number: mobile(rng), label: ContactLabel::Mobile }],
        emails: vec![ContactEmail { address: format!("contact{place}@{domain}"), label: ContactLabel::Work }],
        decision_role: Some(pick(rng, &roles)),
        is_primary: place == 0,
        born_on: birthday(rng),
        notes: None,
        custom: CustomValues::default(),
        external_ids: vec![],
    }
}

fn person(rng: &mut StdRng) -> String {
    Name(ZH_CN).fake_with_rng(rng)
}

fn mobile(rng: &mut StdRng) -> String {
    format!("+86{}{:08}", pick(rng, &MOBILE), rng.random_range(0..100_000_000))
}

fn birthday(rng: &mut StdRng) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(1965, 1, 1)?.checked_add_days(Days::new(rng.random_range(0..13_000)))
}

/// A code of the form that companies registered in Hangzhou have, with its check character.
fn credit_code(index: usize) -> Option<String> {
    let body = format!("91330100MA{:07}", 2_000_000 + index);
    CreditCode::from_body(&body).ok().map(|code| code.as_str().to_owned())
}
