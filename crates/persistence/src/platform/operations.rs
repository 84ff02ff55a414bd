//! Long requests: a job and how far it has come.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use fulcrum_domain::access::{DataScope, Permission};
use uuid::Uuid;

use super::jobs::Job;
use crate::paging::{PageRequest, keyset};
use crate::schema::{jobs, operations};
use crate::{Json, StoreError, Tx};

/// The word for operations in events.
pub const SUBJECT: &str = "operation";

/// What an operation has beside its job.
#[derive(Clone, Debug, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = operations, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct Progress {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub done: i64,
    pub total: Option<i64>,
    pub checkpoint: Option<Json>,
    pub result: Option<Json>,
    pub cancel_requested_at: Option<DateTime<Utc>>,
    pub cancelled_at: Option<DateTime<Utc>>,
}

/// An operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The job that does it.
    pub job: Job,
    /// How far it has come.
    pub progress: Progress,
}

/// The jobs of operations that the actor may see: the own ones, and with the permission to see jobs those of the whole company.
fn visible<'a>(tx: &Tx) -> jobs::BoxedQuery<'a, Pg> {
    let tenant_id = tx.actor.tenant_id;
    let query = jobs::table
        .filter(jobs::tenant_id.eq(tenant_id))
        .filter(
            jobs::id
                .eq_any(operations::table.filter(operations::tenant_id.eq(tenant_id)).select(operations::id)),
        )
        .into_boxed();
    if tx.actor.scope == DataScope::Tenant && tx.actor.may(Permission::JobsRead) {
        return query;
    }
    query.filter(jobs::requested_by_id.eq(tx.actor.principal_id()))
}

/// Says of a job that somebody waits for it.
///
/// # Errors
/// Those of the database.
pub fn insert(tx: &mut Tx, id: Uuid) -> Result<(), StoreError> {
    diesel::insert_into(operations::table)
        .values((operations::tenant_id.eq(tx.actor.tenant_id), operations::id.eq(id)))
        .execute(tx.conn)?;
    Ok(())
}

/// One operation.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none that the actor may see.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Operation, StoreError> {
    let job = visible(tx).filter(jobs::id.eq(id)).select(Job::as_select()).first(tx.conn)?;
    let progress =
        operations::table.find((tx.actor.tenant_id, id)).select(Progress::as_select()).first(tx.conn)?;
    Ok(Operation { job, progress })
}

/// A page of operations, newest first, one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, page: &PageRequest) -> Result<Vec<Operation>, StoreError> {
    let query = keyset!(visible(tx), jobs::created_at, jobs::id, true, page.after_time());
    let jobs: Vec<Job> = query.limit(page.limit + 1).select(Job::as_select()).load(tx.conn)?;
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.id).collect();
    let progresses: Vec<Progress> = operations::table
        .filter(operations::tenant_id.eq(tx.actor.tenant_id))
        .filter(operations::id.eq_any(ids))
        .select(Progress::as_select())
        .load(tx.conn)?;
    let mut by_id: HashMap<Uuid, Progress> =
        progresses.into_iter().map(|progress| (progress.id, progress)).collect();
    let whole = jobs.into_iter().filter_map(|job| Some(Operation { progress: by_id.remove(&job.id)?, job }));
    Ok(whole.collect())
}

/// How far an operation of this company has come, held until the transaction ends: for the job that does it, and for who
/// wants to stop it.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<Progress, StoreError> {
    Ok(operations::table
        .find((tx.actor.tenant_id, id))
        .select(Progress::as_select())
        .for_update()
        .first(tx.conn)?)
}

/// Stores how far it has come.
///
/// # Errors
/// Those of the database.
pub fn replace(tx: &mut Tx, progress: &Progress) -> Result<(), StoreError> {
    diesel::update(operations::table.find((tx.actor.tenant_id, progress.id)))
        .set(progress)
        .execute(tx.conn)?;
    Ok(())
}

/// Those of these operations of the company whose jobs have neither ended nor been given up.
///
/// # Errors
/// Those of the database.
pub fn under_way(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    Ok(jobs::table
        .filter(jobs::tenant_id.eq(tx.actor.tenant_id))
        .filter(jobs::id.eq_any(ids.to_vec()))
        .filter(jobs::state.eq_any(["waiting", "running"]))
        .select(jobs::id)
        .load(tx.conn)?)
}
