//! Keys of API clients.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use uuid::Uuid;

use super::api_clients::{self, ApiClient};
use crate::paging::{PageRequest, keyset};
use crate::schema::api_keys;
use crate::{StoreError, Tx};

/// A key; of its secret only the hash is known.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys)]
#[allow(missing_docs)]
pub struct ApiKey {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub client_id: Uuid,
    pub name: String,
    pub prefix: String,
    pub secret_hash: Vec<u8>,
    pub permissions: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The time of the last use is kept to this precision, so that using a key is not a write each time.
const LAST_USE_PRECISION: TimeDelta = TimeDelta::minutes(1);

fn visible<'a>(tx: &Tx) -> api_keys::BoxedQuery<'a, Pg> {
    api_keys::table.filter(api_keys::tenant_id.eq(tx.actor.tenant_id)).into_boxed()
}

/// Adds a key.
///
/// # Errors
/// Those of the database.
pub fn insert(tx: &mut Tx, key: &ApiKey) -> Result<(), StoreError> {
    diesel::insert_into(api_keys::table).values(key).execute(tx.conn)?;
    Ok(())
}

/// One key of a client that the actor may see.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn find(tx: &mut Tx, id: Uuid) -> Result<ApiKey, StoreError> {
    let key = visible(tx).filter(api_keys::id.eq(id)).select(ApiKey::as_select()).first(tx.conn)?;
    api_clients::find(tx, key.client_id)?;
    Ok(key)
}

/// A page of a client's keys in order of creation, one row more than asked for when there is a next one.
///
/// # Errors
/// [`StoreError::NotFound`] when the actor may not see the client.
pub fn list(tx: &mut Tx, client_id: Uuid, page: &PageRequest) -> Result<Vec<ApiKey>, StoreError> {
    api_clients::find(tx, client_id)?;
    let query = visible(tx).filter(api_keys::client_id.eq(client_id));
    let query = keyset!(query, api_keys::created_at, api_keys::id, false, page.after_time());
    Ok(query.limit(page.limit + 1).select(ApiKey::as_select()).load(tx.conn)?)
}

/// Ends a key; ending it again changes nothing.
///
/// # Errors
/// Those of the database.
pub fn revoke(tx: &mut Tx, id: Uuid) -> Result<(), StoreError> {
    diesel::update(api_keys::table.find((tx.actor.tenant_id, id)).filter(api_keys::revoked_at.is_null()))
        .set(api_keys::revoked_at.eq(tx.now))
        .execute(tx.conn)?;
    Ok(())
}

/// A key that is presented, with its client.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such key that may still be used.
pub fn present(tx: &mut Tx, tenant_id: Uuid, id: Uuid) -> Result<(ApiKey, ApiClient), StoreError> {
    let key = api_keys::table
        .find((tenant_id, id))
        .filter(api_keys::revoked_at.is_null())
        .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(tx.now)))
        .select(ApiKey::as_select())
        .first(tx.conn)?;
    let client = api_clients::to_sign_in(tx, tenant_id, key.client_id)?;
    Ok((key, client))
}

/// Notes that a key was used.
///
/// # Errors
/// Those of the database.
pub fn note_use(tx: &mut Tx, key: &ApiKey) -> Result<(), StoreError> {
    if key.last_used_at.is_none_or(|last| last + LAST_USE_PRECISION < tx.now) {
        diesel::update(api_keys::table.find((key.tenant_id, key.id)))
            .set(api_keys::last_used_at.eq(tx.now))
            .execute(tx.conn)?;
    }
    Ok(())
}
