//! What can be done with activities.

use std::collections::{BTreeSet, HashSet};

use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_domain::engagement::{ActivityKind, ParticipantKind};
use fulcrum_domain::values::text::{clean_line, clean_text};
use fulcrum_persistence::access::users;
use fulcrum_persistence::customers::{contacts, customers};
use fulcrum_persistence::engagement::activities::{self as store, Activity, Filter, Link, Sort};
use fulcrum_persistence::{Json, Tx};
use serde_json::json;
use uuid::Uuid;

use super::views::{
    ActivityInput, ActivityList, ActivityQuery, ActivitySort, ActivityView, Participant, SubjectLink,
};
use crate::App;
use crate::access::users::service::assignable;
use crate::customers::rules;
use crate::http::catalog::{Code, FieldCode};
use crate::http::cursor::List;
use crate::http::problem::Problem;
use crate::http::wire::Count;
use crate::records::{self, Resource, Stamp};
use crate::subjects::{self, SubjectType};

/// Activities as records.
pub enum Activities {}

/// An activity with the records that it shows on.
#[derive(Clone)]
pub struct Row {
    /// The activity.
    pub activity: Activity,
    /// All of them, the first ones first.
    links: Vec<Link>,
    /// Those that the actor sees.
    shown: Vec<SubjectLink>,
}

impl Resource for Activities {
    type Row = Row;
    type Input = ActivityInput;
    type View = ActivityView;
    const SUBJECT: &'static str = store::SUBJECT;
    const COLLECTION: &'static str = "activities";
    const DELETE: Permission = Permission::ActivitiesDelete;

    fn input_of(row: &Row) -> ActivityInput {
        input_of(row)
    }

    fn view(row: &Row) -> ActivityView {
        ActivityView::from(row)
    }

    fn stamp(row: &Row) -> Stamp {
        let Activity { id, version, deleted_at, .. } = row.activity;
        let customer_id = row.links.iter().find_map(|link| link.customer_id);
        Stamp { customer_id, ..Stamp::of(id, version, deleted_at) }
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<Row, Problem> {
        let activity = store::find(tx, id)?;
        with_links(tx, vec![activity])?.pop().ok_or_else(|| Problem::new(Code::NotFound))
    }

    fn lock(tx: &mut Tx, id: Uuid) -> Result<Row, Problem> {
        let activity = store::lock(tx, id)?;
        if !store::is_in_reach(tx, id)? {
            return Err(Problem::new(Code::ReadOnly));
        }
        with_links(tx, vec![activity])?.pop().ok_or_else(|| Problem::new(Code::NotFound))
    }

    fn insert(tx: &mut Tx, mut input: ActivityInput) -> Result<Row, Problem> {
        input.owner_id = input.owner_id.or(tx.actor.user_id());
        let department_id = match input.owner_id {
            Some(owner_id) => assignable(tx, owner_id, "/owner_id")?.department_id,
            None => tx.actor.department_id.ok_or_else(|| Problem::field("/owner_id", FieldCode::Required))?,
        };
        let id = Uuid::now_v7();
        let links = linked(tx, id, &input.links, &[], &[])?;
        took_part(tx, &input.participants, &[])?;
        let shown = links.iter().filter_map(shown).collect();
        let blank = Activity {
            tenant_id: tx.actor.tenant_id,
            id,
            kind: String::new(),
            direction: None,
            subject: String::new(),
            body: None,
            outcome: None,
            started_at: input.started_at,
            duration_seconds: None,
            participants: Json::empty_list(),
            items: Json::empty_list(),
            external_ids: Json::empty_list(),
            owner_id: None,
            department_id,
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
            deleted_at: None,
        };
        let activity = filled(blank, input);
        store::insert(tx, &activity, &links)?;
        let (none, ids) = (Json::empty_list(), &activity.external_ids);
        records::replace_external_ids::<Activities>(tx, activity.id, &none, ids)?;
        Ok(Row { activity, links, shown })
    }

    fn change(tx: &mut Tx, before: &Row, input: ActivityInput) -> Result<Row, Problem> {
        let old = input_of(before);
        let (links, now_shown) = if same_links(&old.links, &input.links) {
            (before.links.clone(), before.shown.clone())
        } else {
            let links = linked(tx, before.activity.id, &input.links, &before.shown, &before.links)?;
            let seen = |link: &&Link| {
                !before.links.contains(link) || shown(link).is_some_and(|one| before.shown.contains(&one))
            };
            let now_shown = links.iter().filter(seen).filter_map(shown).collect();
            (links, now_shown)
        };
        took_part(tx, &input.participants, &old.participants)?;
        let mut department_id = before.activity.department_id;
        if input.owner_id != old.owner_id
            && let Some(owner_id) = input.owner_id
        {
            department_id = assignable(tx, owner_id, "/owner_id")?.department_id;
        }
        let activity = filled(Activity { department_id, ..before.activity.clone() }, input);
        let mut after = Row { activity, links, shown: now_shown };
        if json!(old) == json!(input_of(&after)) {
            return Ok(before.clone());
        }
        after.activity.version += 1;
        after.activity.updated_at = tx.now;
        store::replace(tx, &before.activity, &after.activity, &before.links, &after.links)?;
        let (old, new) = (&before.activity.external_ids, &after.activity.external_ids);
        records::replace_external_ids::<Activities>(tx, after.activity.id, old, new)?;
        Ok(after)
    }

    fn set_deleted(tx: &mut Tx, before: &Row, deleted: bool) -> Result<Row, Problem> {
        let mut after = before.clone();
        after.activity.deleted_at = deleted.then_some(tx.now);
        after.activity.version += 1;
        after.activity.updated_at = tx.now;
        store::replace(tx, &before.activity, &after.activity, &before.links, &after.links)?;
        Ok(after)
    }
}

fn same_links(one: &[SubjectLink], other: &[SubjectLink]) -> bool {
    let set = |links: &[SubjectLink]| links.iter().copied().collect::<BTreeSet<_>>();
    set(one) == set(other)
}

fn shown(link: &Link) -> Option<SubjectLink> {
    let (subject_type, id) = match (link.customer_id, link.contact_id) {
        (Some(id), _) => (SubjectType::Customer, id),
        (None, id) => (SubjectType::Contact, id?),
    };
    Some(SubjectLink { subject_type, subject_id: id })
}

/// The links that an activity shall have: those that are wanted, the customers of contacts among them, and those that the actor doesn't
/// see and so can't take away.
fn linked(
    tx: &mut Tx,
    activity_id: Uuid,
    wanted: &[SubjectLink],
    seen: &[SubjectLink],
    before: &[Link],
) -> Result<Vec<Link>, Problem> {
    let mut in_order: Vec<(usize, SubjectLink)> = wanted.iter().copied().enumerate().collect();
    // Two who link the same records wait for each other, and not both at once.
    in_order.sort_by_key(|(_, link)| *link);
    let mut subjects: Vec<SubjectLink> = wanted.to_vec();
    for (index, link) in in_order {
        let SubjectLink { subject_type, subject_id } = link;
        let customer_id = if seen.contains(&link) {
            match subject_type {
                SubjectType::Customer => continue,
                SubjectType::Contact => contacts::find(tx, subject_id)?.customer_id,
            }
        } else {
            let pointer = format!("/links/{index}/subject_id");
            subjects::lock(tx, subject_type, subject_id, &pointer)?.customer_id
        };
        let customer = SubjectLink { subject_type: SubjectType::Customer, subject_id: customer_id };
        if !subjects.contains(&customer) {
            subjects.push(customer);
        }
    }
    let kept = before
        .iter()
        .filter(|link| shown(link).is_none_or(|one| !seen.contains(&one) || subjects.contains(&one)));
    let mut links: Vec<Link> = kept.cloned().collect();
    for subject in subjects {
        if !links.iter().any(|link| shown(link) == Some(subject)) {
            let SubjectLink { subject_type, subject_id } = subject;
            links.push(Link {
                activity_id,
                customer_id: (subject_type == SubjectType::Customer).then_some(subject_id),
                contact_id: (subject_type == SubjectType::Contact).then_some(subject_id),
                created_at: tx.now,
            });
        }
    }
    // As they will be read.
    links.sort_by_key(|link| {
        (link.created_at, link.customer_id.is_none(), link.customer_id.or(link.contact_id))
    });
    Ok(links)
}

/// Whoever took part is known: those who are named anew.
fn took_part(tx: &mut Tx, now: &[Participant], before: &[Participant]) -> Result<(), Problem> {
    let new: Vec<(usize, &Participant)> =
        now.iter().enumerate().filter(|(_, one)| !before.contains(one)).collect();
    let of = |kind: ParticipantKind| -> Vec<Uuid> {
        new.iter().filter(|(_, one)| one.r#type == kind).filter_map(|(_, one)| one.id).collect()
    };
    let (user_ids, contact_ids) = (of(ParticipantKind::User), of(ParticipantKind::Contact));
    let mut known: HashSet<Uuid> = HashSet::new();
    if !user_ids.is_empty() {
        known.extend(users::named(tx, &user_ids)?.into_iter().map(|user| user.id));
    }
    if !contact_ids.is_empty() {
        records::require(&tx.actor, Permission::ContactsRead)?;
        known.extend(contacts::find_all(tx, &contact_ids)?.into_iter().map(|contact| contact.id));
    }
    let unknown = new.iter().find(|(_, one)| {
        one.r#type != ParticipantKind::Other && one.id.is_some_and(|id| !known.contains(&id))
    });
    match unknown {
        Some((index, _)) => Err(Problem::field(&format!("/participants/{index}/id"), FieldCode::NotFound)),
        None => Ok(()),
    }
}

/// Adds what activities show on: as many statements however many there are.
fn with_links(tx: &mut Tx, activities: Vec<Activity>) -> Result<Vec<Row>, Problem> {
    let ids: Vec<Uuid> = activities.iter().map(|activity| activity.id).collect();
    let links = store::links(tx, &ids)?;
    let hidden = hidden(tx, &links)?;
    let with = |activity: Activity| {
        let own: Vec<Link> = links.iter().filter(|link| link.activity_id == activity.id).cloned().collect();
        let seen = own.iter().filter_map(shown).filter(|link| !hidden.contains(&link.subject_id));
        let shown = seen.collect();
        Row { activity, links: own, shown }
    };
    Ok(activities.into_iter().map(with).collect())
}

/// Records among the links that the actor doesn't see.
fn hidden(tx: &mut Tx, links: &[Link]) -> Result<HashSet<Uuid>, Problem> {
    if tx.actor.scope == DataScope::Tenant {
        return Ok(HashSet::new());
    }
    let customer_ids: HashSet<Uuid> = links.iter().filter_map(|link| link.customer_id).collect();
    let contact_ids: HashSet<Uuid> = links.iter().filter_map(|link| link.contact_id).collect();
    let mut hidden = &customer_ids | &contact_ids;
    let ids: Vec<Uuid> = customer_ids.into_iter().collect();
    for id in customers::seen(tx, &ids)? {
        hidden.remove(&id);
    }
    let ids: Vec<Uuid> = contact_ids.into_iter().collect();
    for id in contacts::seen(tx, &ids)? {
        hidden.remove(&id);
    }
    Ok(hidden)
}

/// The writable part of a stored activity.
pub fn input_of(row: &Row) -> ActivityInput {
    let Row { activity, shown, .. } = row;
    ActivityInput {
        kind: activity.kind.parse().unwrap_or(ActivityKind::Note),
        direction: activity.direction.as_deref().and_then(|word| word.parse().ok()),
        subject: activity.subject.clone(),
        body: activity.body.clone(),
        outcome: activity.outcome.as_deref().and_then(|word| word.parse().ok()),
        started_at: activity.started_at,
        duration_seconds: activity.duration_seconds,
        participants: activity.participants.read().unwrap_or_default(),
        items: activity.items.read().unwrap_or_default(),
        links: shown.clone(),
        owner_id: activity.owner_id,
        external_ids: rules::stored_external_ids(&activity.external_ids),
    }
}

fn filled(row: Activity, mut input: ActivityInput) -> Activity {
    for item in &mut input.items {
        item.text = clean_text(&item.text);
    }
    for one in &mut input.participants {
        one.name = one.name.take().map(|name| clean_line(&name)).filter(|name| !name.is_empty());
    }
    Activity {
        kind: input.kind.to_string(),
        direction: input.direction.map(|direction| direction.to_string()),
        subject: clean_line(&input.subject),
        body: input.body.map(|text| clean_text(&text)).filter(|text| !text.is_empty()),
        outcome: input.outcome.map(|outcome| outcome.to_string()),
        // As it is stored.
        started_at: chrono::SubsecRound::trunc_subsecs(input.started_at, 6),
        duration_seconds: input.duration_seconds,
        participants: Json::of(&input.participants),
        items: Json::of(&input.items),
        external_ids: Json::of(&input.external_ids),
        owner_id: input.owner_id,
        ..row
    }
}

/// Activities as they are shown.
///
/// # Errors
/// Those of the database.
pub fn views(tx: &mut Tx, activities: Vec<Activity>) -> Result<Vec<ActivityView>, Problem> {
    Ok(with_links(tx, activities)?.iter().map(ActivityView::from).collect())
}

/// A page of activities.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &ActivityQuery) -> Result<ActivityList, Problem> {
    let filter = filter_of(query);
    let sort = match query.sort.first() {
        None | Some(ActivitySort::LastFirst) => Sort::Started { descending: true },
        Some(ActivitySort::FirstFirst) => Sort::Started { descending: false },
        Some(ActivitySort::ChangedLastFirst) => Sort::Updated { descending: true },
        Some(ActivitySort::ChangedFirstFirst) => Sort::Updated { descending: false },
    };
    let unpaged = ActivityQuery { cursor: None, limit: 0, count: None, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, Activities::COLLECTION, &unpaged);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &filter, sort, &page)?;
    let (rows, next_cursor) = list.cut(&app.keys, rows, query.limit);
    let total_count = match query.count {
        Some(Count::Exact) => Some(store::count(tx, &filter)?),
        Some(Count::Estimated) => Some(store::estimate(tx, &filter)?),
        None => None,
    };
    Ok(ActivityList { data: views(tx, rows)?, next_cursor, total_count })
}

fn filter_of(query: &ActivityQuery) -> Filter {
    fn words<T: ToString>(list: &[T]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }
    let external: Vec<String> = query.external_id.iter().map(|text| text.0.clone()).collect();
    Filter {
        kinds: words(&query.kind),
        directions: words(&query.direction),
        outcomes: words(&query.outcome),
        owner_ids: query.owner_id.clone(),
        customer_ids: query.customer_id.clone(),
        contact_ids: query.contact_id.clone(),
        item_kinds: words(&query.item_kind),
        open_promises: query.open_promises == Some(true),
        external_ids: rules::external_id_filter(&external),
        started_from: query.started_at_from,
        started_to: query.started_at_to,
        updated_from: query.updated_at_from,
        updated_to: query.updated_at_to,
    }
}
