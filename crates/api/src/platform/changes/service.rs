//! What the feed tells to whom.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_persistence::access::departments;
use fulcrum_persistence::customers::{contacts, customers};
use fulcrum_persistence::paging::{Position, SortKey};
use fulcrum_persistence::platform::changes::{self as store, Place};
use fulcrum_persistence::platform::events::Event;
use fulcrum_persistence::platform::notifications;
use fulcrum_persistence::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::views::{ChangeKind, ChangeList, ChangeQuery, ChangeView, ChangedType};
use crate::App;
use crate::auth::service::person;
use crate::customers::contacts::views::ContactView;
use crate::customers::customers::views::CustomerView;
use crate::http::catalog::Code;
use crate::http::cursor::List;
use crate::http::problem::Problem;
use crate::platform::files::views::hex;
use crate::platform::notifications::texts::Reader;
use crate::platform::notifications::views::NotificationView;
use crate::records::require;

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
    /// What the place means something in.
    epoch: Uuid,
}

/// What changed since the cursor, as far as the caller may see it.
///
/// # Errors
/// 400 when the cursor is not one of this feed; 410 when everything has to be read again.
pub fn page(tx: &mut Tx, app: &App, query: &ChangeQuery) -> Result<ChangeList, Problem> {
    let asked: BTreeSet<ChangedType> = query.types.iter().copied().collect();
    let types = types_of(tx, &asked)?;
    let list = List::of(tx.actor.tenant_id, "changes", &asked);
    let view = view_of(tx, &types)?;
    let epoch = store::epoch(tx)?;
    let cursor = |tx: &Tx, place| {
        let kept = Kept { place, since: tx.now.timestamp(), view: view.clone(), epoch };
        // Sealed: numbers of transactions tell how much others write.
        let text = serde_json::to_vec(&kept).ok().and_then(|json| app.keys.seal("cursor of changes", &json));
        let text = BASE64_URL_SAFE_NO_PAD.encode(text.unwrap_or_default());
        list.cursor(&app.keys, Position { key: SortKey::Text(text), id: Uuid::nil() })
    };
    let kept = match list.page(&app.keys, query.cursor.as_deref(), query.limit)?.after {
        Some(Position { key: SortKey::Text(text), .. }) => {
            let sealed = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
            let kept = sealed.and_then(|sealed| {
                serde_json::from_slice::<Kept>(&app.keys.open("cursor of changes", &sealed)?).ok()
            });
            Some(kept.ok_or_else(|| Problem::new(Code::ResyncNeeded))?)
        }
        _ => None,
    };
    let Some(kept) = kept else {
        let end = store::end(tx)?;
        return Ok(ChangeList { data: vec![], next_cursor: cursor(tx, end), has_more: false });
    };
    let again = || Problem::new(Code::ResyncNeeded);
    if kept.view != view || kept.epoch != epoch || tx.now.timestamp() - kept.since > GOOD_FOR.num_seconds() {
        return Err(again());
    }
    // Customers in any case: what is lost with them is told to who keeps contacts alone, too.
    let mut words = vec![customers::SUBJECT];
    words.extend(types.contains(&ChangedType::Contact).then_some(contacts::SUBJECT));
    words.extend(types.contains(&ChangedType::Notification).then_some(notifications::SUBJECT));
    let read = store::read(tx, kept.place, &words, query.limit as usize)?.ok_or_else(again)?;
    let mut data = changes(tx, &read.events)?;
    data.retain(|change| types.contains(&change.r#type) || change.kind != ChangeKind::Upsert);
    Ok(ChangeList { data, next_cursor: cursor(tx, read.next), has_more: read.more })
}

/// The kinds of records that are told of: those that were asked for, or all that the caller may read.
fn types_of(tx: &Tx, asked: &BTreeSet<ChangedType>) -> Result<Vec<ChangedType>, Problem> {
    if asked.contains(&ChangedType::Contact) {
        require(&tx.actor, Permission::ContactsRead)?;
    }
    if asked.contains(&ChangedType::Notification) {
        person(&tx.actor)?;
    }
    let all = [
        (ChangedType::Customer, Permission::CustomersRead),
        (ChangedType::Contact, Permission::ContactsRead),
    ];
    let wanted = |kind: &ChangedType| asked.is_empty() || asked.contains(kind);
    let told = all.into_iter().filter(|(kind, permission)| tx.actor.may(*permission) && wanted(kind));
    // One's own inbox needs no permission; programs have none.
    let inbox = tx.actor.user_id().map(|_| ChangedType::Notification);
    Ok(told.map(|(kind, _)| kind).chain(inbox.filter(wanted)).collect())
}

/// What the caller's scope goes by: the user, or the departments. Nothing in the scope of the company.
fn places(tx: &mut Tx) -> Result<Vec<Uuid>, StoreError> {
    let (own, home) = (tx.actor.user_id(), tx.actor.department_id);
    Ok(match (tx.actor.scope, home) {
        (DataScope::Tenant, _) => vec![],
        (DataScope::Own, _) => own.into_iter().collect(),
        (DataScope::Subtree, Some(home)) => departments::below(tx, home)?,
        (_, home) => home.into_iter().collect(),
    })
}

/// On what it depends which records the caller sees. When that changes, no change of a record tells of it.
fn view_of(tx: &mut Tx, types: &[ChangedType]) -> Result<String, StoreError> {
    let whose = places(tx)?;
    // Everybody sees their own inbox, whatever else they see.
    let types: Vec<_> = types.iter().filter(|kind| **kind != ChangedType::Notification).collect();
    let text = format!("{} {whose:?} {types:?}", tx.actor.scope);
    Ok(hex(&Sha256::digest(text)[..8]))
}

/// Of each record its last change, in the order of the first ones.
fn changes(tx: &mut Tx, events: &[Event]) -> Result<Vec<ChangeView>, Problem> {
    let mut last: BTreeMap<i64, (&Event, ChangedType)> = BTreeMap::new();
    let mut places: HashMap<(ChangedType, Uuid), i64> = HashMap::new();
    for event in events {
        let kind = match event.subject_type.as_str() {
            customers::SUBJECT => ChangedType::Customer,
            notifications::SUBJECT => ChangedType::Notification,
            _ => ChangedType::Contact,
        };
        // In the place of its first change, as it is after its last one: a contact doesn't come before its customer.
        let place = *places.entry((kind, event.subject_id)).or_insert(event.seq);
        last.insert(place, (event, kind));
    }
    let of = |wanted: ChangedType| -> Vec<Uuid> {
        places.keys().filter(|(kind, _)| *kind == wanted).map(|(_, id)| *id).collect()
    };
    let mut seen = seen(tx, &of(ChangedType::Customer), &of(ChangedType::Contact))?;
    see_own_inbox(tx, &of(ChangedType::Notification), &mut seen)?;
    let left = left(tx, events, &seen)?;
    let mut views = Vec::new();
    for (event, kind) in last.into_values() {
        let mut tell = |what, record| {
            views.push(ChangeView {
                kind: what,
                r#type: kind,
                id: event.subject_id,
                customer_id: match kind {
                    ChangedType::Notification => event.customer_id,
                    _ => Some(event.customer_id.unwrap_or(event.subject_id)),
                },
                at: event.at,
                record,
            });
        };
        match (seen.get(&(kind, event.subject_id)), left.get(&event.subject_id)) {
            // It went and came back. What happened to its contacts meanwhile was told to nobody, so it begins anew.
            (Some(Some(record)), Some(how)) if kind == ChangedType::Customer => {
                tell(*how, None);
                tell(ChangeKind::Upsert, Some(record.clone()));
            }
            (Some(Some(record)), _) => tell(ChangeKind::Upsert, Some(record.clone())),
            (Some(None), _) => tell(ChangeKind::Deleted, None),
            (None, Some(how)) => tell(*how, None),
            // Never seen, or gone together with its customer.
            (None, None) => {}
        }
    }
    Ok(views)
}

/// Records that the caller sees now; without content when they are deleted.
type Seen = HashMap<(ChangedType, Uuid), Option<Box<RawValue>>>;

fn seen(tx: &mut Tx, customer_ids: &[Uuid], contact_ids: &[Uuid]) -> Result<Seen, Problem> {
    let mut records = HashMap::new();
    let broken = |_| Problem::new(Code::Internal);
    if !customer_ids.is_empty() {
        for row in customers::find_all(tx, customer_ids)? {
            let (id, deleted) = (row.id, row.deleted_at.is_some());
            let view =
                if deleted { None } else { Some(to_raw_value(&CustomerView::from(row)).map_err(broken)?) };
            records.insert((ChangedType::Customer, id), view);
        }
    }
    if !contact_ids.is_empty() {
        for row in contacts::find_all(tx, contact_ids)? {
            let (id, deleted) = (row.id, row.deleted_at.is_some());
            let view =
                if deleted { None } else { Some(to_raw_value(&ContactView::from(&row)).map_err(broken)?) };
            records.insert((ChangedType::Contact, id), view);
        }
    }
    Ok(records)
}

/// Of notifications those of the caller: of what others are told, not even the id is.
fn see_own_inbox(tx: &mut Tx, ids: &[Uuid], seen: &mut Seen) -> Result<(), Problem> {
    if ids.is_empty() {
        return Ok(());
    }
    let reader = Reader::of(&tx.actor.locale, tx.actor.time_zone.name());
    for row in notifications::find_all(tx, ids)? {
        let view = to_raw_value(&NotificationView::of(&row, &reader));
        let view = view.map_err(|_| Problem::new(Code::Internal))?;
        seen.insert((ChangedType::Notification, row.id), Some(view));
    }
    Ok(())
}

/// Customers that went out of the caller's sight by one of these events, for however long, and how. Of those that the caller
/// never saw, not even the id is told.
fn left(tx: &mut Tx, events: &[Event], seen: &Seen) -> Result<HashMap<Uuid, ChangeKind>, StoreError> {
    let of_customers: Vec<&Event> =
        events.iter().filter(|event| event.subject_type == customers::SUBJECT).collect();
    let mut left: HashMap<Uuid, ChangeKind> = HashMap::new();
    let scope = tx.actor.scope;
    if scope != DataScope::Tenant {
        let field = if scope == DataScope::Own { "owner_id" } else { "department_id" };
        let side = |change: &Value, side: &str| change.get(side)?.as_str()?.parse::<Uuid>().ok();
        let moved: Vec<(Uuid, Option<Uuid>, Option<Uuid>)> = of_customers
            .iter()
            .filter_map(|event| event.changes.get(field).map(|change| (event.subject_id, change)))
            .map(|(id, change)| (id, side(change, "from"), side(change, "to")))
            .collect();
        let places: HashSet<Uuid> = match moved.is_empty() {
            true => HashSet::new(),
            false => places(tx)?.into_iter().collect(),
        };
        let within = |place: &Option<Uuid>| place.is_some_and(|place| places.contains(&place));
        let gone = moved.into_iter().filter(|(_, from, to)| within(from) && !within(to));
        left.extend(gone.map(|(id, ..)| (id, ChangeKind::AccessLost)));
    }
    // Told only where the customer is seen now; a deleted one is told as deleted anyway.
    let restored = of_customers.iter().filter(|event| event.type_ == "customer.restored");
    for event in restored.filter(|event| seen.contains_key(&(ChangedType::Customer, event.subject_id))) {
        left.entry(event.subject_id).or_insert(ChangeKind::Deleted);
    }
    Ok(left)
}
