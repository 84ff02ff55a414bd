//! Sessions: what signing in opens, and what a refresh token continues.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::schema::sessions;
use crate::{StoreError, Tx};

/// A session.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
#[allow(missing_docs)]
pub struct Session {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub user_id: Uuid,
    pub salt: Vec<u8>,
    pub generation: i32,
    pub user_agent: Option<String>,
    pub address: Option<String>,
    pub created_at: DateTime<Utc>,
    pub rotated_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub revoked_reason: Option<String>,
}

/// Opens a session.
///
/// # Errors
/// Those of the database.
pub fn insert(tx: &mut Tx, session: &Session) -> Result<(), StoreError> {
    diesel::insert_into(sessions::table).values(session).execute(tx.conn)?;
    Ok(())
}

/// One session, for a change.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn lock(tx: &mut Tx, tenant_id: Uuid, id: Uuid) -> Result<Session, StoreError> {
    Ok(sessions::table.find((tenant_id, id)).select(Session::as_select()).for_update().first(tx.conn)?)
}

/// Moves a session on by one refresh token.
///
/// # Errors
/// Those of the database.
pub fn rotate(tx: &mut Tx, session: &Session, expires_at: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::update(sessions::table.find((session.tenant_id, session.id)))
        .set((
            sessions::generation.eq(session.generation + 1),
            sessions::rotated_at.eq(tx.now),
            sessions::expires_at.eq(expires_at),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// A person's sessions that can still be continued, newest first. At most 200: who has more revokes them
/// all at once.
///
/// # Errors
/// Those of the database.
pub fn list_live(tx: &mut Tx, user_id: Uuid) -> Result<Vec<Session>, StoreError> {
    Ok(sessions::table
        .filter(sessions::tenant_id.eq(tx.actor.tenant_id))
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(tx.now))
        .order((sessions::created_at.desc(), sessions::id.desc()))
        .limit(200)
        .select(Session::as_select())
        .load(tx.conn)?)
}

/// Ends sessions of a person: one, or all but one, or all. Returns how many were live.
///
/// # Errors
/// Those of the database.
pub fn revoke(
    tx: &mut Tx,
    tenant_id: Uuid,
    user_id: Uuid,
    which: Which,
    reason: &str,
) -> Result<usize, StoreError> {
    let target = sessions::table
        .filter(sessions::tenant_id.eq(tenant_id))
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::revoked_at.is_null());
    let set = (sessions::revoked_at.eq(tx.now), sessions::revoked_reason.eq(reason));
    Ok(match which {
        Which::One(id) => diesel::update(target.filter(sessions::id.eq(id))).set(set).execute(tx.conn)?,
        Which::AllBut(id) => diesel::update(target.filter(sessions::id.ne(id))).set(set).execute(tx.conn)?,
        Which::All => diesel::update(target).set(set).execute(tx.conn)?,
    })
}

/// Which sessions of a person.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Which {
    One(Uuid),
    AllBut(Uuid),
    All,
}
