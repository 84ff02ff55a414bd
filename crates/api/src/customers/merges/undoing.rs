//! Making two customers of one again.

use fulcrum_persistence::customers::customers::{self, Customer};
use fulcrum_persistence::customers::duplicates;
use fulcrum_persistence::customers::merges::{self as store, Merge, Moved};
use fulcrum_persistence::{Json, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use super::merging::{find_contacts_by, hold_both, touched};
use crate::customers::completeness::measuring::look_at_contacts;
use crate::customers::customers::input::CustomerInput;
use crate::customers::customers::service::Customers;
use crate::customers::duplicates::service::decide;
use crate::customers::duplicates::views::DuplicateState;
use crate::http::body::judge;
use crate::http::catalog::Code;
use crate::http::contract::Contract;
use crate::http::problem::Problem;
use crate::records::{self, Resource};

/// Undoes a merge: the customer that went is there again with its fields and with what came from it and still belongs to the other one.
/// The other one gets back the fields that the merge changed and nobody has changed since; what was added to it since stays with it.
///
/// # Errors
/// 404, 409 when it can't be undone now.
pub fn undo(tx: &mut Tx, contract: &Contract, id: Uuid) -> Result<Merge, Problem> {
    let found = store::find(tx, id)?;
    let (survivor, merged) = hold_both(tx, found.survivor_id, found.merged_id)?;
    let merge = store::lock(tx, id)?;
    let no = |reason: &str| Err(Problem::new(Code::MergeUndone).with("reason", reason));
    if merge.undone_at.is_some() {
        return no("undone_already");
    }
    if survivor.deleted_at.is_some() {
        return no("survivor_is_deleted");
    }
    let moved: Moved = merge.moved.read().unwrap_or_default();
    let wanted = before_again(&merge, &json!(Customers::input_of(&survivor)));
    let region = tx.actor.region.clone();
    let input: CustomerInput = judge(contract, &region, &wanted)?;
    records::change_directly::<Customers>(tx, &survivor, input)?;
    store::move_all(tx, survivor.id, merged.id, Some(&moved))?;
    let own = Customer { merged_into_id: None, ..merged.clone() };
    customers::replace(tx, &merged, &own)?;
    let back = Customers::set_deleted(tx, &own, false)?;
    let ids: Json = back.external_ids.clone();
    records::replace_external_ids::<Customers>(tx, back.id, &Json::empty_list(), &ids)?;
    records::note_with::<Customers>(
        tx,
        "restored",
        &back,
        json!({ "merged_into_id": { "from": survivor.id, "to": null } }),
    )?;
    let after = customers::lock(tx, survivor.id)?;
    let after = if after.version == survivor.version { touched(tx, after)? } else { after };
    records::note_with::<Customers>(
        tx,
        "unmerged",
        &after,
        json!({ "merged_id": { "from": merged.id, "to": null } }),
    )?;
    for customer_id in [survivor.id, merged.id] {
        find_contacts_by(tx, customer_id)?;
        look_at_contacts(tx, customer_id)?;
    }
    open_pair_again(tx, survivor.id, merged.id)?;
    let undone = Merge {
        undone_by_type: Some(tx.actor.principal_type().to_owned()),
        undone_by_id: tx.actor.principal_id(),
        undone_at: Some(tx.now),
        ..merge
    };
    store::replace(tx, &undone)?;
    Ok(undone)
}

/// The fields of the customer that stayed without what the merge brought: each that is as the merge left it is as it was before, and of
/// lists what came over goes.
fn before_again(merge: &Merge, now: &Value) -> Value {
    let read = |stored: &Json| stored.read::<Value>().unwrap_or_default();
    let (before, after) = (read(&merge.survivor_before), read(&merge.survivor_after));
    let mut wanted = now.clone();
    let names = now.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    for name in names.filter(|name| *name != "custom") {
        wanted[name] = one_before(&before[name], &after[name], &now[name]);
    }
    let keys: std::collections::BTreeSet<&String> = [&before, &after, now]
        .into_iter()
        .flat_map(|side| side["custom"].as_object().into_iter().flatten().map(|(key, _)| key))
        .collect();
    for key in keys {
        let of = |side: &Value| side["custom"].get(key).cloned().unwrap_or(Value::Null);
        wanted["custom"][key] = one_before(&of(&before), &of(&after), &of(now));
    }
    if let Some(custom) = wanted["custom"].as_object_mut() {
        custom.retain(|_, value| !value.is_null());
    }
    wanted
}

fn one_before(before: &Value, after: &Value, now: &Value) -> Value {
    match (before.as_array(), after.as_array(), now.as_array()) {
        (Some(before), Some(after), Some(now)) => {
            let came = |entry: &Value| after.contains(entry) && !before.contains(entry);
            now.iter().filter(|entry| !came(entry)).cloned().collect()
        }
        _ if now == after => before.clone(),
        _ => now.clone(),
    }
}

fn open_pair_again(tx: &mut Tx, survivor_id: Uuid, merged_id: Uuid) -> Result<(), Problem> {
    for mut pair in duplicates::of_customer(tx, merged_id)? {
        if pair.first_id == survivor_id || pair.second_id == survivor_id {
            decide(tx, &mut pair, DuplicateState::Open);
            pair.version += 1;
            pair.updated_at = tx.now;
            duplicates::replace(tx, &pair)?;
        }
    }
    Ok(())
}
