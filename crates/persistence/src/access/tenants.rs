//! Companies. The one aggregate without a tenant, because it is the tenant.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::schema::tenants;
use crate::{StoreError, Tx};

/// A company.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = tenants)]
#[allow(missing_docs)]
pub struct Tenant {
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    pub time_zone: String,
    pub currency: String,
    pub region: String,
    pub locale: String,
    pub created_at: DateTime<Utc>,
    pub task_escalation_minutes: i32,
    pub version: i32,
    pub updated_at: DateTime<Utc>,
}

/// Adds a company.
///
/// # Errors
/// [`StoreError::Unique`] when the slug is taken.
pub fn insert(tx: &mut Tx, tenant: &Tenant) -> Result<(), StoreError> {
    diesel::insert_into(tenants::table).values(tenant).execute(tx.conn)?;
    Ok(())
}

/// The company with this slug; without a slug the only one that there is.
///
/// # Errors
/// Those of the database.
pub fn find_by_slug(tx: &mut Tx, slug: Option<&str>) -> Result<Option<Tenant>, StoreError> {
    let mut query = tenants::table.select(Tenant::as_select()).limit(2).into_boxed();
    if let Some(slug) = slug {
        query = query.filter(tenants::slug.eq(slug.to_owned()));
    }
    let mut found: Vec<Tenant> = query.load(tx.conn)?;
    Ok(if found.len() == 1 { found.pop() } else { None })
}

/// The company with this id.
///
/// # Errors
/// Those of the database.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Tenant>, StoreError> {
    Ok(tenants::table.find(id).select(Tenant::as_select()).first(tx.conn).optional()?)
}

/// Number of companies.
///
/// # Errors
/// Those of the database.
pub fn count(tx: &mut Tx) -> Result<i64, StoreError> {
    Ok(tenants::table.count().get_result(tx.conn)?)
}

/// The actor's company, held until the transaction ends.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn lock(tx: &mut Tx) -> Result<Tenant, StoreError> {
    Ok(tenants::table.find(tx.actor.tenant_id).select(Tenant::as_select()).for_update().first(tx.conn)?)
}

/// Stores a changed company.
///
/// # Errors
/// Those of the database.
pub fn replace(tx: &mut Tx, tenant: &Tenant) -> Result<(), StoreError> {
    diesel::update(tenants::table.find(tx.actor.tenant_id)).set(tenant).execute(tx.conn)?;
    Ok(())
}
