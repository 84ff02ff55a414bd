//! What the people of the demo company have done in the last quarter and have to do, and what the system does for them.

use std::sync::Arc;

use chrono::{DateTime, Duration, TimeDelta, Utc};
use fulcrum_domain::access::Actor;
use fulcrum_persistence::access::tenants::Tenant;
use fulcrum_persistence::customers::{contacts, customers};
use fulcrum_persistence::paging::PageRequest;
use fulcrum_persistence::platform::automations;
use fulcrum_persistence::{Db, StoreError, Tx};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::demo::{acting_as, owners};
use super::installation;
use crate::access::departments::service::Departments;
use crate::engagement::activities::service::Activities;
use crate::engagement::tasks::service::Tasks;
use crate::http::problem::Problem;
use crate::platform::automations::service::Automations;
use crate::records::{self, Resource};

/// Customers of each owner with something to tell.
const CUSTOMERS: i64 = 25;
/// How far back.
const DAYS: i64 = 90;

/// Kind, direction, subject, what was said, outcome, minutes.
type Done = (&'static str, Option<&'static str>, &'static str, &'static str, Option<&'static str>, i32);

/// What was done.
const ACTIVITIES: [Done; 8] = [
    ("call", Some("outbound"), "回访使用情况", "整体满意，报表导出偏慢。", Some("successful"), 12),
    ("call", Some("inbound"), "咨询续费优惠", "希望签两年，需要折扣方案。", Some("successful"), 8),
    ("call", Some("outbound"), "预约拜访", "无人接听，下午再打。", Some("not_reached"), 1),
    ("visit", None, "现场拜访", "与采购和技术负责人面谈，看了仓库流程。", Some("successful"), 120),
    ("meeting", None, "方案评审会", "逐条过了需求，接口部分需要补充。", Some("postponed"), 75),
    ("mail", Some("outbound"), "发送报价单", "按 20 个账号报价，含实施服务。", None, 0),
    ("mail", Some("inbound"), "合同条款意见", "对付款节点有意见。", None, 0),
    ("note", None, "内部备注", "决策人是新来的副总，月底前要汇报。", None, 0),
];

/// What was said that others have to know: what it is, and the words.
const ITEMS: [(&str, &str); 8] = [
    ("need", "需要与金蝶 ERP 同步订单"),
    ("need", "希望销售手机端可离线填写"),
    ("need", "需要按区域看业绩"),
    ("objection", "价格比现有系统高三成"),
    ("objection", "担心数据迁移影响业务"),
    ("objection", "对部署在云上有顾虑"),
    ("promise", "下周三前提供接口文档"),
    ("promise", "月底前安排试点培训"),
];

/// What is to be done: title, days from now until it is due, priority, what became of it.
const TASKS: [(&str, i64, &str, &str); 8] = [
    ("电话回访试用情况", -6, "high", "open"),
    ("补充接口文档", -2, "urgent", "open"),
    ("确认付款节点", -1, "normal", "open"),
    ("准备报价单", 1, "high", "open"),
    ("安排试点培训", 3, "normal", "open"),
    ("季度拜访", 12, "low", "open"),
    ("发送会议纪要", -20, "normal", "done"),
    ("核对开票信息", -35, "normal", "done"),
];

/// Adds all of it. Once: the automations tell that it is there.
///
/// # Errors
/// A sentence for a person.
pub(super) fn add(db: &Db, tenant: &Tenant) -> Result<(), String> {
    let system = installation::system_in(tenant);
    db.write_now(&system, |tx| fill(tx, tenant)).map_err(|problem: Problem| problem.to_string())
}

fn fill(tx: &mut Tx, tenant: &Tenant) -> Result<(), Problem> {
    if automations::count(tx)? > 0 {
        return Ok(());
    }
    let system = tx.actor.clone();
    let manager = acting_as(tx, tenant, "manager@demo.test")?.0;
    led_by(tx, tenant, manager.user_id())?;
    let mut rng = StdRng::seed_from_u64(7);
    for (owner, _) in owners(tx, tenant)? {
        tx.actor = owner.clone();
        // One more than the limit is read.
        let some = PageRequest { after: None, limit: CUSTOMERS - 1 };
        let filter =
            customers::Filter { owner_ids: owner.user_id().into_iter().collect(), ..Default::default() };
        let found = customers::list(tx, &filter, customers::Sort::Number { descending: false }, &some)?;
        let ids: Vec<Uuid> = found.iter().map(|(customer, _)| customer.id).collect();
        for id in &ids {
            for _ in 0..rng.random_range(1..=4) {
                done(tx, &mut rng, *id)?;
            }
        }
        // Given by who leads them, so that it stands in their inbox.
        tx.actor = manager.clone();
        to_do(tx, &ids, &owner)?;
    }
    tx.actor = manager;
    by_itself(tx)?;
    tx.actor = system;
    Ok(())
}

/// Who leads the sales people.
fn led_by(tx: &mut Tx, tenant: &Tenant, manager_id: Option<Uuid>) -> Result<(), Problem> {
    let home = acting_as(tx, tenant, "manager@demo.test")?.1;
    let before = Departments::lock(tx, home)?;
    let mut input = Departments::input_of(&before);
    input.manager_id = manager_id;
    records::change_directly::<Departments>(tx, &before, input)
}

/// What comes in is what the contract describes.
fn read<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    Ok(serde_json::from_value(value).map_err(|error| StoreError::Internal(error.to_string()))?)
}

/// A time at work in the last quarter.
fn at_work(tx: &Tx, rng: &mut StdRng) -> DateTime<Utc> {
    let day = tx.now - Duration::days(rng.random_range(1..=DAYS));
    let morning = day.date_naive().and_hms_opt(1, 0, 0).unwrap_or_default().and_utc();
    morning + TimeDelta::minutes(15 * rng.random_range(0..=32))
}

fn done(tx: &mut Tx, rng: &mut StdRng, customer_id: Uuid) -> Result<(), Problem> {
    let (kind, direction, subject, body, outcome, minutes) =
        ACTIVITIES[rng.random_range(0..ACTIVITIES.len())];
    let started_at = at_work(tx, rng);
    let mut link = json!({ "subject_type": "customer", "subject_id": customer_id });
    let mut participants = vec![];
    if let Some(contact) =
        contacts::of_customers(tx, &[customer_id], 1)?.first().filter(|_| rng.random_bool(0.6))
    {
        link = json!({ "subject_type": "contact", "subject_id": contact.id });
        participants.push(json!({ "type": "contact", "id": contact.id }));
    }
    let mut items = vec![];
    if kind != "note" && outcome != Some("not_reached") {
        for _ in 0..rng.random_range(0..=2) {
            let (kind, text) = ITEMS[rng.random_range(0..ITEMS.len())];
            let due_on = (kind == "promise").then(|| (started_at + Duration::days(7)).date_naive());
            items.push(json!({ "kind": kind, "text": text, "due_on": due_on, "done": rng.random_bool(0.5) }));
        }
    }
    let input = read(json!({
        "kind": kind, "direction": direction, "subject": subject, "body": body, "outcome": outcome,
        "started_at": started_at, "duration_seconds": (minutes > 0).then_some(minutes * 60),
        "participants": participants, "items": items, "links": [link],
    }))?;
    records::create::<Activities>(tx, input).map(|_| ())
}

fn to_do(tx: &mut Tx, customer_ids: &[Uuid], assignee: &Arc<Actor>) -> Result<(), Problem> {
    let morning = tx.now.date_naive().and_hms_opt(2, 0, 0).unwrap_or_default().and_utc();
    for ((title, days, priority, state), customer_id) in TASKS.into_iter().zip(customer_ids) {
        let due_at = morning + Duration::days(days);
        let reminders: Vec<_> =
            Some(due_at - TimeDelta::hours(1)).into_iter().filter(|at| *at > tx.now).collect();
        let input = read(json!({
            "title": title, "state": state, "priority": priority, "due_at": due_at,
            "reminders": reminders,
            "subject_type": "customer", "subject_id": customer_id, "assignee_id": assignee.user_id(),
        }))?;
        records::create::<Tasks>(tx, input)?;
    }
    let weekly = read(json!({
        "title": "每周整理商机清单", "due_at": morning + Duration::days(2),
        "recurrence": "FREQ=WEEKLY;COUNT=26", "assignee_id": assignee.user_id(),
        "checklist": [{ "text": "更新阶段" }, { "text": "更新下一步" }],
    }))?;
    records::create::<Tasks>(tx, weekly).map(|_| ())
}

fn by_itself(tx: &mut Tx) -> Result<(), Problem> {
    let follow_up = json!({
        "name": "A 级客户三天内回访",
        "description": "客户升级为 A 级后，负责人三天内回访。",
        "trigger": { "type": "event", "event_types": ["customer.updated"] },
        "condition": "has(changes.grade) && changes.grade.to == 'A'",
        "actions": [
            { "type": "create_task", "title": "回访 {{ record.name }}", "body": "刚升级为 A 级客户。",
                "recipient": "record_owner", "priority": "high", "due_in_minutes": 4320 },
            { "type": "add_tag", "tag": "重点跟进" },
        ],
    });
    let overdue = json!({
        "name": "任务逾期一天提醒负责人",
        "trigger": { "type": "relative", "subject_type": "task", "field": "due_at", "offset_minutes": 1440 },
        "condition": "record.state == 'open'",
        "actions": [
            { "type": "notify", "recipient": "record_owner", "title": "已逾期一天：{{ record.title }}",
                "body": "截止时间是 {{ record.due_at | datetime }}，请尽快处理或改期。" },
        ],
    });
    for automation in [follow_up, overdue] {
        records::create::<Automations>(tx, read(automation)?)?;
    }
    Ok(())
}
