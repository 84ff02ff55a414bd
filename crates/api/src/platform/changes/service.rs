//! What the feed tells to whom.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::TimeDelta;
use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_persistence::access::departments;
use fulcrum_persistence::customers::{contacts, customers};
use fulcrum_persistence::paging::{Position, SortKey};
use fulcrum_persistence::platform::changes::{self as store, Place};
use fulcrum_persistence::platform::events::Event;
use fulcrum_persistence::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::views::{ChangeKind, ChangeList, ChangeQuery, ChangeView, ChangedType};
use crate::App;
use crate::customers::contacts::views::ContactView;
use crate::customers::customers::views::CustomerView;
use crate::http::catalog::Code;
use crate::http::cursor::List;
use crate::http::problem::Problem;

/// How long a cursor is good for.
const GOOD_FOR: TimeDelta = TimeDelta::days(30);

/// What a cursor of the feed holds.
#[derive(Serialize, Deserialize)]
struct Kept {
    place: Place,
    /// When it was given, in seconds since 1970.
    since: i64,
    /// What its bearer might see then.
    view: String,
}

/// What changed since the cursor, as far as the caller may see it.
///
/// # Errors
/// 400 when the cursor is not one of this feed; 410 when everything has to be read again.
pub fn page(tx: &mut Tx, app: &App, query: &ChangeQuery) -> Result<ChangeList, Problem> {
    let types = types_of(tx, query);
    let list = List::of(tx.actor.tenant_id, "changes", &types);
    let view = view_of(tx)?;
    let cursor = |tx: &Tx, place| {
        let kept = Kept { place, since: tx.now.timestamp(), view: view.clone() };
        let text = serde_json::to_string(&kept).unwrap_or_default();
        list.cursor(&app.keys, Position { key: SortKey::Text(text), id: Uuid::nil() })
    };
    let kept = match list.page(&app.keys, query.cursor.as_deref(), query.limit)?.after {
        Some(Position { key: SortKey::Text(text), .. }) => serde_json::from_str::<Kept>(&text).ok(),
        _ => None,
    };
    let Some(kept) = kept else {
        let end = store::end(tx)?;
        return Ok(ChangeList { data: vec![], next_cursor: cursor(tx, end), has_more: false });
    };
    let again = || Problem::new(Code::ResyncNeeded);
    if kept.view != view || tx.now.timestamp() - kept.since > GOOD_FOR.num_seconds() {
        return Err(again());
    }
    let words: Vec<&str> = types.iter().map(|kind| kind.into()).collect();
    let read = store::read(tx, kept.place, &words, query.limit as usize)?.ok_or_else(again)?;
    let data = changes(tx, &read.events)?;
    Ok(ChangeList { data, next_cursor: cursor(tx, read.next), has_more: read.more })
}

fn types_of(tx: &Tx, query: &ChangeQuery) -> Vec<ChangedType> {
    let all = [
        (ChangedType::Customer, Permission::CustomersRead),
        (ChangedType::Contact, Permission::ContactsRead),
    ];
    all.into_iter()
        .filter(|(kind, permission)| {
            tx.actor.may(*permission) && (query.types.is_empty() || query.types.contains(kind))
        })
        .map(|(kind, _)| kind)
        .collect()
}

/// On what it depends which records the caller sees. When that changes, no change of a record tells of it.
fn view_of(tx: &mut Tx) -> Result<String, StoreError> {
    let actor = tx.actor.clone();
    let whose: Vec<Uuid> = match (actor.scope, actor.department_id) {
        (DataScope::Tenant, _) => vec![],
        (DataScope::Own, _) => actor.user_id().into_iter().collect(),
        (DataScope::Subtree, Some(home)) => departments::below(tx, home)?,
        (_, home) => home.into_iter().collect(),
    };
    let text = format!("{} {whose:?}", actor.scope);
    Ok(Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

/// Of each record its last change, in the order of these.
fn changes(tx: &mut Tx, events: &[Event]) -> Result<Vec<ChangeView>, Problem> {
    let mut last: BTreeMap<i64, (&Event, ChangedType)> = BTreeMap::new();
    let mut places: HashMap<(ChangedType, Uuid), i64> = HashMap::new();
    for event in events {
        let kind = if event.subject_type == customers::SUBJECT {
            ChangedType::Customer
        } else {
            ChangedType::Contact
        };
        if let Some(earlier) = places.insert((kind, event.subject_id), event.seq) {
            last.remove(&earlier);
        }
        last.insert(event.seq, (event, kind));
    }
    let of = |wanted: ChangedType| -> Vec<Uuid> {
        places.keys().filter(|(kind, _)| *kind == wanted).map(|(_, id)| *id).collect()
    };
    let seen = Seen::read(tx, &of(ChangedType::Customer), &of(ChangedType::Contact))?;
    let lost = lost(tx, events, &seen)?;
    let views = last.into_values().filter_map(|(event, kind)| {
        let (what, record) = match seen.records.get(&(kind, event.subject_id)) {
            Some(Some(record)) => (ChangeKind::Upsert, Some(record.clone())),
            Some(None) => (ChangeKind::Deleted, None),
            None if lost.contains(&event.subject_id) => (ChangeKind::AccessLost, None),
            // Never seen, or gone together with its customer.
            None => return None,
        };
        Some(ChangeView {
            kind: what,
            r#type: kind,
            id: event.subject_id,
            customer_id: event.customer_id.unwrap_or(event.subject_id),
            at: event.at,
            record,
        })
    });
    Ok(views.collect())
}

/// Records that the caller sees now; without content when they are deleted.
struct Seen {
    records: HashMap<(ChangedType, Uuid), Option<Box<RawValue>>>,
}

impl Seen {
    fn read(tx: &mut Tx, customer_ids: &[Uuid], contact_ids: &[Uuid]) -> Result<Seen, Problem> {
        let mut records = HashMap::new();
        let broken = |_| Problem::new(Code::Internal);
        if !customer_ids.is_empty() {
            for row in customers::find_all(tx, customer_ids)? {
                let (id, deleted) = (row.id, row.deleted_at.is_some());
                let view = if deleted {
                    None
                } else {
                    Some(to_raw_value(&CustomerView::from(row)).map_err(broken)?)
                };
                records.insert((ChangedType::Customer, id), view);
            }
        }
        if !contact_ids.is_empty() {
            for row in contacts::find_all(tx, contact_ids)? {
                let (id, deleted) = (row.id, row.deleted_at.is_some());
                let view = if deleted {
                    None
                } else {
                    Some(to_raw_value(&ContactView::from(&row)).map_err(broken)?)
                };
                records.insert((ChangedType::Contact, id), view);
            }
        }
        Ok(Seen { records })
    }
}

/// Customers that the caller saw before one of these events and doesn't see now. Of those that the caller never saw, not even
/// the id is told.
fn lost(tx: &mut Tx, events: &[Event], seen: &Seen) -> Result<HashSet<Uuid>, StoreError> {
    let scope = tx.actor.scope;
    if scope == DataScope::Tenant {
        return Ok(HashSet::new());
    }
    let gone: Vec<&Event> = events
        .iter()
        .filter(|event| event.subject_type == customers::SUBJECT)
        .filter(|event| !seen.records.contains_key(&(ChangedType::Customer, event.subject_id)))
        .collect();
    if gone.is_empty() {
        return Ok(HashSet::new());
    }
    let before = |event: &Event, field: &str| -> Option<Uuid> {
        event.changes.get(field)?.get("from")?.as_str()?.parse().ok()
    };
    let own = tx.actor.user_id();
    let places: HashSet<Uuid> = match (scope, tx.actor.department_id) {
        (DataScope::Subtree, Some(id)) => departments::below(tx, id)?.into_iter().collect(),
        (_, id) => id.into_iter().collect(),
    };
    Ok(gone
        .into_iter()
        .filter(|event| match scope {
            DataScope::Own => own.is_some() && before(event, "owner_id") == own,
            _ => before(event, "department_id").is_some_and(|id| places.contains(&id)),
        })
        .map(|event| event.subject_id)
        .collect())
}
