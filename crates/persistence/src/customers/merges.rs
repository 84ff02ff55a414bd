//! Customers that became part of others, and what went over with them.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::customers;
use crate::db::prepared;
use crate::paging::{PageRequest, keyset};
use crate::schema::{customer_merges, customers as customer_table};
use crate::{Json, StoreError, Tx};

/// A merge.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = customer_merges, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct Merge {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub survivor_id: Uuid,
    pub merged_id: Uuid,
    pub survivor_before: Json,
    pub survivor_after: Json,
    pub merged_before: Json,
    pub moved: Json,
    pub note: Option<String>,
    pub merged_by_type: String,
    pub merged_by_id: Option<Uuid>,
    pub undone_by_type: Option<String>,
    pub undone_by_id: Option<Uuid>,
    pub undone_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// What went over from one customer to another one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Moved {
    pub contacts: Vec<Uuid>,
    /// The one that was the primary one.
    pub primary_contact: Option<Uuid>,
    pub activities: Vec<Uuid>,
    /// Those that showed on both.
    pub shared_activities: Vec<Uuid>,
    pub tasks: Vec<Uuid>,
    pub files: Vec<Uuid>,
    /// Those that belonged to both.
    pub shared_files: Vec<Uuid>,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Records of a kind that name a customer, with a version and an event each.
struct Kind {
    table: &'static str,
    subject: &'static str,
}

/// What goes over with links apart: everything that refers to a customer and isn't history. Tables that come later have to be told
/// here; a test counts.
const KINDS: [Kind; 2] =
    [Kind { table: "contacts", subject: "contact" }, Kind { table: "tasks", subject: "task" }];

/// Gives what belongs to one customer to another one: of each kind all, or those that `only` names.
///
/// # Errors
/// Those of the database.
pub fn move_all(tx: &mut Tx, from: Uuid, to: Uuid, only: Option<&Moved>) -> Result<Moved, StoreError> {
    let mut moved = Moved::default();
    let wanted = |ids: fn(&Moved) -> &Vec<Uuid>| only.map(|only| ids(only).clone());
    moved.primary_contact = primary_of(tx, from)?;
    for kind in KINDS {
        let ids = match kind.table {
            "contacts" => wanted(|moved| &moved.contacts),
            _ => wanted(|moved| &moved.tasks),
        };
        let went = move_records(tx, &kind, from, to, ids)?;
        match kind.table {
            "contacts" => moved.contacts = went,
            _ => moved.tasks = went,
        }
    }
    (moved.activities, moved.shared_activities) =
        move_activities(tx, from, to, wanted(|moved| &moved.activities))?;
    (moved.files, moved.shared_files) = move_files(tx, from, to, wanted(|moved| &moved.files))?;
    if let Some(only) = only {
        link_again(tx, to, only)?;
    }
    Ok(moved)
}

fn primary_of(tx: &mut Tx, customer_id: Uuid) -> Result<Option<Uuid>, StoreError> {
    let found: Option<Id> = prepared(
        "select id from contacts where tenant_id = $1 and customer_id = $2 and is_primary and deleted_at is null",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(customer_id)
    .get_result(tx.conn)
    .optional()?;
    Ok(found.map(|found| found.id))
}

/// Contacts that go over are not the primary one any more: there can be one.
fn move_records(
    tx: &mut Tx,
    kind: &Kind,
    from: Uuid,
    to: Uuid,
    only: Option<Vec<Uuid>>,
) -> Result<Vec<Uuid>, StoreError> {
    let Kind { table, subject } = kind;
    let (more, told) = match *table {
        "contacts" => (
            ", is_primary = false",
            "|| case when was.is_primary then jsonb_build_object('is_primary', jsonb_build_object('from', true, 'to', false)) \
             else '{}' end",
        ),
        _ => ("", ""),
    };
    let was = if *table == "contacts" { "id, is_primary" } else { "id" };
    let statement = format!(
        "with was as (select {was} from {table} where tenant_id = $1 and customer_id = $2 \
           and ($4::uuid[] is null or id = any($4)) order by id for update), \
         went as (update {table} r set customer_id = $3, version = r.version + 1, updated_at = $5 {more} from was \
           where r.tenant_id = $1 and r.id = was.id returning r.id, r.version), \
         told as (insert into events (tenant_id, at, xid, type, subject_type, subject_id, customer_id, actor_type, actor_id, \
           request_id, version, changes) \
         select $1, $5, pg_current_xact_id()::text::bigint, '{subject}.updated', '{subject}', went.id, $3, $6, $7, $8, \
           went.version, jsonb_build_object('customer_id', jsonb_build_object('from', $2, 'to', $3)) {told} \
         from went join was on was.id = went.id order by went.id returning subject_id) \
         select subject_id as id from told"
    );
    let went: Vec<Id> = diesel::sql_query(statement)
        .bind::<SqlUuid, _>(tx.actor.tenant_id)
        .bind::<SqlUuid, _>(from)
        .bind::<SqlUuid, _>(to)
        .bind::<Nullable<Array<SqlUuid>>, _>(only)
        .bind::<Timestamptz, _>(tx.now)
        .bind::<Text, _>(tx.actor.principal_type())
        .bind::<Nullable<SqlUuid>, _>(tx.actor.principal_id())
        .bind::<Nullable<Text>, _>(tx.request_id.clone())
        .load(tx.conn)?;
    Ok(went.into_iter().map(|row| row.id).collect())
}

/// An activity that shows on both loses the link to the one that goes.
fn move_activities(
    tx: &mut Tx,
    from: Uuid,
    to: Uuid,
    only: Option<Vec<Uuid>>,
) -> Result<(Vec<Uuid>, Vec<Uuid>), StoreError> {
    let shared: Vec<Id> = match only {
        // Back again: what the other one had already stays there.
        Some(_) => vec![],
        None => prepared(
            "delete from activity_links l using activity_links o where l.tenant_id = $1 and l.customer_id = $2 \
             and o.tenant_id = $1 and o.customer_id = $3 and o.activity_id = l.activity_id returning l.activity_id as id",
        )
        .bind::<SqlUuid, _>(tx.actor.tenant_id)
        .bind::<SqlUuid, _>(from)
        .bind::<SqlUuid, _>(to)
        .load(tx.conn)?,
    };
    let went: Vec<Id> = prepared(
        "with went as (update activity_links l set customer_id = $3 where l.tenant_id = $1 and l.customer_id = $2 \
           and ($4::uuid[] is null or l.activity_id = any($4)) \
           and not exists (select from activity_links o where o.tenant_id = $1 and o.customer_id = $3 \
             and o.activity_id = l.activity_id) returning l.activity_id as id), \
         changed as (update activities a set version = a.version + 1, updated_at = $5 from went \
           where a.tenant_id = $1 and a.id = went.id returning a.id, a.version), \
         told as (insert into events (tenant_id, at, xid, type, subject_type, subject_id, customer_id, actor_type, actor_id, \
           request_id, version, changes) \
         select $1, $5, pg_current_xact_id()::text::bigint, 'activity.updated', 'activity', id, $3, $6, $7, $8, version, \
           jsonb_build_object('links', jsonb_build_object('from', $2, 'to', $3)) from changed order by id returning subject_id) \
         select subject_id as id from told",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(from)
    .bind::<SqlUuid, _>(to)
    .bind::<Nullable<Array<SqlUuid>>, _>(only)
    .bind::<Timestamptz, _>(tx.now)
    .bind::<Text, _>(tx.actor.principal_type())
    .bind::<Nullable<SqlUuid>, _>(tx.actor.principal_id())
    .bind::<Nullable<Text>, _>(tx.request_id.clone())
    .load(tx.conn)?;
    let ids = |rows: Vec<Id>| rows.into_iter().map(|row| row.id).collect();
    Ok((ids(went), ids(shared)))
}

fn move_files(
    tx: &mut Tx,
    from: Uuid,
    to: Uuid,
    only: Option<Vec<Uuid>>,
) -> Result<(Vec<Uuid>, Vec<Uuid>), StoreError> {
    let shared: Vec<Id> = match only {
        Some(_) => vec![],
        None => prepared(
            "delete from file_links l using file_links o where l.tenant_id = $1 and l.subject_type = 'customer' \
             and l.subject_id = $2 and o.tenant_id = $1 and o.subject_type = 'customer' and o.subject_id = $3 \
             and o.file_id = l.file_id returning l.file_id as id",
        )
        .bind::<SqlUuid, _>(tx.actor.tenant_id)
        .bind::<SqlUuid, _>(from)
        .bind::<SqlUuid, _>(to)
        .load(tx.conn)?,
    };
    let went: Vec<Id> = prepared(
        "update file_links l set subject_id = $3 where l.tenant_id = $1 and l.subject_type = 'customer' and l.subject_id = $2 \
         and ($4::uuid[] is null or l.file_id = any($4)) \
         and not exists (select from file_links o where o.tenant_id = $1 and o.subject_type = 'customer' \
           and o.subject_id = $3 and o.file_id = l.file_id) returning l.file_id as id",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(from)
    .bind::<SqlUuid, _>(to)
    .bind::<Nullable<Array<SqlUuid>>, _>(only)
    .load(tx.conn)?;
    let ids = |rows: Vec<Id>| rows.into_iter().map(|row| row.id).collect();
    Ok((ids(went), ids(shared)))
}

/// What belonged to both belongs to both again, as far as it is still there; and who was the one to turn to is it again.
fn link_again(tx: &mut Tx, customer_id: Uuid, was: &Moved) -> Result<(), StoreError> {
    prepared(
        "insert into activity_links (tenant_id, activity_id, customer_id, started_at, created_at) \
         select a.tenant_id, a.id, $2, a.started_at, $4 from activities a where a.tenant_id = $1 and a.id = any($3) \
         on conflict do nothing",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(customer_id)
    .bind::<Array<SqlUuid>, _>(&was.shared_activities)
    .bind::<Timestamptz, _>(tx.now)
    .execute(tx.conn)?;
    prepared(
        "insert into file_links (tenant_id, file_id, subject_type, subject_id, created_at) \
         select f.tenant_id, f.id, 'customer', $2, $4 from files f where f.tenant_id = $1 and f.id = any($3) \
         on conflict do nothing",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(customer_id)
    .bind::<Array<SqlUuid>, _>(&was.shared_files)
    .bind::<Timestamptz, _>(tx.now)
    .execute(tx.conn)?;
    if let Some(contact_id) = was.primary_contact {
        prepared(
            "update contacts set is_primary = true where tenant_id = $1 and id = $2 and customer_id = $3 \
             and deleted_at is null and not exists (select from contacts o where o.tenant_id = $1 and o.customer_id = $3 \
               and o.is_primary and o.deleted_at is null)",
        )
        .bind::<SqlUuid, _>(tx.actor.tenant_id)
        .bind::<SqlUuid, _>(contact_id)
        .bind::<SqlUuid, _>(customer_id)
        .execute(tx.conn)?;
    }
    Ok(())
}

fn visible<'a>(tx: &Tx) -> customer_merges::BoxedQuery<'a, Pg> {
    // Who sees what became of both.
    let seen = customers::visible(tx).select(customer_table::id);
    customer_merges::table
        .filter(customer_merges::tenant_id.eq(tx.actor.tenant_id))
        .filter(customer_merges::survivor_id.eq_any(seen))
        .into_boxed()
}

/// Notes a merge.
///
/// # Errors
/// [`StoreError::Unique`] when the customer is part of another one already.
pub fn insert(tx: &mut Tx, merge: &Merge) -> Result<(), StoreError> {
    diesel::insert_into(customer_merges::table).values(merge).execute(tx.conn)?;
    Ok(())
}

/// One merge.
///
/// # Errors
/// [`StoreError::NotFound`] when the actor doesn't see the customer that is left.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Merge, StoreError> {
    Ok(visible(tx).filter(customer_merges::id.eq(id)).select(Merge::as_select()).first(tx.conn)?)
}

/// One merge, for a change.
///
/// # Errors
/// [`StoreError::NotFound`] when the actor doesn't see the customer that is left.
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<Merge, StoreError> {
    find(tx, id)?;
    let query = customer_merges::table.find((tx.actor.tenant_id, id)).select(Merge::as_select());
    Ok(query.for_update().first(tx.conn)?)
}

/// Stores a merge that was undone.
///
/// # Errors
/// Those of the database.
pub fn replace(tx: &mut Tx, merge: &Merge) -> Result<(), StoreError> {
    diesel::update(customer_merges::table.find((tx.actor.tenant_id, merge.id)))
        .set(merge)
        .execute(tx.conn)?;
    Ok(())
}

/// A page, newest first; one row more than asked for when there is a next one. Of these customers, as the one or the other; empty is
/// all.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, customer_ids: &[Uuid], page: &PageRequest) -> Result<Vec<Merge>, StoreError> {
    let mut query = visible(tx);
    if !customer_ids.is_empty() {
        let ids = customer_ids.to_vec();
        query = query.filter(
            customer_merges::survivor_id.eq_any(ids.clone()).or(customer_merges::merged_id.eq_any(ids)),
        );
    }
    let query = keyset!(query, customer_merges::created_at, customer_merges::id, true, page.after_time());
    Ok(query.limit(page.limit + 1).select(Merge::as_select()).load(tx.conn)?)
}

/// A customer with those that became part of it, itself first: under their ids stands what happened to them.
///
/// # Errors
/// Those of the database.
pub fn with_merged(tx: &mut Tx, id: Uuid) -> Result<Vec<Uuid>, StoreError> {
    let rows: Vec<Id> = prepared(
        "with recursive parts (id, depth) as (select $2::uuid, 0 union all select m.merged_id, p.depth + 1 \
           from customer_merges m join parts p on m.survivor_id = p.id \
           where m.tenant_id = $1 and m.undone_at is null and p.depth < 100) select id from parts order by depth limit $3",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(id)
    .bind::<BigInt, _>(1000)
    .load(tx.conn)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
