//! People who may sign in.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use uuid::Uuid;

use super::roles::Role;
use super::scope;
use crate::db::prepared;
use crate::paging::{PageRequest, keyset};
use crate::schema::{roles, users};
use crate::{StoreError, Tx};

/// A person.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = users, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct User {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub email: String,
    pub name: String,
    pub password_hash: Option<String>,
    pub department_id: Uuid,
    pub role_id: Uuid,
    pub locale: String,
    pub time_zone: Option<String>,
    pub disabled_at: Option<DateTime<Utc>>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Which people; empty lists don't restrict.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Filter {
    pub emails: Vec<String>,
    pub department_ids: Vec<Uuid>,
    pub role_ids: Vec<Uuid>,
    pub disabled: Option<bool>,
}

fn visible<'a>(tx: &Tx) -> users::BoxedQuery<'a, Pg> {
    let query = users::table.filter(users::tenant_id.eq(tx.actor.tenant_id)).into_boxed();
    match scope::condition(tx, "users.id", "users.department_id") {
        Some(condition) => query.filter(condition),
        None => query,
    }
}

/// Adds a person.
///
/// # Errors
/// [`StoreError::Unique`] when the address is taken.
pub fn insert(tx: &mut Tx, user: &User) -> Result<(), StoreError> {
    diesel::insert_into(users::table).values(user).execute(tx.conn)?;
    Ok(())
}

/// One person.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none in the actor's scope.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<User, StoreError> {
    Ok(visible(tx).filter(users::id.eq(id)).select(User::as_select()).first(tx.conn)?)
}

/// One person, for a change.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none in the actor's scope.
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<User, StoreError> {
    find(tx, id)?;
    Ok(users::table.find((tx.actor.tenant_id, id)).select(User::as_select()).for_update().first(tx.conn)?)
}

/// A person with the role, for signing in and for building tokens: not limited by anybody's scope.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn with_role(tx: &mut Tx, tenant_id: Uuid, who: Who) -> Result<(User, Role), StoreError> {
    let query = users::table
        .inner_join(roles::table.on(roles::tenant_id.eq(users::tenant_id).and(roles::id.eq(users::role_id))))
        .filter(users::tenant_id.eq(tenant_id))
        .filter(users::deleted_at.is_null())
        .select((User::as_select(), Role::as_select()))
        .into_boxed();
    Ok(match who {
        Who::Id(id) => query.filter(users::id.eq(id)),
        Who::Email(email) => query.filter(users::email.eq(email)),
    }
    .first(tx.conn)?)
}

/// A person, for a change of their own: held, and not limited by anybody's scope.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn lock_anybody(tx: &mut Tx, id: Uuid) -> Result<User, StoreError> {
    Ok(users::table
        .find((tx.actor.tenant_id, id))
        .filter(users::deleted_at.is_null())
        .select(User::as_select())
        .for_update()
        .first(tx.conn)?)
}

/// One person in the actor's scope, who stays as they are until the transaction ends.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none in the actor's scope.
pub fn hold(tx: &mut Tx, id: Uuid) -> Result<User, StoreError> {
    let query = users::table.find((tx.actor.tenant_id, id)).select(User::as_select()).for_share();
    Ok(match scope::condition(tx, "users.id", "users.department_id") {
        Some(condition) => query.filter(condition).first(tx.conn)?,
        None => query.first(tx.conn)?,
    })
}

/// How a person is named.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Who {
    Id(Uuid),
    Email(String),
}

/// Several people by id: names beside ids that the actor was shown anyway.
///
/// # Errors
/// Those of the database.
pub fn named(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<User>, StoreError> {
    Ok(users::table
        .filter(users::tenant_id.eq(tx.actor.tenant_id))
        .filter(users::id.eq_any(ids))
        .select(User::as_select())
        .load(tx.conn)?)
}

/// A page in order of creation, one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, filter: &Filter, page: &PageRequest) -> Result<Vec<User>, StoreError> {
    let mut query = visible(tx).filter(users::deleted_at.is_null());
    if !filter.emails.is_empty() {
        query = query.filter(users::email.eq_any(filter.emails.clone()));
    }
    if !filter.department_ids.is_empty() {
        query = query.filter(users::department_id.eq_any(filter.department_ids.clone()));
    }
    if !filter.role_ids.is_empty() {
        query = query.filter(users::role_id.eq_any(filter.role_ids.clone()));
    }
    match filter.disabled {
        Some(true) => query = query.filter(users::disabled_at.is_not_null()),
        Some(false) => query = query.filter(users::disabled_at.is_null()),
        None => {}
    }
    let query = keyset!(query, users::created_at, users::id, false, page.after_time());
    Ok(query.limit(page.limit + 1).select(User::as_select()).load(tx.conn)?)
}

/// Stores a changed person.
///
/// # Errors
/// [`StoreError::Unique`] when the address is taken.
pub fn replace(tx: &mut Tx, user: &User) -> Result<(), StoreError> {
    diesel::update(users::table.find((tx.actor.tenant_id, user.id))).set(user).execute(tx.conn)?;
    Ok(())
}

/// Whether the company has somebody enabled who may do all of this in the whole company. Held for the rest of the
/// transaction against others who ask the same: two administrators can't remove each other at once.
///
/// # Errors
/// Those of the database.
pub fn somebody_may(tx: &mut Tx, permissions: &[&str]) -> Result<bool, StoreError> {
    prepared("select pg_advisory_xact_lock(hashtextextended($1, 3))")
        .bind::<diesel::sql_types::Text, _>(tx.actor.tenant_id.to_string())
        .execute(tx.conn)?;
    let wanted: Vec<String> = permissions.iter().map(|word| (*word).to_owned()).collect();
    let able = users::table
        .inner_join(roles::table.on(roles::tenant_id.eq(users::tenant_id).and(roles::id.eq(users::role_id))))
        .filter(users::tenant_id.eq(tx.actor.tenant_id))
        .filter(users::deleted_at.is_null())
        .filter(users::disabled_at.is_null())
        .filter(roles::data_scope.eq("tenant"))
        .filter(roles::permissions.contains(wanted));
    Ok(diesel::select(diesel::dsl::exists(able)).get_result(tx.conn)?)
}

/// Who leads a person: who leads their department, else the one above, and so on. Nobody leads themselves, and accounts that are disabled
/// or deleted lead nobody.
///
/// # Errors
/// Those of the database.
pub fn manager_of(tx: &mut Tx, id: Uuid) -> Result<Option<User>, StoreError> {
    let found: Option<Found> = prepared(
        "select m.id from users u join departments home on home.tenant_id = u.tenant_id and home.id = u.department_id \
         join departments d on d.tenant_id = u.tenant_id and starts_with(home.path, d.path) and d.deleted_at is null \
         join users m on m.tenant_id = d.tenant_id and m.id = d.manager_id \
         where u.tenant_id = $1 and u.id = $2 and m.id <> u.id and m.disabled_at is null and m.deleted_at is null \
         order by length(d.path) desc limit 1",
    )
    .bind::<diesel::sql_types::Uuid, _>(tx.actor.tenant_id)
    .bind::<diesel::sql_types::Uuid, _>(id)
    .get_result(tx.conn)
    .optional()?;
    match found {
        Some(Found { id }) => Ok(named(tx, &[id])?.pop()),
        None => Ok(None),
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    id: Uuid,
}

/// Those enabled who have a permission in the whole company, in the order in which they came, so many at most.
///
/// # Errors
/// Those of the database.
pub fn who_may(tx: &mut Tx, permission: &str, limit: i64) -> Result<Vec<Uuid>, StoreError> {
    Ok(users::table
        .inner_join(roles::table.on(roles::tenant_id.eq(users::tenant_id).and(roles::id.eq(users::role_id))))
        .filter(users::tenant_id.eq(tx.actor.tenant_id))
        .filter(users::deleted_at.is_null())
        .filter(users::disabled_at.is_null())
        .filter(roles::data_scope.eq("tenant"))
        .filter(roles::permissions.contains(vec![permission.to_owned()]))
        .order((users::created_at, users::id))
        .limit(limit)
        .select(users::id)
        .load(tx.conn)?)
}

/// The people that the actor sees and that records can be given to.
///
/// # Errors
/// Those of the database.
pub fn to_assign(tx: &mut Tx) -> Result<Vec<User>, StoreError> {
    let people = visible(tx).filter(users::deleted_at.is_null()).filter(users::disabled_at.is_null());
    Ok(people.order(users::id).limit(50_000).select(User::as_select()).load(tx.conn)?)
}
