//! Programs that may sign in.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use uuid::Uuid;

use crate::paging::{PageRequest, keyset};
use crate::schema::api_clients;
use crate::{StoreError, Tx};

/// An API client.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = api_clients, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct ApiClient {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub name: String,
    pub permissions: Vec<String>,
    pub data_scope: String,
    pub department_id: Uuid,
    pub secret_hash: Vec<u8>,
    pub disabled_at: Option<DateTime<Utc>>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
}

fn visible<'a>(tx: &Tx) -> api_clients::BoxedQuery<'a, Pg> {
    let query = api_clients::table.filter(api_clients::tenant_id.eq(tx.actor.tenant_id)).into_boxed();
    match super::scope::condition(tx, "api_clients.id", "api_clients.department_id") {
        Some(condition) => query.filter(condition),
        None => query,
    }
}

/// Adds a client.
///
/// # Errors
/// [`StoreError::Unique`] when the name is taken.
pub fn insert(tx: &mut Tx, client: &ApiClient) -> Result<(), StoreError> {
    diesel::insert_into(api_clients::table).values(client).execute(tx.conn)?;
    Ok(())
}

/// One client.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none in the actor's scope.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<ApiClient, StoreError> {
    Ok(visible(tx).filter(api_clients::id.eq(id)).select(ApiClient::as_select()).first(tx.conn)?)
}

/// One client, for a change.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none in the actor's scope.
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<ApiClient, StoreError> {
    find(tx, id)?;
    Ok(api_clients::table
        .find((tx.actor.tenant_id, id))
        .select(ApiClient::as_select())
        .for_update()
        .first(tx.conn)?)
}

/// A client that wants to sign in: not limited by anybody's scope.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn to_sign_in(tx: &mut Tx, tenant_id: Uuid, id: Uuid) -> Result<ApiClient, StoreError> {
    Ok(api_clients::table
        .find((tenant_id, id))
        .filter(api_clients::deleted_at.is_null())
        .filter(api_clients::disabled_at.is_null())
        .select(ApiClient::as_select())
        .first(tx.conn)?)
}

/// A page in order of creation, one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, page: &PageRequest) -> Result<Vec<ApiClient>, StoreError> {
    let query = visible(tx).filter(api_clients::deleted_at.is_null());
    let query = keyset!(query, api_clients::created_at, api_clients::id, false, page.after_time());
    Ok(query.limit(page.limit + 1).select(ApiClient::as_select()).load(tx.conn)?)
}

/// Stores a changed client.
///
/// # Errors
/// [`StoreError::Unique`] when the name is taken.
pub fn replace(tx: &mut Tx, client: &ApiClient) -> Result<(), StoreError> {
    diesel::update(api_clients::table.find((tx.actor.tenant_id, client.id))).set(client).execute(tx.conn)?;
    Ok(())
}
