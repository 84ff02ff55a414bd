//! Work for later.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use fulcrum_domain::access::DataScope;
use uuid::Uuid;

use crate::db::prepared;
use crate::paging::{PageRequest, keyset};
use crate::schema::{jobs, workers};
use crate::{Json, StoreError, Tx};

/// The word for jobs in events.
pub const SUBJECT: &str = "job";

/// The channel on which workers hear of new jobs.
pub const CHANNEL: &str = "fulcrum_jobs";

/// A job.
#[derive(Clone, Debug, Queryable, Selectable, QueryableByName)]
#[diesel(table_name = jobs)]
#[allow(missing_docs)]
pub struct Job {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub kind: String,
    pub state: String,
    pub priority: i16,
    pub payload: Json,
    pub unique_key: Option<String>,
    pub requested_by_type: Option<String>,
    pub requested_by_id: Option<Uuid>,
    pub run_at: DateTime<Utc>,
    pub attempts: i32,
    pub max_attempts: i32,
    pub worker_id: Option<Uuid>,
    pub last_error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub lane: i16,
}

/// A job to be put down.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    /// What is to be done.
    pub kind: &'a str,
    /// Which others it can hold up.
    pub lane: i16,
    /// 0 before 1 before 2, among the jobs of the company.
    pub priority: i16,
    /// With what.
    pub payload: Json,
    /// While one with this key waits, another one is the same one.
    pub unique_key: Option<&'a str>,
    /// When.
    pub run_at: DateTime<Utc>,
    /// How often it is tried.
    pub max_attempts: i32,
    /// Who wants it: `user` or `api_client`, and which; nobody but the installation when `None`.
    pub requester: Option<(&'a str, Uuid)>,
}

/// Which jobs; empty lists and `None` don't restrict.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Filter {
    pub states: Vec<String>,
    pub kinds: Vec<String>,
    pub created_from: Option<DateTime<Utc>>,
    pub created_to: Option<DateTime<Utc>>,
}

/// The jobs that the actor may see: outside of the scope `tenant`, those that the actor asked for.
fn visible<'a>(tx: &Tx) -> jobs::BoxedQuery<'a, Pg> {
    let query = jobs::table.filter(jobs::tenant_id.eq(tx.actor.tenant_id)).into_boxed();
    if tx.actor.scope == DataScope::Tenant {
        return query;
    }
    query.filter(jobs::requested_by_id.eq(tx.actor.principal_id()))
}

/// Puts a job down, in the transaction of what wants it done. It is there when that commits, and gone with it otherwise.
/// Workers are told at the commit: PostgreSQL lets one transaction at a time tell.
///
/// # Errors
/// Those of the database.
pub fn enqueue(tx: &mut Tx, job: &NewJob) -> Result<Uuid, StoreError> {
    #[derive(QueryableByName)]
    struct Put {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }
    let put: Put = prepared(
        "insert into jobs (tenant_id, id, kind, state, priority, payload, unique_key, requested_by_type, \
         requested_by_id, run_at, attempts, max_attempts, created_at, lane) \
         values ($1, $2, $3, 'waiting', $4, $5, $6, $7, $8, $9, 0, $10, $11, $12) \
         on conflict (tenant_id, kind, unique_key, coalesce(requested_by_id, '00000000-0000-0000-0000-000000000000')) \
         where state = 'waiting' and unique_key is not null \
         do update set payload = excluded.payload, priority = least(jobs.priority, excluded.priority), attempts = 0, \
         run_at = least(jobs.run_at, excluded.run_at) returning id",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(Uuid::now_v7())
    .bind::<Text, _>(job.kind)
    .bind::<SmallInt, _>(job.priority)
    .bind::<Jsonb, _>(job.payload.clone())
    .bind::<Nullable<Text>, _>(job.unique_key)
    .bind::<Nullable<Text>, _>(job.requester.map(|(kind, _)| kind))
    .bind::<Nullable<SqlUuid>, _>(job.requester.map(|(_, id)| id))
    .bind::<Timestamptz, _>(job.run_at)
    .bind::<Integer, _>(job.max_attempts)
    .bind::<Timestamptz, _>(tx.now)
    .bind::<SmallInt, _>(job.lane)
    .get_result(tx.conn)?;
    if job.run_at <= tx.now {
        tell(tx)?;
    }
    Ok(put.id)
}

/// When the job of the installation that waits for the actor's company under a key is to run.
///
/// # Errors
/// Those of the database.
pub fn waits_until(tx: &mut Tx, kind: &str, unique_key: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(jobs::table
        .filter(jobs::tenant_id.eq(tx.actor.tenant_id))
        .filter(jobs::kind.eq(kind))
        .filter(jobs::state.eq("waiting"))
        .filter(jobs::unique_key.eq(unique_key))
        .filter(jobs::requested_by_id.is_null())
        .select(jobs::run_at)
        .first(tx.conn)
        .optional()?)
}

/// Wakes workers when the transaction commits.
fn tell(tx: &mut Tx) -> Result<(), StoreError> {
    prepared("select pg_notify($1, '')").bind::<Text, _>(CHANNEL).execute(tx.conn)?;
    Ok(())
}

/// One job.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none that the actor may see.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Job, StoreError> {
    Ok(visible(tx).filter(jobs::id.eq(id)).select(Job::as_select()).first(tx.conn)?)
}

/// One job, held until the transaction ends.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none that the actor may see.
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<Job, StoreError> {
    find(tx, id)?;
    Ok(jobs::table.find((tx.actor.tenant_id, id)).select(Job::as_select()).for_update().first(tx.conn)?)
}

/// A page of jobs, newest first, one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, filter: &Filter, page: &PageRequest) -> Result<Vec<Job>, StoreError> {
    let mut query = visible(tx);
    query = match filter.states.as_slice() {
        [] => query,
        [one] => query.filter(jobs::state.eq(one.clone())),
        several => query.filter(jobs::state.eq_any(several.to_vec())),
    };
    if !filter.kinds.is_empty() {
        query = query.filter(jobs::kind.eq_any(filter.kinds.clone()));
    }
    if let Some(from) = filter.created_from {
        query = query.filter(jobs::created_at.ge(from));
    }
    if let Some(to) = filter.created_to {
        query = query.filter(jobs::created_at.le(to));
    }
    let query = keyset!(query, jobs::created_at, jobs::id, true, page.after_time());
    Ok(query.limit(page.limit + 1).select(Job::as_select()).load(tx.conn)?)
}

/// Places for jobs.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// For which jobs.
    pub lane: i16,
    /// How many of them one company takes at most, of all workers together.
    pub share: i64,
}

/// Takes jobs that are due, for a worker. Companies take turns: those with the fewest jobs running come first, among equals
/// chance decides, and of each company its most urgent ones; so one with 100,000 jobs doesn't hold up another one's only one.
/// A worker that was taken for dead gets none.
///
/// # Errors
/// Those of the database.
pub fn claim(
    tx: &mut Tx,
    worker_id: Uuid,
    kinds: &[&str],
    lane: Places,
    limit: i64,
    chance: i64,
) -> Result<Vec<Job>, StoreError> {
    Ok(prepared(
        "with recursive alive as ( \
           select id from workers where id = $4 for key share \
         ), tenant (id) as ( \
           (select tenant_id from jobs where state = 'waiting' order by tenant_id limit 1) \
           union all \
           select (select j.tenant_id from jobs j where j.state = 'waiting' and j.tenant_id > t.id \
                   order by j.tenant_id limit 1) \
           from tenant t where t.id is not null \
         ), busy as materialized ( \
           select tenant_id, count(*) as running from jobs where state = 'running' and lane = $6 group by tenant_id \
         ), ready as materialized ( \
           select t.id, coalesce(b.running, 0) as running from tenant t left join busy b on b.tenant_id = t.id \
           where coalesce(b.running, 0) < $7 and exists ( \
             select from unnest(array[0, 1, 2]::smallint[]) p (priority) cross join lateral ( \
               select from jobs w where w.tenant_id = t.id and w.state = 'waiting' and w.lane = $6 and w.priority = p.priority \
                 and w.run_at <= $1 and w.kind = any($2) limit 1) one) \
           order by coalesce(b.running, 0), hashtextextended(t.id::text, $5) limit $3 * 2 \
         ), due as materialized ( \
           select j.tenant_id, j.id, \
                  row_number() over (partition by j.tenant_id order by j.priority, j.run_at, j.id) + t.running as turn \
           from ready t cross join unnest(array[0, 1, 2]::smallint[]) p (priority) cross join lateral ( \
             select w.tenant_id, w.id, w.priority, w.run_at from jobs w \
             where w.tenant_id = t.id and w.state = 'waiting' and w.lane = $6 and w.priority = p.priority and w.run_at <= $1 \
               and w.kind = any($2) order by w.run_at, w.id limit $3 * 4) j \
         ), taken as ( \
           select j.tenant_id, j.id from due d join jobs j on j.tenant_id = d.tenant_id and j.id = d.id \
           where j.state = 'waiting' and j.run_at <= $1 and d.turn <= $7 and exists (select from alive) \
           order by d.turn, hashtextextended(d.tenant_id::text, $5) limit $3 for update of j skip locked \
         ) \
         update jobs j set state = 'running', worker_id = $4, attempts = attempts + 1, started_at = $1 \
         from taken t where j.tenant_id = t.tenant_id and j.id = t.id returning j.*",
    )
    .bind::<Timestamptz, _>(tx.now)
    .bind::<Array<Text>, _>(kinds.to_vec())
    .bind::<BigInt, _>(limit)
    .bind::<SqlUuid, _>(worker_id)
    .bind::<BigInt, _>(chance)
    .bind::<SmallInt, _>(lane.lane)
    .bind::<BigInt, _>(lane.share)
    .load(tx.conn)?)
}

/// Whether the job is still this worker's in this attempt; if so it has succeeded. In the transaction of its effect: the
/// effect of a job that somebody else has taken over in the meantime is taken back.
///
/// # Errors
/// Those of the database.
pub fn succeed(tx: &mut Tx, job: &Job) -> Result<bool, StoreError> {
    let done = prepared(
        "update jobs set state = 'succeeded', worker_id = null, last_error = null, finished_at = $5 \
         where tenant_id = $1 and id = $2 and state = 'running' and worker_id = $3 and attempts = $4",
    )
    .bind::<SqlUuid, _>(job.tenant_id)
    .bind::<SqlUuid, _>(job.id)
    .bind::<Nullable<SqlUuid>, _>(job.worker_id)
    .bind::<Integer, _>(job.attempts)
    .bind::<Timestamptz, _>(tx.now)
    .execute(tx.conn)?;
    Ok(done == 1)
}

/// What becomes of a job that a worker didn't bring to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It waits for another attempt.
    Again(DateTime<Utc>),
    /// The same, and this attempt doesn't count: it wasn't the job's fault.
    NotCounted(DateTime<Utc>),
    /// It is dead.
    Dead,
}

/// A job that didn't succeed. Where another one with its key waits already, that one is enough. Returns whether it was still
/// this worker's.
///
/// # Errors
/// Those of the database.
pub fn fail(tx: &mut Tx, job: &Job, error: &str, then: Then) -> Result<bool, StoreError> {
    match tx.part(|tx| end_attempt(tx, job, error, then, "waiting")) {
        Err(StoreError::Unique { .. }) => end_attempt(tx, job, error, then, "discarded"),
        ended => ended,
    }
}

fn end_attempt(tx: &mut Tx, job: &Job, error: &str, then: Then, waiting: &str) -> Result<bool, StoreError> {
    let (state, run_at, uncounted) = match then {
        Then::Again(at) => (waiting, at, 0),
        Then::NotCounted(at) => (waiting, at, 1),
        Then::Dead => ("dead", job.run_at, 0),
    };
    let done = prepared(
        "update jobs set worker_id = null, state = $5, last_error = $6, run_at = $7, attempts = attempts - $8, \
           finished_at = case when $5 <> 'waiting' then $9 end \
         where tenant_id = $1 and id = $2 and state = 'running' and worker_id = $3 and attempts = $4",
    )
    .bind::<SqlUuid, _>(job.tenant_id)
    .bind::<SqlUuid, _>(job.id)
    .bind::<Nullable<SqlUuid>, _>(job.worker_id)
    .bind::<Integer, _>(job.attempts)
    .bind::<Text, _>(state)
    .bind::<Text, _>(error)
    .bind::<Timestamptz, _>(run_at)
    .bind::<Integer, _>(uncounted)
    .bind::<Timestamptz, _>(tx.now)
    .execute(tx.conn)?;
    Ok(done == 1)
}

/// Gives back what a worker has taken and not finished: it is stopping. The attempt doesn't count.
///
/// # Errors
/// Those of the database.
pub fn give_back(tx: &mut Tx, worker_id: Uuid) -> Result<usize, StoreError> {
    let jobs = held_by(tx, &[worker_id], &[])?;
    put_back(tx, jobs, "the worker that did it was stopped", false)
}

/// Takes the jobs of workers that are not there any more: they wait again, or are dead after their last attempt.
///
/// # Errors
/// Those of the database.
pub fn take_over(tx: &mut Tx) -> Result<usize, StoreError> {
    // First who is dead, then what they have: whoever is dead doesn't come back under the same id.
    let dead: Vec<Uuid> = jobs::table
        .filter(jobs::state.eq("running"))
        .filter(jobs::worker_id.is_not_null())
        .filter(diesel::dsl::not(diesel::dsl::exists(
            workers::table.filter(workers::id.nullable().eq(jobs::worker_id)),
        )))
        .select(jobs::worker_id.assume_not_null())
        .distinct()
        .load(tx.conn)?;
    if dead.is_empty() {
        return Ok(0);
    }
    let jobs = held_by(tx, &dead, &[])?;
    put_back(tx, jobs, "the worker that did it stopped without a word", true)
}

/// Puts back what a worker holds and doesn't know of: it was claimed and the answer was lost, or its end couldn't be noted.
///
/// # Errors
/// Those of the database.
pub fn put_back_forgotten(tx: &mut Tx, worker_id: Uuid, in_hand: &[Uuid]) -> Result<usize, StoreError> {
    let jobs = held_by(tx, &[worker_id], in_hand)?;
    put_back(tx, jobs, "how it ended is not known", true)
}

fn held_by(tx: &mut Tx, workers: &[Uuid], except: &[Uuid]) -> Result<Vec<Job>, StoreError> {
    Ok(jobs::table
        .filter(jobs::state.eq("running"))
        .filter(jobs::worker_id.eq_any(workers.to_vec()))
        .filter(jobs::id.ne_all(except.to_vec()))
        .select(Job::as_select())
        .for_update()
        .skip_locked()
        .load(tx.conn)?)
}

fn put_back(tx: &mut Tx, jobs: Vec<Job>, why: &str, counts: bool) -> Result<usize, StoreError> {
    let count = jobs.len();
    for job in jobs {
        let then = match counts {
            false => Then::NotCounted(tx.now),
            true if job.attempts >= job.max_attempts => Then::Dead,
            true => Then::Again(tx.now),
        };
        fail(tx, &job, why, then)?;
    }
    if count > 0 {
        tell(tx)?;
    }
    Ok(count)
}

/// Lets a dead or discarded job wait again, with all its attempts; `false` when it is in another state.
///
/// # Errors
/// [`StoreError::Unique`] when one with its key waits already.
pub fn retry(tx: &mut Tx, id: Uuid) -> Result<bool, StoreError> {
    let changed = diesel::update(jobs::table.find((tx.actor.tenant_id, id)))
        .filter(jobs::state.eq_any(["dead", "discarded"]))
        .set((
            jobs::state.eq("waiting"),
            jobs::attempts.eq(0),
            jobs::run_at.eq(tx.now),
            jobs::finished_at.eq(None::<DateTime<Utc>>),
        ))
        .execute(tx.conn)?;
    tell(tx)?;
    Ok(changed == 1)
}

/// Gives up a job that waits or is dead; `false` when it is in another state.
///
/// # Errors
/// Those of the database.
pub fn discard(tx: &mut Tx, id: Uuid) -> Result<bool, StoreError> {
    let changed = diesel::update(jobs::table.find((tx.actor.tenant_id, id)))
        .filter(jobs::state.eq_any(["waiting", "dead"]))
        .set((jobs::state.eq("discarded"), jobs::finished_at.eq(tx.now)))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// How many jobs of a kind are in a state.
#[derive(Clone, Debug, QueryableByName)]
#[allow(missing_docs)]
pub struct Depth {
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Text)]
    pub state: String,
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    /// Since when the oldest one could have been done.
    #[diesel(sql_type = Timestamptz)]
    pub oldest: DateTime<Utc>,
}

/// Of the whole installation, what waits, runs and is dead.
///
/// # Errors
/// Those of the database.
pub fn depths(tx: &mut Tx) -> Result<Vec<Depth>, StoreError> {
    Ok(prepared(
        "select kind, state, count(*) as count, min(run_at) as oldest from jobs \
         where state in ('waiting', 'running', 'dead') group by kind, state",
    )
    .load(tx.conn)?)
}
