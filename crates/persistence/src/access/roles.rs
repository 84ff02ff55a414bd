//! Roles.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use uuid::Uuid;

use crate::paging::{PageRequest, keyset};
use crate::schema::{roles, users};
use crate::{StoreError, Tx};

/// A role.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = roles, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct Role {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub key: String,
    pub name: String,
    pub permissions: Vec<String>,
    pub data_scope: String,
    pub built_in: bool,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
}

fn visible<'a>(tx: &Tx) -> roles::BoxedQuery<'a, Pg> {
    roles::table.filter(roles::tenant_id.eq(tx.actor.tenant_id)).into_boxed()
}

/// Adds roles.
///
/// # Errors
/// [`StoreError::Unique`] when a key is taken.
pub fn insert(tx: &mut Tx, new: &[Role]) -> Result<(), StoreError> {
    diesel::insert_into(roles::table).values(new).execute(tx.conn)?;
    Ok(())
}

/// One role.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Role, StoreError> {
    Ok(visible(tx).filter(roles::id.eq(id)).select(Role::as_select()).first(tx.conn)?)
}

/// One role, for a change.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<Role, StoreError> {
    Ok(roles::table.find((tx.actor.tenant_id, id)).select(Role::as_select()).for_update().first(tx.conn)?)
}

/// One role, which stays as it is until the transaction ends.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn hold(tx: &mut Tx, id: Uuid) -> Result<Role, StoreError> {
    Ok(roles::table.find((tx.actor.tenant_id, id)).select(Role::as_select()).for_share().first(tx.conn)?)
}

/// One role by its key.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn find_by_key(tx: &mut Tx, key: &str) -> Result<Role, StoreError> {
    Ok(visible(tx)
        .filter(roles::key.eq(key.to_owned()))
        .filter(roles::deleted_at.is_null())
        .select(Role::as_select())
        .first(tx.conn)?)
}

/// A page in order of creation, one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, page: &PageRequest) -> Result<Vec<Role>, StoreError> {
    let query = visible(tx).filter(roles::deleted_at.is_null());
    let query = keyset!(query, roles::created_at, roles::id, false, page.after_time());
    Ok(query.limit(page.limit + 1).select(Role::as_select()).load(tx.conn)?)
}

/// Stores a changed role.
///
/// # Errors
/// [`StoreError::Unique`] when the key is taken.
pub fn replace(tx: &mut Tx, role: &Role) -> Result<(), StoreError> {
    diesel::update(roles::table.find((tx.actor.tenant_id, role.id))).set(role).execute(tx.conn)?;
    Ok(())
}

/// Gives the built-in administrators of all companies every permission that this program knows.
///
/// # Errors
/// Those of the database.
pub fn complete_administrators(url: &str, permissions: &[String]) -> Result<(), StoreError> {
    let conn = &mut crate::migrations::connect(url)?;
    diesel::update(roles::table.filter(roles::built_in).filter(roles::key.eq("admin")))
        .filter(roles::permissions.ne(permissions))
        .set((roles::permissions.eq(permissions), roles::version.eq(roles::version + 1)))
        .execute(conn)?;
    Ok(())
}

/// Whether somebody has the role.
///
/// # Errors
/// Those of the database.
pub fn in_use(tx: &mut Tx, id: Uuid) -> Result<bool, StoreError> {
    let people = users::table
        .filter(users::tenant_id.eq(tx.actor.tenant_id))
        .filter(users::role_id.eq(id))
        .filter(users::deleted_at.is_null());
    Ok(diesel::select(diesel::dsl::exists(people)).get_result(tx.conn)?)
}
