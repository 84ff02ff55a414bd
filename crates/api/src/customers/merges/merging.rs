//! Making one of two customers.

use fulcrum_domain::customers::custom_fields::CustomFieldObject;
use fulcrum_domain::values::text::clean_text;
use fulcrum_persistence::customers::customers::{self, Customer};
use fulcrum_persistence::customers::duplicates::{self, Pair, in_order};
use fulcrum_persistence::customers::merges::{self as store, Merge};
use fulcrum_persistence::platform::search;
use fulcrum_persistence::{Json, StoreError, Tx};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::views::{MergeRequest, MergeSide};
use crate::customers::completeness::measuring::look_at_contacts;
use crate::customers::custom_fields::values::Fields;
use crate::customers::customers::input::CustomerInput;
use crate::customers::customers::service::Customers;
use crate::customers::duplicates::service::decide;
use crate::customers::duplicates::views::{DuplicateOrigin, DuplicateState};
use crate::http::body::judge;
use crate::http::catalog::{Code, FieldCode};
use crate::http::contract::Contract;
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::records::{self, Resource};

/// Lists whose entries are put together, and how many they have at most.
const TOGETHER: [(&str, usize); 3] = [("tags", 50), ("pain_points", 50), ("external_ids", 20)];

/// Makes a customer part of another one: what belongs to it goes over, all of it in this transaction.
///
/// # Errors
/// 404, 409 when they can't be merged, 412, 422 for a field that there isn't, or what the rules say of what comes out.
pub fn merge(
    tx: &mut Tx,
    contract: &Contract,
    survivor_id: Uuid,
    if_match: &IfMatch,
    request: &MergeRequest,
) -> Result<Merge, Problem> {
    let (survivor, merged) = hold_both(tx, survivor_id, request.merged_id)?;
    if_match.check(survivor.version)?;
    fit_together(&survivor, &merged)?;
    let (before, other) = (json!(Customers::input_of(&survivor)), json!(Customers::input_of(&merged)));
    let wanted = put_together(tx, &before, &other, request)?;
    // First it gives up what there can be one of, then the other one gets it.
    let gone = Customers::set_deleted(tx, &merged, true)?;
    let gone = Customer { merged_into_id: Some(survivor.id), ..gone };
    let freed = Customer { external_ids: Json::empty_list(), ..gone.clone() };
    records::replace_external_ids::<Customers>(tx, gone.id, &merged.external_ids, &freed.external_ids)?;
    customers::replace(tx, &gone, &gone)?;
    let moved = store::move_all(tx, merged.id, survivor.id, None)?;
    let told = json!({ "merged_into_id": { "from": null, "to": survivor.id } });
    records::note_with::<Customers>(tx, "deleted", &gone, told)?;
    let region = tx.actor.region.clone();
    let input: CustomerInput = judge(contract, &region, &wanted)?;
    records::change_directly::<Customers>(tx, &survivor, input)?;
    // Its own version, whether its fields have changed or not: what belongs to it has.
    let after = customers::lock(tx, survivor.id)?;
    let after = if after.version == survivor.version { touched(tx, after)? } else { after };
    records::note_with::<Customers>(
        tx,
        "merged",
        &after,
        json!({ "merged_id": { "from": null, "to": merged.id } }),
    )?;
    find_contacts_by(tx, survivor.id)?;
    look_at_contacts(tx, survivor.id)?;
    settle_pairs(tx, survivor.id, merged.id)?;
    let row = Merge {
        tenant_id: tx.actor.tenant_id,
        id: Uuid::now_v7(),
        survivor_id,
        merged_id: merged.id,
        survivor_before: Json::of(&before),
        survivor_after: Json::of(&Customers::input_of(&after)),
        merged_before: Json::of(&other),
        moved: Json::of(&moved),
        note: request.note.as_deref().map(clean_text).filter(|text| !text.is_empty()),
        merged_by_type: tx.actor.principal_type().to_owned(),
        merged_by_id: tx.actor.principal_id(),
        undone_by_type: None,
        undone_by_id: None,
        undone_at: None,
        created_at: tx.now,
    };
    store::insert(tx, &row)?;
    Ok(row)
}

/// Both, held, in one order for everybody.
pub(super) fn hold_both(tx: &mut Tx, one: Uuid, other: Uuid) -> Result<(Customer, Customer), Problem> {
    let not_found = |error| match error {
        StoreError::NotFound => Problem::field("/merged_id", FieldCode::NotFound),
        error => error.into(),
    };
    // What isn't there for the actor comes first.
    customers::find(tx, one)?;
    if one == other {
        return Err(Problem::field("/merged_id", FieldCode::Duplicate));
    }
    if one < other {
        let one = customers::lock(tx, one)?;
        Ok((one, customers::lock(tx, other).map_err(not_found)?))
    } else {
        let other = customers::lock(tx, other).map_err(not_found)?;
        Ok((customers::lock(tx, one)?, other))
    }
}

fn fit_together(survivor: &Customer, merged: &Customer) -> Result<(), Problem> {
    let no = |reason: &str| Err(Problem::new(Code::NotToBeMerged).with("reason", reason));
    if survivor.deleted_at.is_some() {
        return Err(Problem::deleted(survivor.id));
    }
    if merged.deleted_at.is_some() {
        return no("merged_is_deleted");
    }
    if survivor.kind != merged.kind {
        return no("different_kinds");
    }
    Ok(())
}

/// The fields of the customer that is left.
fn put_together(
    tx: &mut Tx,
    before: &Value,
    other: &Value,
    request: &MergeRequest,
) -> Result<Value, Problem> {
    let fields = Fields::of(tx, CustomFieldObject::Customer)?;
    let mut wanted = before.clone();
    let unknown: Vec<_> = request
        .fields
        .0
        .keys()
        .filter(|name| match name.strip_prefix("custom.") {
            Some(key) => !fields.live().any(|field| field.key == key),
            None => before.get(name.as_str()).is_none(),
        })
        .map(|name| {
            let pointer = name.replace('~', "~0").replace('/', "~1");
            crate::http::problem::FieldError::new(format!("/fields/{pointer}"), FieldCode::UnknownField)
        })
        .collect();
    if !unknown.is_empty() {
        return Err(Problem::invalid(unknown));
    }
    let choice = |name: &str| request.fields.0.get(name).copied();
    for (name, value) in other.as_object().into_iter().flatten() {
        if name == "custom"
            || name == "kind"
            || TOGETHER.iter().any(|(list, _)| list == name) && choice(name).is_none()
        {
            continue;
        }
        let fills = choice(name).is_none() && is_empty(&before[name]) && name != "owner_id" && name != "vip";
        if choice(name) == Some(MergeSide::Merged) || fills {
            wanted[name] = value.clone();
        }
    }
    let empty = Map::new();
    for (key, value) in other["custom"].as_object().unwrap_or(&empty) {
        let name = format!("custom.{key}");
        let live = fields.live().any(|field| field.key == *key);
        let fills = choice(&name).is_none() && live && before["custom"].get(key).is_none();
        if choice(&name) == Some(MergeSide::Merged) || fills {
            wanted["custom"][key] = value.clone();
        }
    }
    for (name, _) in request.fields.0.iter().filter(|(_, side)| **side == MergeSide::Merged) {
        // Its value is that there is none.
        if let Some(key) = name.strip_prefix("custom.")
            && other["custom"].get(key).is_none()
            && let Some(custom) = wanted["custom"].as_object_mut()
        {
            custom.remove(key);
        }
    }
    for (name, most) in TOGETHER.into_iter().filter(|(name, _)| choice(name).is_none()) {
        let mut list = before[name].as_array().cloned().unwrap_or_default();
        for entry in other[name].as_array().into_iter().flatten() {
            if !list.contains(entry) && list.len() < most {
                list.push(entry.clone());
            }
        }
        wanted[name] = json!(list);
    }
    Ok(wanted)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

/// The next version of a customer whose own fields stay.
pub(super) fn touched(tx: &mut Tx, row: Customer) -> Result<Customer, Problem> {
    let after = Customer { version: row.version + 1, updated_at: tx.now, ..row.clone() };
    customers::replace(tx, &row, &after)?;
    Ok(after)
}

/// What came over is found by, and with its new customer.
pub(super) fn find_contacts_by(tx: &mut Tx, customer_id: Uuid) -> Result<(), Problem> {
    let row = customers::find(tx, customer_id)?;
    search::remove_all(tx, customer_id)?;
    customers::find_by_all_terms(tx, std::slice::from_ref(&row))?;
    fulcrum_persistence::customers::contacts::set_findable(tx, customer_id, true)?;
    Ok(())
}

/// The pair of both is decided; what else the one that went may have been the same as, the other one may be now.
fn settle_pairs(tx: &mut Tx, survivor_id: Uuid, merged_id: Uuid) -> Result<(), Problem> {
    let mut new = Vec::new();
    for mut pair in duplicates::of_customer(tx, merged_id)? {
        let third = if pair.first_id == merged_id { pair.second_id } else { pair.first_id };
        if third == survivor_id {
            decide(tx, &mut pair, DuplicateState::Merged);
            pair.version += 1;
            pair.updated_at = tx.now;
            duplicates::replace(tx, &pair)?;
        } else if pair.state == DuplicateState::Open.to_string() {
            let (first_id, second_id) = in_order(survivor_id, third);
            new.push(Pair {
                id: Uuid::now_v7(),
                first_id,
                second_id,
                origin: DuplicateOrigin::Merge.to_string(),
                version: 1,
                created_at: tx.now,
                updated_at: tx.now,
                ..pair
            });
        }
    }
    duplicates::note(tx, &new)?;
    Ok(())
}
