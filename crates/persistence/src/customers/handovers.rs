//! Customers that are given from their owners to somebody else.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use fulcrum_domain::access::DataScope;
use uuid::Uuid;

use crate::db::prepared;
use crate::paging::{PageRequest, keyset};
use crate::schema::{handover_items, handovers};
use crate::{Json, StoreError, Tx};

/// A handover.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = handovers, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct Handover {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub to_owner_id: Uuid,
    pub with_tasks: bool,
    pub note: Option<String>,
    pub customer_count: i64,
    pub task_count: i64,
    pub summary: Json,
    pub created_by_type: String,
    pub created_by_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub undone_at: Option<DateTime<Utc>>,
}

/// A customer that was given over.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = handover_items)]
#[allow(missing_docs)]
pub struct Item {
    pub tenant_id: Uuid,
    pub handover_id: Uuid,
    pub customer_id: Uuid,
    pub from_owner_id: Option<Uuid>,
    pub task_ids: Vec<Uuid>,
}

/// Those that the actor made or got; in the scope of the company all.
fn visible<'a>(tx: &Tx) -> handovers::BoxedQuery<'a, Pg> {
    let query = handovers::table.filter(handovers::tenant_id.eq(tx.actor.tenant_id)).into_boxed();
    if tx.actor.scope == DataScope::Tenant {
        return query;
    }
    let me = tx.actor.principal_id();
    query.filter(handovers::created_by_id.eq(me).or(handovers::to_owner_id.nullable().eq(me)))
}

/// Adds a handover.
///
/// # Errors
/// Those of the database.
pub fn insert(tx: &mut Tx, handover: &Handover) -> Result<(), StoreError> {
    diesel::insert_into(handovers::table).values(handover).execute(tx.conn)?;
    Ok(())
}

/// One handover.
///
/// # Errors
/// [`StoreError::NotFound`] when it isn't the actor's business.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Handover, StoreError> {
    Ok(visible(tx).filter(handovers::id.eq(id)).select(Handover::as_select()).first(tx.conn)?)
}

/// One handover, for a change.
///
/// # Errors
/// [`StoreError::NotFound`] when it isn't the actor's business.
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<Handover, StoreError> {
    find(tx, id)?;
    let query = handovers::table.find((tx.actor.tenant_id, id)).select(Handover::as_select());
    Ok(query.for_update().first(tx.conn)?)
}

/// Stores a changed handover.
///
/// # Errors
/// Those of the database.
pub fn replace(tx: &mut Tx, handover: &Handover) -> Result<(), StoreError> {
    diesel::update(handovers::table.find((tx.actor.tenant_id, handover.id)))
        .set(handover)
        .execute(tx.conn)?;
    Ok(())
}

/// A page, newest first; one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, page: &PageRequest) -> Result<Vec<Handover>, StoreError> {
    let query = keyset!(visible(tx), handovers::created_at, handovers::id, true, page.after_time());
    Ok(query.limit(page.limit + 1).select(Handover::as_select()).load(tx.conn)?)
}

/// Notes customers that were given over.
///
/// # Errors
/// Those of the database.
pub fn add_items(tx: &mut Tx, items: &[Item]) -> Result<(), StoreError> {
    diesel::insert_into(handover_items::table).values(items).execute(tx.conn)?;
    Ok(())
}

/// Some of the customers that were given over, behind one.
///
/// # Errors
/// Those of the database.
pub fn items(tx: &mut Tx, handover_id: Uuid, after: Uuid, limit: i64) -> Result<Vec<Item>, StoreError> {
    Ok(handover_items::table
        .filter(handover_items::tenant_id.eq(tx.actor.tenant_id))
        .filter(handover_items::handover_id.eq(handover_id))
        .filter(handover_items::customer_id.gt(after))
        .order(handover_items::customer_id)
        .limit(limit)
        .select(Item::as_select())
        .load(tx.conn)?)
}

#[derive(QueryableByName)]
struct Given {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    overdue: bool,
}

/// Gives somebody's open tasks about a customer to somebody else, each with a version and an event: all of them, or those in `only`.
/// Returns them, and how many are overdue.
///
/// # Errors
/// Those of the database.
pub fn give_tasks(
    tx: &mut Tx,
    customer_id: Uuid,
    from: Uuid,
    (to, department_id): (Uuid, Uuid),
    only: Option<&[Uuid]>,
) -> Result<(Vec<Uuid>, i64), StoreError> {
    let given: Vec<Given> = prepared(
        "with old as (select id from tasks where tenant_id = $1 and customer_id = $2 and assignee_id = $3 and state = 'open' \
           and deleted_at is null and ($6::uuid[] is null or id = any($6)) order by id for update), \
         given as (update tasks t set assignee_id = $4, department_id = $5, version = t.version + 1, updated_at = $7 from old \
           where t.tenant_id = $1 and t.id = old.id returning t.id, t.version, coalesce(t.due_at < $7, false) as overdue), \
         told as (insert into events (tenant_id, at, xid, type, subject_type, subject_id, customer_id, actor_type, actor_id, \
           request_id, version, changes) \
         select $1, $7, pg_current_xact_id()::text::bigint, 'task.updated', 'task', id, $2, $8, $9, $10, version, \
           jsonb_build_object('assignee_id', jsonb_build_object('from', $3, 'to', $4)) from given order by id returning subject_id) \
         select given.id, given.overdue from given join told on told.subject_id = given.id",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(customer_id)
    .bind::<SqlUuid, _>(from)
    .bind::<SqlUuid, _>(to)
    .bind::<SqlUuid, _>(department_id)
    .bind::<Nullable<Array<SqlUuid>>, _>(only.map(<[Uuid]>::to_vec))
    .bind::<Timestamptz, _>(tx.now)
    .bind::<Text, _>(tx.actor.principal_type())
    .bind::<Nullable<SqlUuid>, _>(tx.actor.principal_id())
    .bind::<Nullable<Text>, _>(tx.request_id.clone())
    .load(tx.conn)?;
    let overdue = given.iter().filter(|task| task.overdue).count() as i64;
    Ok((given.into_iter().map(|task| task.id).collect(), overdue))
}
