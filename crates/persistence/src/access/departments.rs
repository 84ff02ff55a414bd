//! Departments. Everybody in a company may see its structure, so only the tenant limits what is visible.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text, Uuid as SqlUuid};
use uuid::Uuid;

use crate::db::prepared;
use crate::paging::{PageRequest, keyset};
use crate::schema::{api_clients, customers, departments, users};
use crate::{StoreError, Tx};

/// A department.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = departments, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct Department {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub parent_id: Option<Uuid>,
    pub name: String,
    pub path: String,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
    /// Who leads it.
    pub manager_id: Option<Uuid>,
}

fn visible<'a>(tx: &Tx) -> departments::BoxedQuery<'a, Pg> {
    departments::table.filter(departments::tenant_id.eq(tx.actor.tenant_id)).into_boxed()
}

/// Adds a department.
///
/// # Errors
/// [`StoreError::Unique`] when the parent has one of that name.
pub fn insert(tx: &mut Tx, department: &Department) -> Result<(), StoreError> {
    diesel::insert_into(departments::table).values(department).execute(tx.conn)?;
    Ok(())
}

/// One department.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Department, StoreError> {
    Ok(visible(tx).filter(departments::id.eq(id)).select(Department::as_select()).first(tx.conn)?)
}

/// One department, for a change. The whole tree is held, because a move concerns all paths in it.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<Department, StoreError> {
    lock_tree(tx)?;
    Ok(departments::table
        .find((tx.actor.tenant_id, id))
        .select(Department::as_select())
        .for_update()
        .first(tx.conn)?)
}

/// Lets one transaction at a time change the shape of the tree.
///
/// # Errors
/// Those of the database.
pub fn lock_tree(tx: &mut Tx) -> Result<(), StoreError> {
    prepared("select pg_advisory_xact_lock(hashtextextended($1, 2))")
        .bind::<Text, _>(tx.actor.tenant_id.to_string())
        .execute(tx.conn)?;
    Ok(())
}

/// Several departments by id.
///
/// # Errors
/// Those of the database.
pub fn find_all(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Department>, StoreError> {
    Ok(visible(tx)
        .filter(departments::id.eq_any(ids.to_vec()))
        .select(Department::as_select())
        .load(tx.conn)?)
}

/// A page in order of creation, one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, parent: Option<Uuid>, page: &PageRequest) -> Result<Vec<Department>, StoreError> {
    let mut query = visible(tx).filter(departments::deleted_at.is_null());
    if let Some(parent) = parent {
        query = query.filter(departments::parent_id.eq(parent));
    }
    let query = keyset!(query, departments::created_at, departments::id, false, page.after_time());
    Ok(query.limit(page.limit + 1).select(Department::as_select()).load(tx.conn)?)
}

/// Stores a changed department.
///
/// # Errors
/// [`StoreError::Unique`] when the parent has one of that name.
pub fn replace(tx: &mut Tx, department: &Department) -> Result<(), StoreError> {
    diesel::update(departments::table.find((tx.actor.tenant_id, department.id)))
        .set(department)
        .execute(tx.conn)?;
    Ok(())
}

/// Gives everything below `from` (a path) its place below `to`.
///
/// # Errors
/// Those of the database.
pub fn move_subtree(tx: &mut Tx, from: &str, to: &str) -> Result<(), StoreError> {
    prepared(
        "update departments set path = $3 || substr(path, length($2) + 1), version = version + 1, updated_at = $4 \
         where tenant_id = $1 and starts_with(path, $2) and path <> $2",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<Text, _>(from)
    .bind::<Text, _>(to)
    .bind::<diesel::sql_types::Timestamptz, _>(tx.now)
    .execute(tx.conn)?;
    Ok(())
}

/// Whether live departments, people, programs or customers stand in the department.
///
/// # Errors
/// Those of the database.
pub fn in_use(tx: &mut Tx, id: Uuid) -> Result<bool, StoreError> {
    use diesel::dsl::exists;
    let tenant_id = tx.actor.tenant_id;
    let children = departments::table
        .filter(departments::tenant_id.eq(tenant_id))
        .filter(departments::parent_id.eq(id))
        .filter(departments::deleted_at.is_null());
    let people = users::table
        .filter(users::tenant_id.eq(tenant_id))
        .filter(users::department_id.eq(id))
        .filter(users::deleted_at.is_null());
    let programs = api_clients::table
        .filter(api_clients::tenant_id.eq(tenant_id))
        .filter(api_clients::department_id.eq(id))
        .filter(api_clients::deleted_at.is_null());
    let owned = customers::table
        .filter(customers::tenant_id.eq(tenant_id))
        .filter(customers::department_id.eq(id))
        .filter(customers::deleted_at.is_null());
    let any = exists(children).or(exists(people)).or(exists(programs)).or(exists(owned));
    Ok(diesel::select(any).get_result(tx.conn)?)
}

/// A department and everything below it, in order of their ids.
///
/// # Errors
/// Those of the database.
pub fn below(tx: &mut Tx, id: Uuid) -> Result<Vec<Uuid>, StoreError> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }
    let found: Vec<Found> = prepared(
        "select d.id from departments d where d.tenant_id = $1 and starts_with(d.path, \
         (select t.path from departments t where t.tenant_id = $1 and t.id = $2)) order by d.id",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(id)
    .load(tx.conn)?;
    Ok(found.into_iter().map(|found| found.id).collect())
}

/// The deepest path below (and including) a department, in characters.
///
/// # Errors
/// Those of the database.
pub fn longest_path(tx: &mut Tx, path: &str) -> Result<String, StoreError> {
    Ok(visible(tx)
        .filter(sql::<Bool>("starts_with(departments.path, ").bind::<Text, _>(path.to_owned()).sql(")"))
        .order(sql::<diesel::sql_types::Integer>("length(path) desc"))
        .select(departments::path)
        .first(tx.conn)?)
}

/// Whether a live department lies within the actor's scope, so that people and programs may be put there. It stays
/// as it is until the transaction ends.
///
/// # Errors
/// Those of the database.
pub fn within_reach(tx: &mut Tx, id: Uuid) -> Result<bool, StoreError> {
    let query = visible(tx).filter(departments::id.eq(id)).filter(departments::deleted_at.is_null());
    let query = match super::scope::condition(tx, "null::uuid", "departments.id") {
        Some(condition) => query.filter(condition),
        None => query,
    };
    let reached: i64 = query.count().get_result(tx.conn)?;
    let held: Option<Uuid> = departments::table
        .find((tx.actor.tenant_id, id))
        .filter(departments::deleted_at.is_null())
        .select(departments::id)
        .for_share()
        .first(tx.conn)
        .optional()?;
    Ok(reached > 0 && held.is_some())
}

/// The oldest department that stands below no other one.
///
/// # Errors
/// Those of the database.
pub fn top(tx: &mut Tx) -> Result<Option<Uuid>, StoreError> {
    Ok(visible(tx)
        .filter(departments::parent_id.is_null())
        .filter(departments::deleted_at.is_null())
        .order((departments::created_at, departments::id))
        .select(departments::id)
        .first(tx.conn)
        .optional()?)
}
