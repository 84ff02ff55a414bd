//! Automations on the wire.

use chrono::{DateTime, Utc};
use fulcrum_domain::engagement::TaskPriority;
use fulcrum_persistence::platform::automation_times::TIMES;
use fulcrum_persistence::platform::automations::{Automation, AutomationVersion};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strum::{Display, EnumString};
use utoipa::ToSchema;
use uuid::Uuid;

use super::facts;
use super::templates;
use crate::http::body::Input;
use crate::http::catalog::FieldCode;
use crate::http::checks::Checks;
use crate::http::cursor::list_view;
use crate::http::problem::FieldError;
use crate::platform::automation_runs::views::{ActionResult, RunReason, RunState};
use crate::platform::events::views::EventView;
use crate::platform::events::vocabulary;
use crate::platform::webhooks::views::EventType;

/// What an automation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum TriggerType {
    /// Something happens.
    Event,
    /// A time comes, again and again.
    Schedule,
    /// A while has passed since a time in a record, or is left until then.
    Relative,
}

/// What triggers an automation. Which fields it has depends on its type.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "type": "event", "event_types": ["customer.updated"] }))]
pub struct AutomationTrigger {
    /// What it waits for.
    #[serde(rename = "type")]
    pub kind: TriggerType,
    /// `event`: which ones. What happens to automations triggers none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 50, example = json!(["customer.updated"]))]
    pub event_types: Option<Vec<EventType>>,
    /// `schedule`: minute, hour, day of the month, month, day of the week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100, pattern = r"^[^\u0000]*$", example = "0 9 * * MON-FRI")]
    pub cron: Option<String>,
    /// `schedule`: the IANA time zone by whose clock; the author's unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 60, example = "Asia/Shanghai")]
    pub time_zone: Option<String>,
    /// `relative`: what kind of record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 40, example = "task")]
    pub subject_type: Option<String>,
    /// `relative`: which of its times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 40, example = "due_at")]
    pub field: Option<String>,
    /// `relative`: so many minutes after that time; before it when negative. Records whose time is set when this has passed already
    /// are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = -525_600, maximum = 525_600, example = 4320)]
    pub offset_minutes: Option<i32>,
}

impl AutomationTrigger {
    /// The event types as texts.
    pub(super) fn event_types(&self) -> Vec<String> {
        self.event_types.iter().flatten().map(|entry| entry.0.clone()).collect()
    }
}

/// What an automation can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ActionType {
    /// Gives somebody a task.
    CreateTask,
    /// Tells somebody something.
    Notify,
    /// Gives the record to somebody.
    Assign,
    /// Changes fields of the record.
    SetFields,
    /// Adds a tag to the record.
    AddTag,
    /// Tells a webhook of it, as `automation.fired`, whatever it listens to.
    CallWebhook,
}

/// Whom an action is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Recipient {
    /// Whose the record is: the owner of a customer or an activity, the assignee of a task, of a contact the customer's owner.
    RecordOwner,
    /// Who did what triggered it.
    EventActor,
    /// Who wrote the automation last.
    Author,
    /// The one of `user_id`.
    User,
}

/// Something that an automation does. Which fields it has depends on its type. Texts are templates (`{{ record.name }}`) that can ask
/// for what the condition can, and have the filters `date` and `datetime` for times.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "type": "create_task", "title": "回访 {{ record.name }}", "recipient": "record_owner", "due_in_minutes": 4320 }))]
pub struct AutomationAction {
    /// What it does.
    #[serde(rename = "type")]
    pub kind: ActionType,
    /// `create_task`, `notify`: in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 500, pattern = "\\S", example = "回访 {{ record.name }}")]
    pub title: Option<String>,
    /// `create_task`, `notify`: what else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        min_length = 1,
        max_length = 5000,
        pattern = "\\S",
        example = "{{ record.name }} 已升级为 A 级客户。"
    )]
    pub body: Option<String>,
    /// `create_task`: how urgent; `normal` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<TaskPriority>,
    /// `create_task`: due after so many minutes; without, it is never due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 525_600, example = 4320)]
    pub due_in_minutes: Option<i32>,
    /// `create_task`, `notify`, `assign`: who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Recipient>,
    /// Who, for the recipient `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
    /// `set_fields`: a merge patch on the record, as its own endpoint takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, example = json!({ "vip": true }))]
    pub fields: Option<Map<String, Value>>,
    /// `add_tag`: which tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 60, pattern = "\\S", example = "高潜力")]
    pub tag: Option<String>,
    /// `call_webhook`: which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<Uuid>,
}

/// What can be said of an automation.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AutomationInput {
    /// Name, unique in the tenant.
    #[schema(min_length = 1, max_length = 100, pattern = "\\S", example = "A 级客户三天内回访")]
    pub name: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 2000, example = "升级为 A 级后，负责人三天内回访。")]
    pub description: Option<String>,
    /// While it isn't enabled, it is asked by nothing, and what happens then isn't made up for.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
    /// What triggers it.
    pub trigger: AutomationTrigger,
    /// A CEL expression: only when it is true, something is done. It can ask about the event as filters of webhooks do (`type`,
    /// `changes`, …), about `record`, the record as the author sees it then, and about `now`.
    #[serde(default)]
    #[schema(
        min_length = 1,
        max_length = 2000,
        pattern = r"^[^\u0000]*$",
        example = "has(changes.grade) && changes.grade.to == 'A'"
    )]
    pub condition: Option<String>,
    /// What is done, in this order: all of it or nothing.
    #[schema(min_items = 1, max_items = 10)]
    pub actions: Vec<AutomationAction>,
}

fn yes() -> bool {
    true
}

/// What is longer than its schema allows is refused by that, and not read.
const LONGEST_CONDITION: usize = 8000;

type Rule = (&'static str, &'static [&'static str], &'static [&'static str]);

/// By type: the fields that have to be there, and those that may.
const TRIGGERS: [Rule; 3] = [
    ("event", &["event_types"], &[]),
    ("schedule", &["cron"], &["time_zone"]),
    ("relative", &["subject_type", "field"], &["offset_minutes"]),
];

const ACTIONS: [Rule; 6] = [
    ("create_task", &["title", "recipient"], &["body", "priority", "due_in_minutes", "user_id"]),
    ("notify", &["title", "body", "recipient"], &["user_id"]),
    ("assign", &["recipient"], &["user_id"]),
    ("set_fields", &["fields"], &[]),
    ("add_tag", &["tag"], &[]),
    ("call_webhook", &["webhook_id"], &[]),
];

impl Input for AutomationInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        let mut errors = Checks::of(body).not_blank(&["name"]).found();
        let trigger = wrong_with_trigger(&body["trigger"]);
        // What may be asked for and done depends on what triggers it.
        let known = serde_json::from_value(body["trigger"].clone()).ok().filter(|_| trigger.is_empty());
        errors.extend(trigger);
        let actions = body["actions"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (index, action) in actions.iter().enumerate().take(10) {
            let pointer = format!("/actions/{index}");
            errors.extend(by_type(&pointer, action, &ACTIONS));
            if let Some(trigger) = &known {
                errors.extend(wrong_with_action(&pointer, action, trigger));
            }
        }
        let condition = body["condition"].as_str().filter(|text| text.len() <= LONGEST_CONDITION);
        if let Some((text, trigger)) = condition.zip(known.as_ref()) {
            let found = vocabulary::check_condition("/condition", text, &facts::fields(trigger));
            errors.extend(found.err().into_iter().flatten());
        }
        errors
    }
}

/// Fields that are missing, or don't go with the type.
fn by_type(pointer: &str, value: &Value, rules: &[Rule]) -> Vec<FieldError> {
    let kind = value["type"].as_str().unwrap_or_default();
    let (Some((_, needed, other)), Some(object)) =
        (rules.iter().find(|(name, ..)| *name == kind), value.as_object())
    else {
        // The schema says what is wrong.
        return vec![];
    };
    let missing = needed.iter().filter(|name| value[**name].is_null());
    let mut errors: Vec<FieldError> =
        missing.map(|name| FieldError::new(format!("{pointer}/{name}"), FieldCode::Required)).collect();
    let all = rules.iter().flat_map(|(_, needed, other)| needed.iter().chain(*other));
    let foreign = |name: &&str| {
        !needed.contains(name)
            && !other.contains(name)
            && object.get(*name).is_some_and(|field| !field.is_null())
    };
    let mut wrong: Vec<&str> = all.copied().filter(foreign).collect();
    wrong.sort_unstable();
    wrong.dedup();
    let not_for =
        |name| FieldError::new(format!("{pointer}/{name}"), FieldCode::NotForType).with("type", kind);
    errors.extend(wrong.into_iter().map(not_for));
    errors
}

fn wrong_with_trigger(trigger: &Value) -> Vec<FieldError> {
    let mut errors = by_type("/trigger", trigger, &TRIGGERS);
    errors.extend(vocabulary::unknown("/trigger/event_types", &trigger["event_types"]));
    let zone = trigger["time_zone"].as_str();
    if zone.is_some_and(|zone| zone.parse::<chrono_tz::Tz>().is_err()) {
        errors.push(FieldError::new("/trigger/time_zone", FieldCode::TimeZoneUnknown));
    }
    if let Some((subject, field)) = trigger["subject_type"].as_str().zip(trigger["field"].as_str()) {
        let allowed = |pointer: &str, names: Vec<&str>| {
            FieldError::new(pointer, FieldCode::NotAllowed).with("allowed", names.join(", "))
        };
        let fields: Vec<&str> =
            TIMES.iter().filter(|(kind, ..)| *kind == subject).map(|(_, field, _)| *field).collect();
        if fields.is_empty() {
            let mut kinds: Vec<&str> = TIMES.iter().map(|(kind, ..)| *kind).collect();
            kinds.dedup();
            errors.push(allowed("/trigger/subject_type", kinds));
        } else if !fields.contains(&field) {
            errors.push(allowed("/trigger/field", fields));
        }
    }
    errors
}

fn wrong_with_action(pointer: &str, action: &Value, trigger: &AutomationTrigger) -> Vec<FieldError> {
    let mut errors = vec![];
    let recipient = action["recipient"].as_str().unwrap_or_default();
    let not_with = |name: &str| {
        FieldError::new(format!("{pointer}/{name}"), FieldCode::NotForType)
            .with("type", trigger.kind.to_string())
    };
    if recipient == "record_owner" && facts::subjects_of(trigger).is_empty()
        || recipient == "event_actor" && trigger.kind != TriggerType::Event
    {
        errors.push(not_with("recipient"));
    }
    match (recipient, action["user_id"].is_null()) {
        ("user", true) => errors.push(FieldError::new(format!("{pointer}/user_id"), FieldCode::Required)),
        ("record_owner" | "event_actor" | "author", false) => {
            errors.push(
                FieldError::new(format!("{pointer}/user_id"), FieldCode::NotForType).with("type", recipient),
            );
        }
        _ => {}
    }
    let only = facts::only_kind(trigger);
    let needs: Option<fn(&facts::RecordKind) -> bool> = match action["type"].as_str() {
        Some("assign") => Some(|kind| kind.owner.is_some()),
        Some("set_fields") => Some(|_| true),
        Some("add_tag") => Some(|kind| kind.tags),
        _ => None,
    };
    if let Some(fits) = needs.filter(|fits| !only.is_some_and(fits)) {
        let error = FieldError::new(format!("{pointer}/type"), FieldCode::OneKindOfRecord);
        errors.push(error.with("allowed", facts::words(fits)));
    }
    if action["fields"].as_object().is_some_and(Map::is_empty) {
        errors.push(FieldError::new(format!("{pointer}/fields"), FieldCode::Required));
    }
    for name in ["title", "body"] {
        if let Some(reason) = action[name].as_str().and_then(|text| templates::wrong(text, trigger)) {
            let error = FieldError::new(format!("{pointer}/{name}"), FieldCode::Template);
            errors.push(error.with("reason", reason));
        }
    }
    errors
}

/// Why an automation is not enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum StopReason {
    /// Somebody did that.
    Manual,
    /// It was caused by a chain of automations that is too long: it triggers itself.
    Loop,
    /// It did something too often in an hour.
    Rate,
    /// Its author has gone or may not sign in any more: nobody's rights are left to do it with.
    Author,
}

/// An automation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Automation)]
pub struct AutomationView {
    /// Id.
    pub id: Uuid,
    /// Name.
    #[schema(max_length = 100, example = "A 级客户三天内回访")]
    pub name: String,
    /// What it is for.
    #[schema(required, max_length = 2000, example = "升级为 A 级后，负责人三天内回访。")]
    pub description: Option<String>,
    /// Whether it is asked at all.
    pub enabled: bool,
    /// Why it is not.
    #[schema(required)]
    pub disabled_reason: Option<StopReason>,
    /// What triggers it.
    pub trigger: AutomationTrigger,
    /// Only when this is true, something is done.
    #[schema(required, max_length = 2000)]
    pub condition: Option<String>,
    /// What is done.
    #[schema(max_items = 10)]
    pub actions: Vec<AutomationAction>,
    /// `user` or `api_client`
    #[schema(max_length = 20, example = "user")]
    pub author_type: String,
    /// Who wrote it last: it is done with their rights.
    pub author_id: Uuid,
    /// When its time comes next, or the times in records are looked at next.
    #[schema(required)]
    pub next_at: Option<DateTime<Utc>>,
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
}

list_view!(
    /// A page of automations.
    AutomationList of AutomationView
);

/// What an automation was in one of its versions.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AutomationVersion)]
pub struct VersionView {
    /// Which version.
    #[schema(minimum = 1, example = 1)]
    pub version: i32,
    /// What was said of it, as a change to it takes it.
    pub content: AutomationInput,
    /// `user`, `api_client` or `system`, which stops automations
    #[schema(max_length = 20, example = "user")]
    pub author_type: String,
    /// Who wrote it.
    #[schema(required)]
    pub author_id: Option<Uuid>,
    /// When.
    pub created_at: DateTime<Utc>,
}

list_view!(
    /// A page of versions, the last one first.
    VersionList of VersionView
);

/// What an automation is tried with.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DryRunInput {
    /// For one that waits for events: one that happened.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 18, pattern = "^[0-9]+$", example = "1024")]
    pub event_id: Option<String>,
    /// For one that goes by a time in records: one of them.
    #[serde(default)]
    pub subject_id: Option<Uuid>,
}

impl Input for DryRunInput {}

/// What an automation would do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AutomationDryRun)]
pub struct DryRunView {
    /// What would become of it.
    pub state: RunState,
    /// Why.
    #[schema(required)]
    pub reason: Option<RunReason>,
    /// Why, in words.
    #[schema(required, max_length = 2000)]
    pub detail: Option<String>,
    /// Each action.
    #[schema(max_items = 10)]
    pub actions: Vec<ActionResult>,
    /// What would be in the log, as far as the caller may read it. Ids and numbers are examples.
    #[schema(max_items = 200)]
    pub events: Vec<EventView>,
}

impl From<&Automation> for AutomationView {
    fn from(row: &Automation) -> AutomationView {
        let input = super::service::input_of(row);
        AutomationView {
            id: row.id,
            name: input.name,
            description: input.description,
            enabled: input.enabled,
            disabled_reason: row.disabled_reason.as_deref().and_then(|reason| reason.parse().ok()),
            trigger: input.trigger,
            condition: input.condition,
            actions: input.actions,
            author_type: row.author_type.clone(),
            author_id: row.author_id,
            next_at: row.next_at.filter(|_| input.enabled),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        }
    }
}

impl VersionView {
    /// A stored version; `None` for what another release wrote and this one can't read.
    pub(super) fn of(row: &AutomationVersion) -> Option<VersionView> {
        Some(VersionView {
            version: row.version,
            content: row.content.read()?,
            author_type: row.author_type.clone(),
            author_id: row.author_id,
            created_at: row.created_at,
        })
    }
}
