//! Which fields of a customer's file are filled in.

use std::collections::BTreeSet;

use fulcrum_domain::customers::CustomerKind;
use fulcrum_domain::customers::completeness::Completeness;
use fulcrum_domain::customers::custom_fields::CustomFieldObject;
use fulcrum_persistence::customers::contacts::Contact;
use fulcrum_persistence::customers::customers::Customer;
use fulcrum_persistence::customers::field_standards::{self as store, Measured};
use fulcrum_persistence::customers::{contacts, customers};
use fulcrum_persistence::{StoreError, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::customers::contacts::service::input_of as contact_input;
use crate::customers::custom_fields::values::Fields;
use crate::customers::customers::service::input_of as customer_input;

/// Sets how complete a customer's file is. What its contacts bring along is taken from `known`; `None` leaves it as it was.
pub(crate) fn measure(fields: &Fields, row: &mut Customer, known: Option<&BTreeSet<String>>) {
    let kind: CustomerKind = row.kind.parse().unwrap_or(CustomerKind::Company);
    let own = filled(&json!(customer_input(row)), "");
    let is_there = |name: &str| match (of_contacts(name), known) {
        (true, Some(known)) => known.contains(name),
        (true, None) => !row.missing.iter().any(|missing| missing == name),
        (false, _) => own.contains(name),
    };
    let found = Completeness::of(fields.rules(kind), is_there);
    row.completeness = found.percent;
    row.missing = found.missing;
}

/// Whether a rule is about the contacts of a customer.
fn of_contacts(name: &str) -> bool {
    name == "contact" || name.starts_with("contact.")
}

/// What some contacts have, as rules name it.
pub(crate) fn of_people<'c>(people: impl Iterator<Item = &'c Contact>) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for person in people.filter(|person| person.deleted_at.is_none()) {
        known.insert("contact".to_owned());
        known.extend(filled(&json!(contact_input(person)), "contact."));
    }
    known
}

/// The fields with something in them, a prefix before each.
fn filled(record: &Value, prefix: &str) -> BTreeSet<String> {
    let says_something = |value: &Value| match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(members) => members.values().any(|member| !member.is_null()),
        _ => true,
    };
    let fields = record.as_object().into_iter().flatten();
    let own = record["custom"].as_object().into_iter().flatten();
    let own = own.filter(|(_, value)| !value.is_null()).map(|(key, _)| format!("{prefix}custom.{key}"));
    let standard =
        fields.filter(|(_, value)| says_something(value)).map(|(name, _)| format!("{prefix}{name}"));
    standard.chain(own).collect()
}

/// Looks anew at what the contacts of a customer bring along, after one of them has changed; the customer is held.
///
/// # Errors
/// Those of the database.
pub(crate) fn look_at_contacts(tx: &mut Tx, customer_id: Uuid) -> Result<(), StoreError> {
    let fields = Fields::of(tx, CustomFieldObject::Customer)?;
    let customer = customers::find_all(tx, &[customer_id])?;
    let Some(before) = customer.into_iter().next() else { return Ok(()) };
    let kind: CustomerKind = before.kind.parse().unwrap_or(CustomerKind::Company);
    if !fields.rules(kind).any(|rule| of_contacts(&rule.field)) {
        return Ok(());
    }
    let people = contacts::of_customers(tx, &[customer_id], 200)?;
    let mut after = before.clone();
    measure(&fields, &mut after, Some(&of_people(people.iter())));
    if (before.completeness, &before.missing) == (after.completeness, &after.missing) {
        return Ok(());
    }
    store::note(tx, &[measured(&after)])
}

pub(crate) fn measured(row: &Customer) -> Measured {
    Measured { id: row.id, completeness: row.completeness, missing: row.missing.clone() }
}
