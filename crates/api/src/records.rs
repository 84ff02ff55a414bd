//! What all records have in common: created, changed by merge patch, deleted softly, restored, each with a version
//! and an event. A resource says what it is made of; the conventions live here, once.

use chrono::{DateTime, Utc};
use fulcrum_domain::access::{Actor, Permission};
use fulcrum_persistence::platform::events::{self, NewEvent};
use fulcrum_persistence::platform::external_ids::{self, ExternalId};
use fulcrum_persistence::{Json, StoreError, Tx};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::http::answer::Answer;
use crate::http::body::{Input, judge};
use crate::http::catalog::{Code, FieldCode};
use crate::http::contract::Contract;
use crate::http::precondition::IfMatch;
use crate::http::problem::{FieldError, Problem};

/// A kind of record. Functions get the transaction; none of them commits anything.
pub trait Resource: 'static {
    /// The stored row.
    type Row: Clone;
    /// What callers send.
    type Input: Input + Serialize;
    /// What callers get.
    type View: Serialize;

    /// The word in events, such as `customer`.
    const SUBJECT: &'static str;
    /// The path segment, such as `customers`.
    const COLLECTION: &'static str;
    /// Needed to delete and restore.
    const DELETE: Permission;
    /// Fields whose values events don't tell: who may read of a record's changes may not know them.
    const UNTOLD: &'static [&'static str] = &[];

    /// The writable part of a row.
    fn input_of(row: &Self::Row) -> Self::Input;
    /// The row as callers get it.
    fn view(row: &Self::Row) -> Self::View;
    /// What the conventions need to know of a row.
    fn stamp(row: &Self::Row) -> Stamp;
    /// One row that the actor may see, deleted or not.
    fn find(tx: &mut Tx, id: Uuid) -> Result<Self::Row, Problem>;
    /// The same, held until the transaction ends.
    fn lock(tx: &mut Tx, id: Uuid) -> Result<Self::Row, Problem>;
    /// Stores a new row.
    fn insert(tx: &mut Tx, input: Self::Input) -> Result<Self::Row, Problem>;
    /// Stores a changed row with the next version.
    fn change(tx: &mut Tx, before: &Self::Row, input: Self::Input) -> Result<Self::Row, Problem>;
    /// Stores whether the row is deleted, with the next version.
    fn set_deleted(tx: &mut Tx, before: &Self::Row, deleted: bool) -> Result<Self::Row, Problem>;
}

/// What the conventions need to know of a row.
pub struct Stamp {
    /// Id.
    pub id: Uuid,
    /// Version.
    pub version: i32,
    /// Whether it is deleted.
    pub deleted: bool,
    /// The customer that it concerns.
    pub customer_id: Option<Uuid>,
    /// The department that decides who sees it, where it follows from something else.
    pub department_id: Option<Uuid>,
}

impl Stamp {
    /// Of a record that belongs to no customer and names its department, if it has one, among its fields.
    pub fn of(id: Uuid, version: i32, deleted_at: Option<DateTime<Utc>>) -> Stamp {
        Stamp { id, version, deleted: deleted_at.is_some(), customer_id: None, department_id: None }
    }
}

/// One record, deleted or not.
///
/// # Errors
/// 404.
pub fn find<R: Resource>(tx: &mut Tx, id: Uuid) -> Result<R::Row, Problem> {
    R::find(tx, id)
}

/// Creates a record.
///
/// # Errors
/// What the resource's rules say.
pub fn create<R: Resource>(tx: &mut Tx, input: R::Input) -> Result<R::Row, Problem> {
    let row = R::insert(tx, input)?;
    events::append(tx, created_event::<R>(&row))?;
    Ok(row)
}

/// What the log says of a new record.
pub(crate) fn created_event<R: Resource>(row: &R::Row) -> NewEvent<'static> {
    event::<R>("created", row, told::<R>(created_fields(&R::input_of(row))))
}

/// Changes a record by a merge patch (RFC 7396). The result has to be as right as a new record would.
///
/// # Errors
/// 404, 409 when it is deleted, 412, or what the resource's rules say.
pub fn update<R: Resource>(
    tx: &mut Tx,
    contract: &Contract,
    id: Uuid,
    if_match: &IfMatch,
    patch: &Value,
) -> Result<R::Row, Problem> {
    let before = R::lock(tx, id)?;
    update_locked::<R>(tx, contract, before, if_match, patch)
}

fn update_locked<R: Resource>(
    tx: &mut Tx,
    contract: &Contract,
    before: R::Row,
    if_match: &IfMatch,
    patch: &Value,
) -> Result<R::Row, Problem> {
    let stamp = R::stamp(&before);
    if_match.check(stamp.version)?;
    if stamp.deleted {
        return Err(Problem::deleted(stamp.id));
    }
    let old = without_nulls(json!(R::input_of(&before)));
    let input = patched::<R::Input>(tx, contract, &old, patch)?;
    let after = R::change(tx, &before, input)?;
    let changes = changes_of::<R>(&before, &old, &after);
    // A patch that changes nothing leaves no trace: no version, no event.
    if R::stamp(&after).version != stamp.version {
        record::<R>(tx, "updated", &after, changes)?;
    }
    Ok(after)
}

/// What comes of a merge patch on what there is: it has to be as right as if it were new.
///
/// # Errors
/// 422 that names every field that is wrong.
pub(crate) fn patched<I: Input>(
    tx: &Tx,
    contract: &Contract,
    old: &Value,
    patch: &Value,
) -> Result<I, Problem> {
    // Merging would let an unknown field that is null disappear without a word.
    let unknown = unknown_fields(contract, &I::name(), patch);
    if !unknown.is_empty() {
        return Err(Problem::invalid(unknown));
    }
    let mut merged = old.clone();
    json_patch::merge(&mut merged, patch);
    judge::<I>(contract, &tx.actor.region, &merged)
}

/// Changes a record that another change has consequences for, with its own version and event.
///
/// # Errors
/// What the resource's rules say.
pub fn change_directly<R: Resource>(tx: &mut Tx, before: &R::Row, input: R::Input) -> Result<(), Problem> {
    let old = without_nulls(json!(R::input_of(before)));
    let after = R::change(tx, before, input)?;
    let changes = changes_of::<R>(before, &old, &after);
    Ok(record::<R>(tx, "updated", &after, changes)?)
}

/// The same for what may turn out to change nothing, which leaves no trace then. Returns the record as it is now.
///
/// # Errors
/// What the resource's rules say.
pub(crate) fn change_and_tell<R: Resource>(
    tx: &mut Tx,
    before: &R::Row,
    input: R::Input,
) -> Result<R::Row, Problem> {
    let old = without_nulls(json!(R::input_of(before)));
    let after = R::change(tx, before, input)?;
    if R::stamp(&after).version != R::stamp(before).version {
        let changes = changes_of::<R>(before, &old, &after);
        record::<R>(tx, "updated", &after, changes)?;
    }
    Ok(after)
}

/// Deletes a record, softly. Deleting it again changes nothing.
///
/// # Errors
/// 404, 412, or what the resource's rules say.
pub fn delete<R: Resource>(tx: &mut Tx, id: Uuid, if_match: &IfMatch) -> Result<(), Problem> {
    let before = R::lock(tx, id)?;
    if_match.check(R::stamp(&before).version)?;
    if !R::stamp(&before).deleted {
        let after = R::set_deleted(tx, &before, true)?;
        record::<R>(tx, "deleted", &after, json!({}))?;
    }
    Ok(())
}

/// Brings a deleted record back. Restoring one that isn't deleted changes nothing.
///
/// # Errors
/// 404, 412, or what the resource's rules say.
pub fn restore<R: Resource>(tx: &mut Tx, id: Uuid, if_match: &IfMatch) -> Result<R::Row, Problem> {
    let before = R::lock(tx, id)?;
    if_match.check(R::stamp(&before).version)?;
    if !R::stamp(&before).deleted {
        return Ok(before);
    }
    let after = R::set_deleted(tx, &before, false)?;
    record::<R>(tx, "restored", &after, json!({}))?;
    Ok(after)
}

/// How an upsert is asked for.
pub struct Upsert<'a> {
    /// The id in the other system.
    pub external_id: ExternalId,
    /// `If-None-Match: *`
    pub create_only: bool,
    /// `If-Match`, for a record that exists.
    pub if_match: &'a IfMatch,
    /// The body.
    pub body: &'a Value,
}

/// Creates the record that another system knows by an id, or changes it: fields that the body leaves out keep
/// their values, so that an ERP doesn't clear what sales filled in. Returns whether it was created.
///
/// # Errors
/// 409 when the id belongs to a record that is deleted or not visible, 412, or what the resource's rules say.
pub fn upsert<R: Resource>(
    tx: &mut Tx,
    contract: &Contract,
    upsert: &Upsert,
) -> Result<(R::Row, bool), Problem> {
    external_ids::lock(tx, R::SUBJECT, &upsert.external_id)?;
    match external_ids::find(tx, R::SUBJECT, &upsert.external_id)? {
        Some(id) => {
            let before = match R::lock(tx, id) {
                Err(problem) if problem.code == Code::NotFound => {
                    return Err(Problem::taken("external_id", None));
                }
                found => found?,
            };
            if upsert.create_only {
                return Err(Problem::new(Code::ExistsAlready).member("existing_id", json!(id)));
            }
            let mut patch = upsert.body.clone();
            keep_external_id(&mut patch, &upsert.external_id);
            Ok((update_locked::<R>(tx, contract, before, upsert.if_match, &patch)?, false))
        }
        None if upsert.if_match.is_given() => Err(Problem::new(Code::NothingToMatch)),
        None => {
            let mut body = upsert.body.clone();
            with_external_id(&mut body, &upsert.external_id);
            let input = judge::<R::Input>(contract, &tx.actor.region.clone(), &body)?;
            Ok((create::<R>(tx, input)?, true))
        }
    }
}

/// A body that lists the external ids anew keeps the one that it was sent to.
fn keep_external_id(patch: &mut Value, id: &ExternalId) {
    if let Some(ids) = patch.get_mut("external_ids") {
        if ids.is_null() {
            *ids = json!([]);
        }
        with_external_id(patch, id);
    }
}

/// Names the record that has one of the external ids already, if the actor may see it. The key in the table has the
/// last word.
///
/// # Errors
/// 409.
fn external_ids_are_free<R: Resource>(tx: &mut Tx, own: Uuid, ids: &[ExternalId]) -> Result<(), Problem> {
    if let Some(other) = external_ids::taken_by(tx, R::SUBJECT, own, ids)? {
        let visible = R::find(tx, other).is_ok();
        return Err(Problem::taken("external_ids", visible.then_some(other)));
    }
    Ok(())
}

/// Notes the external ids of a record that was just stored.
///
/// # Errors
/// 409 when another record has one of them.
pub fn replace_external_ids<R: Resource>(
    tx: &mut Tx,
    id: Uuid,
    before: &Json,
    after: &Json,
) -> Result<(), Problem> {
    let read = |stored: &Json| stored.read::<Vec<ExternalId>>().unwrap_or_default();
    let (before, after) = (read(before), read(after));
    let new: Vec<ExternalId> = after.iter().filter(|id| !before.contains(id)).cloned().collect();
    external_ids_are_free::<R>(tx, id, &new)?;
    Ok(external_ids::replace(tx, R::SUBJECT, id, &before, &after)?)
}

fn with_external_id(body: &mut Value, id: &ExternalId) {
    if let Some(object) = body.as_object_mut() {
        let ids = object.entry("external_ids").or_insert_with(|| json!([]));
        if let Some(list) = ids.as_array_mut()
            && !list.contains(&json!(id))
        {
            list.push(json!(id));
        }
    }
}

/// The answer that shows a record as it is now.
///
/// # Errors
/// An internal problem when the view can't be written as JSON.
pub fn shown<R: Resource>(row: &R::Row) -> Result<Answer, Problem> {
    Ok(Answer::ok(&R::view(row))?.version(R::stamp(row).version))
}

/// The answer to a request that created a record.
///
/// # Errors
/// An internal problem when the view can't be written as JSON.
pub fn created<R: Resource>(row: &R::Row) -> Result<Answer, Problem> {
    let stamp = R::stamp(row);
    Ok(Answer::created(R::COLLECTION, stamp.id, &R::view(row))?.version(stamp.version))
}

/// Refuses what the actor has no permission for, inside of a use case.
///
/// # Errors
/// 403 that names the permission.
pub fn require(actor: &Actor, permission: Permission) -> Result<(), Problem> {
    if actor.may(permission) { Ok(()) } else { Err(Problem::forbidden(permission)) }
}

/// Notes something that happened to a record and changed none of its fields.
///
/// # Errors
/// Those of the database.
pub fn note<R: Resource>(tx: &mut Tx, what: &str, row: &R::Row) -> Result<(), Problem> {
    Ok(record::<R>(tx, what, row, json!({}))?)
}

/// Notes something that happened to a record, and what it meant for it.
///
/// # Errors
/// Those of the database.
pub(crate) fn note_with<R: Resource>(
    tx: &mut Tx,
    what: &str,
    row: &R::Row,
    changes: Value,
) -> Result<(), Problem> {
    Ok(record::<R>(tx, what, row, changes)?)
}

fn record<R: Resource>(tx: &mut Tx, what: &str, row: &R::Row, changes: Value) -> Result<(), StoreError> {
    events::append(tx, event::<R>(what, row, changes))
}

fn event<R: Resource>(what: &str, row: &R::Row, changes: Value) -> NewEvent<'static> {
    let stamp = R::stamp(row);
    NewEvent {
        kind: format!("{}.{what}", R::SUBJECT),
        subject_type: R::SUBJECT,
        subject_id: stamp.id,
        customer_id: stamp.customer_id,
        version: Some(stamp.version),
        changes,
    }
}

fn unknown_fields(contract: &Contract, schema: &str, patch: &Value) -> Vec<FieldError> {
    let mut with_nulls_only = patch.clone();
    keep_nulls(&mut with_nulls_only);
    let errors = contract.errors(&crate::http::document::patch_name(schema), &with_nulls_only);
    errors.into_iter().filter(|error| error.code == FieldCode::UnknownField).collect()
}

/// Leaves of an object only what clears something: everything else is judged after merging, with all other errors.
fn keep_nulls(value: &mut Value) {
    if let Some(object) = value.as_object_mut() {
        object.values_mut().for_each(keep_nulls);
        object.retain(|_, field| field.is_null() || field.as_object().is_some_and(|inner| !inner.is_empty()));
    }
}

/// What a change did to the fields of a record, and to its department where that follows from them.
fn changes_of<R: Resource>(before: &R::Row, old: &Value, after: &R::Row) -> Value {
    let mut changes = changed_fields(old, &without_nulls(json!(R::input_of(after))));
    let (from, to) = (R::stamp(before).department_id, R::stamp(after).department_id);
    if from != to {
        changes["department_id"] = json!({ "from": from, "to": to });
    }
    told::<R>(changes)
}

/// That a field changed is told, what it was and is may not be.
fn told<R: Resource>(mut changes: Value) -> Value {
    for name in R::UNTOLD {
        if let Some(change) = changes.get_mut(*name) {
            *change = json!({ "from": null, "to": null });
        }
    }
    changes
}

fn created_fields(input: &impl Serialize) -> Value {
    let fields = without_nulls(json!(input));
    let fields = fields.as_object().into_iter().flatten();
    Value::Object(fields.map(|(name, value)| (name.clone(), json!({ "from": null, "to": value }))).collect())
}

/// What became of each field that differs.
pub(crate) fn changed_fields(before: &Value, after: &Value) -> Value {
    let empty = Map::new();
    let (old, new) = (before.as_object().unwrap_or(&empty), after.as_object().unwrap_or(&empty));
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    let changed = names.filter(|name| old.get(*name) != new.get(*name));
    let told = changed.map(|name| {
        let (from, to) = (old.get(name), new.get(name));
        let change = match (name.as_str(), from.and_then(Value::as_object), to.and_then(Value::as_object)) {
            // A company can have hundreds of fields of its own: those that are as they were are left out.
            ("custom", Some(from), Some(to)) => {
                json!({ "from": differing(from, to), "to": differing(to, from) })
            }
            _ => json!({ "from": from, "to": to }),
        };
        (name.clone(), change)
    });
    Value::Object(told.collect())
}

fn differing(one: &Map<String, Value>, other: &Map<String, Value>) -> Value {
    let different = one.iter().filter(|(name, value)| other.get(*name) != Some(value));
    Value::Object(different.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// A merge patch can't tell null from absent, and neither can what it is applied to.
pub(crate) fn without_nulls(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, field| !field.is_null());
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::{changed_fields, keep_nulls, without_nulls};

    /// Values as records have them: nested objects, lists, no nulls.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from)
        ];
        leaf.prop_recursive(2, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-d]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn record() -> impl Strategy<Value = Value> {
        prop::collection::btree_map("[a-e]", value(), 0..5)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    /// The merge patch that makes `to` of `from` (RFC 7396, section 2, read backwards).
    fn patch_between(from: &Value, to: &Value) -> Value {
        let (Some(old), Some(new)) = (from.as_object(), to.as_object()) else { return to.clone() };
        let gone = old.keys().filter(|name| !new.contains_key(*name)).map(|name| (name.clone(), Value::Null));
        let set = new.iter().filter(|(name, value)| old.get(*name) != Some(value)).map(|(name, value)| {
            (name.clone(), old.get(name).map_or(value.clone(), |before| patch_between(before, value)))
        });
        Value::Object(gone.chain(set).collect())
    }

    proptest! {
        #[test]
        fn a_merge_patch_leads_from_any_record_to_any_other(from in record(), to in record()) {
            let mut merged = from.clone();
            json_patch::merge(&mut merged, &patch_between(&from, &to));
            prop_assert_eq!(&merged, &to);
            let once = merged.clone();
            json_patch::merge(&mut merged, &patch_between(&from, &to));
            prop_assert_eq!(merged, once, "merging twice is merging once");
        }

        #[test]
        fn the_changes_of_an_event_lead_there_and_back(from in record(), to in record()) {
            let changes = changed_fields(&from, &to);
            let side = |side: &str| -> Value {
                Value::Object(changes.as_object().unwrap().iter().map(|(name, change)| (name.clone(), change[side].clone())).collect::<Map<_, _>>())
            };
            let replaced = |mut record: Value, fields: Value| {
                record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
                without_nulls(record)
            };
            prop_assert_eq!(replaced(from.clone(), side("to")), to.clone());
            prop_assert_eq!(replaced(to, side("from")), from);
        }

        #[test]
        fn what_is_kept_of_a_patch_clears_and_sets_nothing(patch in record()) {
            let mut kept = patch;
            keep_nulls(&mut kept);
            prop_assert_eq!(kept, json!({}));
        }
    }
}
