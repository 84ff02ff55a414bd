//! Ids that other systems know our records by.

use diesel::dsl::sql;
use diesel::internal::table_macro::{BoxedSelectStatement, FromClause};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Text, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::prepared;
use crate::schema::external_ids;
use crate::{StoreError, Tx};

/// An id in another system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalId {
    /// The other system's name.
    pub system: String,
    /// The id there.
    pub external_id: String,
}

/// Lets one transaction at a time decide what an external id refers to, so that two upserts of a new
/// record don't both create it.
///
/// # Errors
/// Those of the database.
pub fn lock(tx: &mut Tx, subject_type: &str, id: &ExternalId) -> Result<(), StoreError> {
    let key = format!("{}/{subject_type}/{}/{}", tx.actor.tenant_id, id.system, id.external_id);
    prepared("select pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind::<Text, _>(key)
        .execute(tx.conn)?;
    Ok(())
}

/// The record that an external id refers to, whether the actor may see it or not.
///
/// # Errors
/// Those of the database.
pub fn find(tx: &mut Tx, subject_type: &str, id: &ExternalId) -> Result<Option<Uuid>, StoreError> {
    Ok(external_ids::table
        .filter(external_ids::tenant_id.eq(tx.actor.tenant_id))
        .filter(external_ids::subject_type.eq(subject_type))
        .filter(external_ids::system.eq(&id.system))
        .filter(external_ids::external_id.eq(&id.external_id))
        .select(external_ids::subject_id)
        .first(tx.conn)
        .optional()?)
}

/// A record other than `own` that has one of the external ids, whether the actor may see it or not.
///
/// # Errors
/// Those of the database.
pub fn taken_by(
    tx: &mut Tx,
    subject_type: &'static str,
    own: Uuid,
    wanted: &[ExternalId],
) -> Result<Option<Uuid>, StoreError> {
    if wanted.is_empty() {
        return Ok(None);
    }
    let wanted: Vec<_> = wanted.iter().map(|id| (id.system.clone(), id.external_id.clone())).collect();
    Ok(subjects(tx, subject_type, &wanted)
        .filter(external_ids::subject_id.ne(own))
        .first(tx.conn)
        .optional()?)
}

/// Makes the external ids of a record exactly these.
///
/// # Errors
/// [`StoreError::Unique`] when another record has one of them.
pub fn replace(
    tx: &mut Tx,
    subject_type: &str,
    subject_id: Uuid,
    before: &[ExternalId],
    after: &[ExternalId],
) -> Result<(), StoreError> {
    let gone: Vec<_> = before.iter().filter(|id| !after.contains(id)).collect();
    if !gone.is_empty() {
        let (systems, ids): (Vec<_>, Vec<_>) =
            gone.into_iter().map(|id| (id.system.as_str(), id.external_id.as_str())).unzip();
        prepared(
            "delete from external_ids e using unnest($3, $4) as gone (system, external_id) where e.tenant_id = $1 \
             and e.subject_type = $2 and e.system = gone.system and e.external_id = gone.external_id",
        )
        .bind::<SqlUuid, _>(tx.actor.tenant_id)
        .bind::<Text, _>(subject_type)
        .bind::<Array<Text>, _>(systems)
        .bind::<Array<Text>, _>(ids)
        .execute(tx.conn)?;
    }
    let new: Vec<_> = after
        .iter()
        .filter(|id| !before.contains(id))
        .map(|id| {
            (
                external_ids::tenant_id.eq(tx.actor.tenant_id),
                external_ids::subject_type.eq(subject_type),
                external_ids::system.eq(&id.system),
                external_ids::external_id.eq(&id.external_id),
                external_ids::subject_id.eq(subject_id),
            )
        })
        .collect();
    if !new.is_empty() {
        diesel::insert_into(external_ids::table).values(new).execute(tx.conn)?;
    }
    Ok(())
}

/// The ids of the records that have one of these external ids, as a subquery.
pub(crate) fn subjects<'a>(
    tx: &Tx,
    subject_type: &'static str,
    wanted: &[(String, String)],
) -> BoxedSelectStatement<'a, SqlUuid, FromClause<external_ids::table>, Pg> {
    let (systems, ids): (Vec<_>, Vec<_>) = wanted.iter().cloned().unzip();
    external_ids::table
        .filter(external_ids::tenant_id.eq(tx.actor.tenant_id))
        .filter(external_ids::subject_type.eq(subject_type))
        .filter(
            sql::<Bool>("(external_ids.system, external_ids.external_id) in (select * from unnest(")
                .bind::<Array<Text>, _>(systems)
                .sql(", ")
                .bind::<Array<Text>, _>(ids)
                .sql("))"),
        )
        .select(external_ids::subject_id)
        .into_boxed()
}

/// The records that these external ids refer to, whether the actor may see them or not.
///
/// # Errors
/// Those of the database.
pub fn find_all(
    tx: &mut Tx,
    subject_type: &'static str,
    system: &str,
    wanted: &[String],
) -> Result<Vec<(String, Uuid)>, StoreError> {
    Ok(external_ids::table
        .filter(external_ids::tenant_id.eq(tx.actor.tenant_id))
        .filter(external_ids::subject_type.eq(subject_type))
        .filter(external_ids::system.eq(system.to_owned()))
        .filter(external_ids::external_id.eq_any(wanted.to_vec()))
        .select((external_ids::external_id, external_ids::subject_id))
        .load(tx.conn)?)
}
