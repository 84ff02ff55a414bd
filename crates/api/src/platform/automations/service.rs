//! What can be done with automations.

use chrono::{DateTime, Utc};
use fulcrum_domain::access::Permission;
use fulcrum_domain::platform::Schedule;
use fulcrum_domain::values::text::{clean_line, clean_text};
use fulcrum_persistence::paging::{Position, SortKey};
use fulcrum_persistence::platform::automations::{self as store, Automation, AutomationVersion};
use fulcrum_persistence::platform::events::SUBJECTS;
use fulcrum_persistence::platform::log_places::{self, Follower};
use fulcrum_persistence::platform::webhooks;
use fulcrum_persistence::{Json, StoreError, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use super::clock::{self, PERIOD};
use super::facts;
use super::views::{
    ActionType, AutomationAction, AutomationInput, AutomationList, AutomationTrigger, AutomationView,
    Recipient, StopReason, TriggerType, VersionList, VersionView,
};
use crate::App;
use crate::access::users::service::assignable;
use crate::http::answer::Answer;
use crate::http::catalog::{Code, FieldCode};
use crate::http::cursor::List;
use crate::http::precondition::IfMatch;
use crate::http::problem::{FieldError, Problem};
use crate::http::wire::PageQuery;
use crate::records::{self, Resource, Stamp, require};

/// Automations of a company: each is asked about each event.
const MOST: i64 = 100;

/// Automations as records.
pub enum Automations {}

impl Resource for Automations {
    type Row = Automation;
    type Input = AutomationInput;
    type View = AutomationView;
    const SUBJECT: &'static str = store::SUBJECT;
    const COLLECTION: &'static str = "automations";
    const DELETE: Permission = Permission::AutomationsWrite;

    fn input_of(row: &Automation) -> AutomationInput {
        input_of(row)
    }

    fn view(row: &Automation) -> AutomationView {
        AutomationView::from(row)
    }

    fn stamp(row: &Automation) -> Stamp {
        Stamp::of(row.id, row.version, row.deleted_at)
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<Automation, Problem> {
        Ok(store::find(tx, id)?)
    }

    fn lock(tx: &mut Tx, id: Uuid) -> Result<Automation, Problem> {
        Ok(store::lock(tx, id)?)
    }

    fn insert(tx: &mut Tx, input: AutomationInput) -> Result<Automation, Problem> {
        let blank = Automation {
            tenant_id: tx.actor.tenant_id,
            id: Uuid::now_v7(),
            name: String::new(),
            description: None,
            trigger: Json::of(&json!({})),
            condition: None,
            actions: Json::empty_list(),
            author_type: String::new(),
            author_id: Uuid::nil(),
            next_at: None,
            listens_after: String::new(),
            disabled_at: None,
            disabled_reason: None,
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
            deleted_at: None,
        };
        has_room(tx)?;
        let row = planned(tx, blank, input)?;
        let row = waiting(tx, row)?;
        store::insert(tx, &row)?;
        keep(tx, &row)?;
        Ok(row)
    }

    fn change(tx: &mut Tx, before: &Automation, input: AutomationInput) -> Result<Automation, Problem> {
        let only_off = json!(AutomationInput { enabled: false, ..input_of(before) }) == json!(input);
        // Who can do less than it can still stop it, and it stays whose it is.
        let mut after = match only_off {
            true => switched(tx, before.clone(), false),
            false => planned(tx, before.clone(), input)?,
        };
        if json!(input_of(before)) == json!(input_of(&after)) {
            return Ok(before.clone());
        }
        let same_trigger = json!(input_of(before).trigger) == json!(input_of(&after).trigger);
        if !only_off && (!same_trigger || before.disabled_at.is_some()) {
            after = waiting(tx, after)?;
        }
        after.version += 1;
        after.updated_at = tx.now;
        store::replace(tx, &after)?;
        keep(tx, &after)?;
        Ok(after)
    }

    fn set_deleted(tx: &mut Tx, before: &Automation, deleted: bool) -> Result<Automation, Problem> {
        if !deleted {
            has_room(tx)?;
            // It is done with somebody's rights: of who brings it back.
            permitted(tx, &input_of(before))?;
        }
        let mut after = before.clone();
        if !deleted {
            after = waiting(tx, by_actor(tx, after))?;
        }
        after.deleted_at = deleted.then_some(tx.now);
        after.version += 1;
        after.updated_at = tx.now;
        store::replace(tx, &after)?;
        keep(tx, &after)?;
        Ok(after)
    }
}

fn has_room(tx: &mut Tx) -> Result<(), Problem> {
    match store::count(tx)? < MOST {
        true => Ok(()),
        false => Err(Problem::new(Code::TooMany).with("max", MOST)),
    }
}

/// The writable part of a stored automation.
pub fn input_of(row: &Automation) -> AutomationInput {
    let nothing = AutomationTrigger {
        kind: TriggerType::Event,
        event_types: None,
        cron: None,
        time_zone: None,
        subject_type: None,
        field: None,
        offset_minutes: None,
    };
    AutomationInput {
        name: row.name.clone(),
        description: row.description.clone(),
        enabled: row.disabled_at.is_none(),
        trigger: row.trigger.read().unwrap_or(nothing),
        condition: row.condition.clone(),
        actions: row.actions.read().unwrap_or_default(),
    }
}

/// An automation filled with what is wanted of it, by the actor.
fn planned(tx: &mut Tx, row: Automation, mut input: AutomationInput) -> Result<Automation, Problem> {
    let trigger = &mut input.trigger;
    if trigger.kind == TriggerType::Schedule && trigger.time_zone.is_none() {
        trigger.time_zone = Some(tx.actor.time_zone.name().to_owned());
    }
    if trigger.kind == TriggerType::Relative && trigger.offset_minutes.is_none() {
        trigger.offset_minutes = Some(0);
    }
    permitted(tx, &input)?;
    let row = Automation {
        name: clean_line(&input.name),
        description: input.description.map(|text| clean_text(&text)).filter(|text| !text.is_empty()),
        trigger: Json::of(&input.trigger),
        condition: input.condition,
        actions: Json::of(&input.actions),
        ..row
    };
    let row = switched(tx, row, input.enabled);
    Ok(by_actor(tx, row))
}

fn switched(tx: &Tx, row: Automation, enabled: bool) -> Automation {
    let disabled_at = if enabled { None } else { row.disabled_at.or(Some(tx.now)) };
    let manual = || StopReason::Manual.to_string();
    let disabled_reason = disabled_at.map(|_| row.disabled_reason.clone().unwrap_or_else(manual));
    Automation { disabled_at, disabled_reason, ..row }
}

fn by_actor(tx: &Tx, row: Automation) -> Automation {
    let (author_type, author_id) = match tx.actor.principal_id() {
        Some(id) => (tx.actor.principal_type().to_owned(), id),
        None => (row.author_type, row.author_id),
    };
    Automation { author_type, author_id, ..row }
}

/// From here on it waits for what triggers it.
fn waiting(tx: &mut Tx, row: Automation) -> Result<Automation, Problem> {
    let trigger = input_of(&row).trigger;
    let next_at = match trigger.kind {
        TriggerType::Event => None,
        TriggerType::Relative => Some(tx.now + PERIOD),
        TriggerType::Schedule => Some(first_time(tx.now, &trigger)?),
    };
    if let Some(at) = next_at {
        clock::wind(tx, at)?;
    } else {
        log_places::begin(tx, Follower::Automations, store::listens)?;
    }
    Ok(Automation { next_at, listens_after: log_places::snapshot(tx)?, ..row })
}

fn first_time(now: DateTime<Utc>, trigger: &AutomationTrigger) -> Result<DateTime<Utc>, Problem> {
    let wrong = |reason: String| {
        Problem::invalid(vec![FieldError::new("/trigger/cron", FieldCode::Schedule).with("reason", reason)])
    };
    let zone = trigger.time_zone.as_deref().and_then(|zone| zone.parse().ok()).unwrap_or_default();
    let schedule = Schedule::new(trigger.cron.as_deref().unwrap_or_default(), zone, now);
    let next = schedule.map_err(|error| wrong(error.to_string()))?.after(now);
    next.ok_or_else(|| wrong("there is no day on which this happens".into()))
}

/// Nobody has done by an automation what they couldn't do themselves: not when it is written, and not later, when their rights may
/// be others.
fn permitted(tx: &mut Tx, input: &AutomationInput) -> Result<(), Problem> {
    for subject in facts::subjects_of(&input.trigger) {
        let needed = SUBJECTS.iter().find(|(names, _)| names.contains(&subject.as_str()));
        for permission in needed.into_iter().flat_map(|(_, permissions)| *permissions) {
            require(&tx.actor, *permission)?;
        }
    }
    for (index, action) in input.actions.iter().enumerate() {
        let pointer = |name: &str| format!("/actions/{index}/{name}");
        action_permitted(tx, &input.trigger, action)?;
        if let Some(user_id) = action.user_id {
            assignable(tx, user_id, &pointer("user_id"))?;
        }
        if action.recipient == Some(Recipient::Author) && tx.actor.user_id().is_none() {
            let error =
                FieldError::new(pointer("recipient"), FieldCode::NotForType).with("type", "api_client");
            return Err(Problem::invalid(vec![error]));
        }
        if let Some(webhook_id) = action.webhook_id {
            match webhooks::find(tx, webhook_id) {
                Err(StoreError::NotFound) => {
                    return Err(Problem::field(&pointer("webhook_id"), FieldCode::NotFound));
                }
                Ok(webhook) if webhook.deleted_at.is_some() => return Err(Problem::deleted(webhook_id)),
                found => drop(found?),
            }
        }
    }
    Ok(())
}

fn action_permitted(tx: &Tx, trigger: &AutomationTrigger, action: &AutomationAction) -> Result<(), Problem> {
    match action.kind {
        ActionType::CreateTask => require(&tx.actor, Permission::TasksWrite),
        ActionType::Notify => Ok(()),
        ActionType::CallWebhook => require(&tx.actor, Permission::WebhooksWrite),
        ActionType::Assign | ActionType::SetFields | ActionType::AddTag => {
            let kind = facts::only_kind(trigger);
            if action.kind == ActionType::Assign && kind.is_some_and(|kind| kind.word == "customer") {
                require(&tx.actor, Permission::CustomersAssign)?;
            }
            kind.map_or(Ok(()), |kind| require(&tx.actor, kind.write))
        }
    }
}

/// Keeps what it is in this version.
pub(super) fn keep(tx: &mut Tx, row: &Automation) -> Result<(), StoreError> {
    let version = AutomationVersion {
        tenant_id: row.tenant_id,
        automation_id: row.id,
        version: row.version,
        content: Json::of(&input_of(row)),
        author_type: tx.actor.principal_type().into(),
        author_id: tx.actor.principal_id(),
        created_at: row.updated_at,
    };
    store::keep_version(tx, &version)
}

/// Creates an automation.
///
/// # Errors
/// What the rules say.
pub(crate) fn create(tx: &mut Tx, app: &App, input: AutomationInput) -> Result<Answer, Problem> {
    let row = records::create::<Automations>(tx, input)?;
    fields_fit(app, &row)?;
    records::created::<Automations>(&row)
}

/// Changes an automation by a merge patch. Who changes it is its author from then on.
///
/// # Errors
/// 404, 409 when it is deleted, 412, or what the rules say.
pub(super) fn update(
    tx: &mut Tx,
    app: &App,
    id: Uuid,
    if_match: &IfMatch,
    patch: &Value,
) -> Result<Answer, Problem> {
    let row = records::update::<Automations>(tx, &app.contract, id, if_match, patch)?;
    fields_fit(app, &row)?;
    records::shown::<Automations>(&row)
}

/// What is to be set has to be something that the record can have.
fn fields_fit(app: &App, row: &Automation) -> Result<(), Problem> {
    let input = input_of(row);
    let Some(kind) = facts::only_kind(&input.trigger) else { return Ok(()) };
    let mut errors = vec![];
    for (index, action) in input.actions.iter().enumerate() {
        let Some(fields) = &action.fields else { continue };
        let found = kind.wrong(&app.contract, &json!(fields));
        errors.extend(found.into_iter().map(|error| {
            let pointer = format!("/actions/{index}/fields{}", error.pointer);
            FieldError { pointer, ..error }
        }));
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// A page of automations.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub(super) fn list(tx: &mut Tx, app: &App, query: &PageQuery) -> Result<AutomationList, Problem> {
    let list = List::of(tx.actor.tenant_id, Automations::COLLECTION, &());
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &page)?;
    let place = |row: &Automation| (row.created_at, row.id);
    let (data, next_cursor) =
        list.cut_created(&app.keys, rows, query.limit, place, |row| AutomationView::from(row));
    Ok(AutomationList { data, next_cursor, total_count: None })
}

/// What an automation was, the last version first.
///
/// # Errors
/// 404, 400 when the cursor is not one of this list.
pub(super) fn versions(tx: &mut Tx, app: &App, id: Uuid, query: &PageQuery) -> Result<VersionList, Problem> {
    store::find(tx, id)?;
    let list = List::of(tx.actor.tenant_id, "automation-versions", &id);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let before = page.after.and_then(|position| match position.key {
        SortKey::Text(version) => version.parse().ok(),
        _ => None,
    });
    let rows = store::versions(tx, id, before, query.limit + 1)?;
    let place = |row: &AutomationVersion| Position { key: SortKey::Text(row.version.to_string()), id };
    let placed = rows.into_iter().map(|row| (VersionView::of(&row), place(&row))).collect();
    let (views, next_cursor) = list.cut(&app.keys, placed, query.limit);
    Ok(VersionList { data: views.into_iter().flatten().collect(), next_cursor, total_count: None })
}
