//! What can happen, and what can be asked about it: for filters of webhooks and for automations.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use fulcrum_domain::access::Permission;
use fulcrum_domain::platform::{Condition, Fault, Field};
use fulcrum_persistence::platform::events::{Event, SUBJECTS};
use fulcrum_persistence::platform::webhooks;
use moka::sync::Cache;
use serde_json::{Map, Value, json};
use utoipa::PartialSchema;

use super::views::EventView;
use crate::access::api_clients::service::ApiClients;
use crate::access::company::service::Company;
use crate::access::departments::service::Departments;
use crate::access::roles::service::Roles;
use crate::access::users::service::Users;
use crate::customers::completeness::service::FieldStandards;
use crate::customers::contacts::service::Contacts;
use crate::customers::custom_fields::service::CustomFields;
use crate::customers::customers::service::Customers;
use crate::customers::duplicates::service::Duplicates;
use crate::customers::tags::service::Tags;
use crate::engagement::activities::service::Activities;
use crate::engagement::tasks::service::Tasks;
use crate::http::catalog::FieldCode;
use crate::http::problem::FieldError;
use crate::platform::automations::service::Automations;
use crate::platform::imports::ImportTemplates;
use crate::platform::webhooks::service::Webhooks;
use crate::records::Resource;

/// Every event.
pub(crate) const ALL: &str = "*";

/// What an entry of `event_types` leaves of the kinds of records.
fn subject_of(event_type: &str) -> &str {
    event_type.split('.').next().unwrap_or_default()
}

/// Everything that there can be events about.
pub(crate) fn subjects() -> impl Iterator<Item = (&'static str, &'static [Permission])> {
    SUBJECTS.iter().flat_map(|(names, permissions)| names.iter().map(|name| (*name, *permissions)))
}

/// The kinds of records that these event types are about.
pub(crate) fn subjects_of(event_types: &[String]) -> Vec<(&'static str, &'static [Permission])> {
    let wanted = |name: &str| event_types.iter().any(|entry| entry == ALL || subject_of(entry) == name);
    subjects().filter(|(name, _)| wanted(name)).collect()
}

/// What happens to records of every kind.
const USUAL: [&str; 4] = ["created", "updated", "deleted", "restored"];

/// What else happens, or happens only, to records of a kind.
fn special(subject: &str) -> &'static [&'static str] {
    match subject {
        "customer" => &["merged", "unmerged"],
        "duplicate" => &["updated"],
        "user" => &["password_changed", "password_reset"],
        "session" => &["opened", "closed", "reuse_detected"],
        "api_client" => &["secret_rotated"],
        "api_key" => &["created", "revoked"],
        "job" => &["retried", "discarded"],
        "operation" => &["cancelled"],
        "import" => &["created", "updated", "started", "finished", "undone"],
        "company" | "field_standard" => &["updated"],
        "webhook" => &["secret_rotated", "disabled"],
        "automation" => &["disabled", "fired"],
        "file" => &["created", "linked", "unlinked", "deleted", "restored"],
        "notification" => &["created", "outbound", "read", "unread", "mailed", "mail_failed"],
        "notification_preference" => &["updated"],
        _ => &[],
    }
}

/// Everything that can happen, apart from `*`.
pub(crate) fn event_types() -> impl Iterator<Item = String> {
    subjects().flat_map(|(subject, _)| {
        let usual: &[&str] = match subject {
            "session"
            | "api_key"
            | "job"
            | "operation"
            | "import"
            | "file"
            | "company"
            | "duplicate"
            | "field_standard"
            | "notification"
            | "notification_preference" => &[],
            _ => &USUAL,
        };
        let verbs = ["*"].iter().chain(usual).chain(special(subject));
        verbs.map(move |verb| format!("{subject}.{verb}")).collect::<Vec<_>>()
    })
}

/// What is wrong with event types at a pointer: something that never happens.
pub(crate) fn unknown(pointer: &str, wanted: &Value) -> Vec<FieldError> {
    let known: Vec<String> = event_types().collect();
    let entries = wanted.as_array().into_iter().flatten().enumerate();
    let wrong = entries.filter(|(_, entry)| {
        entry.as_str().is_some_and(|entry| entry != ALL && !known.iter().any(|known| known == entry))
    });
    wrong
        .map(|(index, _)| {
            FieldError::new(format!("{pointer}/{index}"), FieldCode::NotAllowed)
                .with("allowed", known.join(", "))
        })
        .collect()
}

/// What a filter can ask about: an event. Which fields can have changed is what can be written of the records.
pub(crate) fn fields(event_types: &[String]) -> Field {
    let change = || Field::Object(["from", "to"].map(|side| (side.to_owned(), Field::Any)).into());
    // Of some it follows from something else.
    let mut changed = BTreeMap::from([("department_id".to_owned(), change())]);
    for (subject, _) in subjects_of(event_types) {
        let names = WRITTEN.get(subject).into_iter().flatten();
        changed.extend(names.map(|name| (name.clone(), change())));
    }
    let values = [
        "id",
        "at",
        "type",
        "subject_type",
        "subject_id",
        "customer_id",
        "actor_type",
        "actor_id",
        "request_id",
        "version",
    ];
    let mut fields: BTreeMap<String, Field> = values.map(|name| (name.to_owned(), Field::Value)).into();
    fields.insert("changes".into(), Field::Object(changed));
    Field::Object(fields)
}

/// What can change of each kind of record: the fields as callers write them, and what the events of others name.
static WRITTEN: LazyLock<BTreeMap<&'static str, Vec<String>>> = LazyLock::new(|| {
    let named = |subject, names: &[&str]| (subject, names.iter().map(|name| (*name).to_owned()).collect());
    BTreeMap::from([
        named("api_key", &["client_id", "name"]),
        named("job", &["state"]),
        named("file", &["name", "media_type", "size", "link", "deleted_at"]),
        named(
            "notification",
            &[
                "user_id",
                "kind",
                "title",
                "body",
                "locale",
                "subject_type",
                "subject_id",
                "read_at",
                "mail",
                "reason",
            ],
        ),
        named("notification_preference", &["kinds", "digest_hour"]),
        names_of::<Customers>(),
        names_of::<Contacts>(),
        names_of::<CustomFields>(),
        names_of::<Duplicates>(),
        names_of::<Tags>(),
        names_of::<FieldStandards>(),
        names_of::<Activities>(),
        names_of::<Tasks>(),
        names_of::<Company>(),
        names_of::<Users>(),
        names_of::<Roles>(),
        names_of::<Departments>(),
        names_of::<ApiClients>(),
        names_of::<Webhooks>(),
        names_of::<Automations>(),
        names_of::<ImportTemplates>(),
    ])
});

fn names_of<R: Resource>() -> (&'static str, Vec<String>) {
    let schema = json!(<R::Input as PartialSchema>::schema());
    let names = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
    // Why one was disabled stands in the event, and what an automation did something for.
    let more: &[&str] = match R::SUBJECT {
        webhooks::SUBJECT => &["reason"],
        Customers::SUBJECT => &["merged_id", "merged_into_id"],
        Automations::SUBJECT => &["reason", "run_id", "event_id", "record_type", "record_id"],
        _ => &[],
    };
    (R::SUBJECT, names.chain(more.iter().map(|name| (*name).to_owned())).collect())
}

/// Whether an event of this type is among them, whatever the filter says.
pub(crate) fn is_selected(event_types: &[String], event_type: &str) -> bool {
    event_types.iter().any(|entry| {
        entry == ALL
            || entry == event_type
            || entry.strip_suffix(".*").is_some_and(|subject| subject == subject_of(event_type))
    })
}

pub(crate) fn asked_about(event: &Event) -> Map<String, Value> {
    match json!(EventView::from(event.clone())) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Reads a condition, and says what is wrong with it at a pointer, with line and column.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn check_condition(pointer: &str, text: &str, about: &Field) -> Result<(), Vec<FieldError>> {
    Condition::parse(text, about).map(|_| ()).map_err(|errors| {
        let named = errors.into_iter().map(|error| {
            FieldError::new(pointer, FieldCode::Condition)
                .with("line", error.line)
                .with("column", error.column)
                .with("reason", error.fault.to_string())
        });
        named.collect()
    })
}

/// Conditions that were read, by what they were read of: reading one takes longer than asking it a hundred times.
static READ: LazyLock<Cache<String, Arc<Condition>>> = LazyLock::new(|| Cache::new(1000));

/// Why a stored condition can't be read.
pub(crate) enum Unreadable {
    /// What it names has gone.
    Wrong,
    /// It can't be read now.
    Busy,
}

/// Reads a stored condition. `about` tells apart what conditions can be about.
///
/// # Errors
/// [`Unreadable`].
pub(crate) fn read(
    about: &str,
    text: &str,
    fields: impl FnOnce() -> Field,
) -> Result<Arc<Condition>, Unreadable> {
    let key = format!("{about} {text}");
    if let Some(known) = READ.get(&key) {
        return Ok(known);
    }
    match Condition::parse(text, &fields()) {
        Ok(condition) => {
            let condition = Arc::new(condition);
            READ.insert(key, condition.clone());
            Ok(condition)
        }
        Err(errors) if errors.iter().any(|error| error.fault == Fault::Busy) => Err(Unreadable::Busy),
        Err(_) => Err(Unreadable::Wrong),
    }
}
