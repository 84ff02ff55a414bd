//! Which events a webhook wants.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fulcrum_domain::access::Permission;
use fulcrum_domain::platform::{Condition, Field};
use fulcrum_persistence::platform::events::{Event, SUBJECTS};
use fulcrum_persistence::platform::webhooks::Webhook;
use serde_json::{Map, Value, json};
use utoipa::PartialSchema;

use super::service::Webhooks;
use crate::access::api_clients::service::ApiClients;
use crate::access::departments::service::Departments;
use crate::access::roles::service::Roles;
use crate::access::users::service::Users;
use crate::customers::contacts::service::Contacts;
use crate::customers::customers::service::Customers;
use crate::http::catalog::FieldCode;
use crate::http::problem::FieldError;
use crate::platform::events::views::EventView;
use crate::records::Resource;

/// Every event.
const ALL: &str = "*";

/// What an entry of `event_types` leaves of the kinds of records.
fn subject_of(event_type: &str) -> &str {
    event_type.split('.').next().unwrap_or_default()
}

/// Everything that there can be events about.
pub(super) fn subjects() -> impl Iterator<Item = (&'static str, Permission)> {
    SUBJECTS.iter().flat_map(|(names, permission)| names.iter().map(|name| (*name, *permission)))
}

/// The kinds of records that these event types are about.
pub(super) fn subjects_of(event_types: &[String]) -> Vec<(&'static str, Permission)> {
    let wanted = |name: &str| event_types.iter().any(|entry| entry == ALL || subject_of(entry) == name);
    subjects().filter(|(name, _)| wanted(name)).collect()
}

/// What is wrong with event types: a kind of record that there is not.
pub(super) fn unknown(event_types: &Value) -> Vec<FieldError> {
    let known: Vec<&str> = subjects().map(|(name, _)| name).collect();
    let entries = event_types.as_array().into_iter().flatten().enumerate();
    let wrong = entries.filter(|(_, entry)| {
        entry.as_str().is_some_and(|entry| entry != ALL && !known.contains(&subject_of(entry)))
    });
    wrong
        .map(|(index, _)| {
            let allowed: Vec<String> = known.iter().map(|name| format!("{name}.*")).collect();
            FieldError::new(format!("/event_types/{index}"), FieldCode::NotAllowed)
                .with("allowed", allowed.join(", "))
        })
        .collect()
}

/// Reads the filter of a webhook for these event types.
///
/// # Errors
/// What is wrong with it, at `/filter`, with line and column.
pub(super) fn filter(event_types: &[String], filter: &str) -> Result<Condition, Vec<FieldError>> {
    Condition::parse(filter, &fields(event_types)).map_err(|errors| {
        let named = errors.into_iter().map(|error| {
            FieldError::new("/filter", FieldCode::Condition)
                .with("line", error.line)
                .with("column", error.column)
                .with("reason", error.fault.to_string())
        });
        named.collect()
    })
}

/// What a filter can ask about: an event. Which fields can have changed is what can be written of the records.
fn fields(event_types: &[String]) -> Field {
    let change = || Field::Object(["from", "to"].map(|side| (side.to_owned(), Field::Any)).into());
    let mut changed = BTreeMap::from([("department_id".to_owned(), change())]);
    for (subject, _) in subjects_of(event_types) {
        let names = WRITTEN.get(subject).into_iter().flatten().map(String::as_str);
        changed.extend(names.chain(["state", "reason"]).map(|name| (name.to_owned(), change())));
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

/// The fields of each kind of record, as callers write them.
static WRITTEN: LazyLock<BTreeMap<&'static str, Vec<String>>> = LazyLock::new(|| {
    BTreeMap::from([
        names_of::<Customers>(),
        names_of::<Contacts>(),
        names_of::<Users>(),
        names_of::<Roles>(),
        names_of::<Departments>(),
        names_of::<ApiClients>(),
        names_of::<Webhooks>(),
    ])
});

fn names_of<R: Resource>() -> (&'static str, Vec<String>) {
    let schema = json!(<R::Input as PartialSchema>::schema());
    let names = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
    (R::SUBJECT, names.collect())
}

/// Which events a webhook wants, ready to be asked.
pub(super) struct Selection {
    event_types: Vec<String>,
    /// `None` when the filter can't be read any more: then nothing is told rather than everything.
    filter: Option<Option<Condition>>,
}

impl Selection {
    /// Of a webhook.
    pub(super) fn of(webhook: &Webhook) -> Selection {
        let condition = webhook.filter.as_deref().map(|text| filter(&webhook.event_types, text));
        let filter = match condition {
            None => Some(None),
            Some(Ok(condition)) => Some(Some(condition)),
            Some(Err(_)) => {
                tracing::warn!(webhook = %webhook.id, "the filter of a webhook can't be read any more");
                None
            }
        };
        Selection { event_types: webhook.event_types.clone(), filter }
    }

    /// Whether it wants this event. A filter that can't be answered, because the event hasn't what it asks about, doesn't hold.
    pub(super) fn wants(&self, event: &Event) -> bool {
        let by_type = self.event_types.iter().any(|entry| {
            entry == ALL
                || *entry == event.type_
                || entry.strip_suffix(".*").is_some_and(|subject| subject == subject_of(&event.type_))
        });
        by_type
            && match &self.filter {
                None => false,
                Some(None) => true,
                Some(Some(condition)) => condition.holds(&asked_about(event)).unwrap_or(false),
            }
    }
}

fn asked_about(event: &Event) -> Map<String, Value> {
    match json!(EventView::from(event.clone())) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
