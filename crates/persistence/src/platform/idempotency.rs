//! Answers that were given to requests with an idempotency key.

use chrono::TimeDelta;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use uuid::Uuid;

use crate::db::prepared;
use crate::schema::idempotency_keys as keys;
use crate::{StoreError, Tx};

/// How long an answer is kept.
pub const KEPT: TimeDelta = TimeDelta::days(7);

/// What a key belongs to: it means something else for another caller, method or path.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct KeyOwner {
    pub principal_id: Uuid,
    pub method: String,
    pub path: String,
    pub key: String,
}

/// An answer that was given; `answer` is encrypted by the caller.
#[derive(Clone, Debug, Queryable)]
#[allow(missing_docs)]
pub struct StoredAnswer {
    pub request_hash: Vec<u8>,
    pub status: i16,
    pub answer: Vec<u8>,
}

/// What is known about a key.
pub enum Known {
    /// Nothing: this request goes ahead, and others with the key wait outside until it ends.
    New,
    /// Another request with the key is still running.
    Running,
    /// It was answered.
    Answered(StoredAnswer),
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    locked: bool,
}

/// Claims a key for the rest of the transaction, or says what became of it.
///
/// # Errors
/// Those of the database.
pub fn claim(tx: &mut Tx, owner: &KeyOwner) -> Result<Known, StoreError> {
    let lock = format!(
        "{}/{}/{}/{}/{}",
        tx.actor.tenant_id, owner.principal_id, owner.method, owner.path, owner.key
    );
    let Locked { locked } = prepared("select pg_try_advisory_xact_lock(hashtextextended($1, 1)) as locked")
        .bind::<Text, _>(lock)
        .get_result(tx.conn)?;
    if !locked {
        return Ok(Known::Running);
    }
    let answered = keys::table
        .find((tx.actor.tenant_id, owner.principal_id, &owner.method, &owner.path, &owner.key))
        .filter(keys::created_at.gt(tx.now - KEPT))
        .select((keys::request_hash, keys::status, keys::answer))
        .first(tx.conn)
        .optional()?;
    Ok(answered.map_or(Known::New, Known::Answered))
}

/// Keeps an answer, in the transaction of the write that it answers.
///
/// # Errors
/// Those of the database.
pub fn keep(tx: &mut Tx, owner: &KeyOwner, answer: &StoredAnswer) -> Result<(), StoreError> {
    let row = (
        keys::tenant_id.eq(tx.actor.tenant_id),
        keys::principal_id.eq(owner.principal_id),
        keys::method.eq(&owner.method),
        keys::path.eq(&owner.path),
        keys::key.eq(&owner.key),
        keys::request_hash.eq(&answer.request_hash),
        keys::status.eq(answer.status),
        keys::answer.eq(&answer.answer),
        keys::created_at.eq(tx.now),
    );
    // An answer that was past its time is replaced.
    diesel::insert_into(keys::table)
        .values(row)
        .on_conflict((keys::tenant_id, keys::principal_id, keys::method, keys::path, keys::key))
        .do_update()
        .set((
            keys::request_hash.eq(&answer.request_hash),
            keys::status.eq(answer.status),
            keys::answer.eq(&answer.answer),
            keys::created_at.eq(tx.now),
        ))
        .execute(tx.conn)?;
    Ok(())
}
