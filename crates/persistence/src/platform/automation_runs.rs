//! What became of automations, each time that they were asked.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::automations as parents;
use crate::access::scope;
use crate::db::prepared;
use crate::paging::{PageRequest, keyset};
use crate::schema::{automation_runs, automations};
use crate::{Json, StoreError, Tx};

/// One time that an automation was asked.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = automation_runs, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct Run {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub automation_id: Uuid,
    pub automation_version: i32,
    /// What it was asked by: it is asked once for each.
    pub key: String,
    pub event_seq: Option<i64>,
    pub event_at: Option<DateTime<Utc>>,
    pub event_type: Option<String>,
    pub subject_type: Option<String>,
    pub subject_id: Option<Uuid>,
    /// How many automations lie before it in a chain.
    pub depth: i32,
    pub state: String,
    pub reason: Option<String>,
    pub detail: Option<String>,
    pub actions: Json,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// Which runs; empty lists and `None` don't restrict.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Filter {
    pub automation_ids: Vec<Uuid>,
    pub states: Vec<String>,
    pub subject_ids: Vec<Uuid>,
    pub created_from: Option<DateTime<Utc>>,
    pub created_to: Option<DateTime<Utc>>,
}

/// Those of automations that the actor sees. What they were asked about without being allowed to see it isn't told to who doesn't see
/// the whole company, not even its id.
fn visible<'a>(tx: &Tx) -> automation_runs::BoxedQuery<'a, Pg> {
    let query = automation_runs::table.filter(automation_runs::tenant_id.eq(tx.actor.tenant_id)).into_boxed();
    if scope::is_whole_company(tx) {
        return query;
    }
    query
        .filter(automation_runs::automation_id.eq_any(parents::visible(tx).select(automations::id)))
        .filter(automation_runs::state.ne("waiting"))
        .filter(automation_runs::reason.is_distinct_from("not_visible"))
}

/// Puts runs down; an automation that was asked by the same before isn't asked again.
///
/// # Errors
/// Those of the database.
pub fn insert(tx: &mut Tx, runs: &[Run]) -> Result<(), StoreError> {
    // A statement has 65,535 parameters at most.
    for some in runs.chunks(1000) {
        diesel::insert_into(automation_runs::table).values(some).on_conflict_do_nothing().execute(tx.conn)?;
    }
    Ok(())
}

/// One run.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none that the actor may see.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Run, StoreError> {
    Ok(visible(tx).filter(automation_runs::id.eq(id)).select(Run::as_select()).first(tx.conn)?)
}

/// A page of runs, the last one first, one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, filter: &Filter, page: &PageRequest) -> Result<Vec<Run>, StoreError> {
    let mut filter = filter.clone();
    let mut query = visible(tx);
    if !scope::is_whole_company(tx) {
        // Looked up before: joined, the planner reads the runs of everybody for somebody who has none.
        let own: Vec<Uuid> = parents::visible(tx).select(automations::id).load(tx.conn)?;
        let asked = std::mem::take(&mut filter.automation_ids);
        filter.automation_ids = own.into_iter().filter(|id| asked.is_empty() || asked.contains(id)).collect();
        if filter.automation_ids.is_empty() {
            return Ok(vec![]);
        }
    }
    // One value leads an index, several only filter.
    query = match filter.automation_ids.as_slice() {
        [] => query,
        [one] => query.filter(automation_runs::automation_id.eq(*one)),
        several => query.filter(automation_runs::automation_id.eq_any(several.to_vec())),
    };
    query = match filter.states.as_slice() {
        [] => query,
        [one] => query.filter(automation_runs::state.eq(one.clone())),
        several => query.filter(automation_runs::state.eq_any(several.to_vec())),
    };
    query = match filter.subject_ids.as_slice() {
        [] => query,
        [one] => query.filter(automation_runs::subject_id.eq(*one)),
        several => query.filter(automation_runs::subject_id.eq_any(several.to_vec())),
    };
    if let Some(from) = filter.created_from {
        query = query.filter(automation_runs::created_at.ge(from));
    }
    if let Some(to) = filter.created_to {
        query = query.filter(automation_runs::created_at.le(to));
    }
    let query = keyset!(query, automation_runs::created_at, automation_runs::id, true, page.after_time());
    Ok(query.limit(page.limit + 1).select(Run::as_select()).load(tx.conn)?)
}

/// Runs of the company that wait, in order, held until the transaction ends; those that somebody else holds are left out.
///
/// # Errors
/// Those of the database.
pub fn take_waiting(tx: &mut Tx, limit: i64) -> Result<Vec<Run>, StoreError> {
    Ok(automation_runs::table
        .filter(automation_runs::tenant_id.eq(tx.actor.tenant_id))
        .filter(automation_runs::state.eq("waiting"))
        .order((automation_runs::created_at, automation_runs::id))
        .limit(limit)
        .select(Run::as_select())
        .for_update()
        .skip_locked()
        .load(tx.conn)?)
}

/// Stores what became of a run.
///
/// # Errors
/// Those of the database.
pub fn replace(tx: &mut Tx, run: &Run) -> Result<(), StoreError> {
    diesel::update(automation_runs::table.find((run.tenant_id, run.id))).set(run).execute(tx.conn)?;
    Ok(())
}

/// How deep runs lie in a chain, by their ids.
///
/// # Errors
/// Those of the database.
pub fn depths(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, i32)>, StoreError> {
    Ok(automation_runs::table
        .filter(automation_runs::tenant_id.eq(tx.actor.tenant_id))
        .filter(automation_runs::id.eq_any(ids.to_vec()))
        .select((automation_runs::id, automation_runs::depth))
        .load(tx.conn)?)
}

/// How often an automation did something since an instant, all in all and for one record; up to a number.
///
/// # Errors
/// Those of the database.
pub fn fired_since(
    tx: &mut Tx,
    automation_id: Uuid,
    subject_id: Option<Uuid>,
    since: DateTime<Utc>,
    most: i64,
) -> Result<(i64, i64), StoreError> {
    #[derive(QueryableByName)]
    struct Counts {
        #[diesel(sql_type = BigInt)]
        all_runs: i64,
        #[diesel(sql_type = BigInt)]
        same: i64,
    }
    let counts: Counts = prepared(
        "select count(*) as all_runs, count(*) filter (where r.subject_id = $4) as same from (select subject_id from automation_runs \
         where tenant_id = $1 and automation_id = $2 and state = 'fired' and finished_at >= $3 \
         order by finished_at desc limit $5) r",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(automation_id)
    .bind::<Timestamptz, _>(since)
    .bind::<Nullable<SqlUuid>, _>(subject_id)
    .bind::<BigInt, _>(most)
    .get_result(tx.conn)?;
    Ok((counts.all_runs, counts.same))
}

/// Companies of the whole installation with runs that have waited since before an instant: nobody seems to look.
///
/// # Errors
/// Those of the database.
pub fn late(tx: &mut Tx, before: DateTime<Utc>) -> Result<Vec<Uuid>, StoreError> {
    Ok(automation_runs::table
        .filter(automation_runs::state.eq("waiting"))
        .filter(automation_runs::created_at.lt(before))
        .select(automation_runs::tenant_id)
        .distinct()
        .load(tx.conn)?)
}
