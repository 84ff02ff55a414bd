//! What was delivered to webhooks, and what came of it.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::events::Event;
use crate::access::scope;
use crate::db::prepared;
use crate::paging::{PageRequest, keyset};
use crate::schema::{events, webhook_attempts, webhook_deliveries};
use crate::{StoreError, Tx};

/// Something to be told to a webhook.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = webhook_deliveries)]
#[allow(missing_docs)]
pub struct Delivery {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub webhook_id: Uuid,
    pub period: i32,
    pub message_id: String,
    pub event_type: String,
    pub event_seq: Option<i64>,
    pub event_at: Option<DateTime<Utc>>,
    pub origin: String,
    pub state: String,
    pub attempts: i32,
    pub next_at: Option<DateTime<Utc>>,
    pub later: bool,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// One attempt at it.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = webhook_attempts)]
#[allow(missing_docs)]
pub struct Attempt {
    pub tenant_id: Uuid,
    pub delivery_id: Uuid,
    pub number: i32,
    pub at: DateTime<Utc>,
    pub duration_ms: i32,
    pub status: Option<i16>,
    pub error: Option<String>,
    pub response: Option<String>,
}

/// Which deliveries; empty lists and `None` don't restrict.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Filter {
    pub webhook_ids: Vec<Uuid>,
    pub states: Vec<String>,
    pub created_from: Option<DateTime<Utc>>,
    pub created_to: Option<DateTime<Utc>>,
}

/// As with webhooks: who doesn't see the whole company sees none.
fn visible<'a>(tx: &Tx) -> webhook_deliveries::BoxedQuery<'a, Pg> {
    let query =
        webhook_deliveries::table.filter(webhook_deliveries::tenant_id.eq(tx.actor.tenant_id)).into_boxed();
    query.filter(scope::is_whole_company(tx).into_sql::<Bool>())
}

/// Puts deliveries down. Of an event that was put down for a webhook before, nothing happens.
///
/// # Errors
/// Those of the database.
pub fn insert(tx: &mut Tx, deliveries: &[Delivery]) -> Result<(), StoreError> {
    // A statement has 65,535 parameters at most.
    for some in deliveries.chunks(1000) {
        diesel::insert_into(webhook_deliveries::table)
            .values(some)
            .on_conflict_do_nothing()
            .execute(tx.conn)?;
    }
    Ok(())
}

/// One delivery.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none that the actor may see.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Delivery, StoreError> {
    Ok(visible(tx).filter(webhook_deliveries::id.eq(id)).select(Delivery::as_select()).first(tx.conn)?)
}

/// The attempts at a delivery of the company, first things first.
///
/// # Errors
/// Those of the database.
pub fn attempts(tx: &mut Tx, delivery_id: Uuid) -> Result<Vec<Attempt>, StoreError> {
    Ok(webhook_attempts::table
        .filter(webhook_attempts::tenant_id.eq(tx.actor.tenant_id))
        .filter(webhook_attempts::delivery_id.eq(delivery_id))
        .order(webhook_attempts::number)
        .select(Attempt::as_select())
        .load(tx.conn)?)
}

/// A page of deliveries, newest first, one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, filter: &Filter, page: &PageRequest) -> Result<Vec<Delivery>, StoreError> {
    let mut query = visible(tx);
    query = match filter.webhook_ids.as_slice() {
        [] => query,
        [one] => query.filter(webhook_deliveries::webhook_id.eq(*one)),
        several => query.filter(webhook_deliveries::webhook_id.eq_any(several.to_vec())),
    };
    query = match filter.states.as_slice() {
        [] => query,
        [one] => query.filter(webhook_deliveries::state.eq(one.clone())),
        several => query.filter(webhook_deliveries::state.eq_any(several.to_vec())),
    };
    if let Some(from) = filter.created_from {
        query = query.filter(webhook_deliveries::created_at.ge(from));
    }
    if let Some(to) = filter.created_to {
        query = query.filter(webhook_deliveries::created_at.le(to));
    }
    let query =
        keyset!(query, webhook_deliveries::created_at, webhook_deliveries::id, true, page.after_time());
    Ok(query.limit(page.limit + 1).select(Delivery::as_select()).load(tx.conn)?)
}

/// Deliveries to a webhook that are due, those that are wanted again after the others. Who asks is the only one who sends to it.
///
/// # Errors
/// Those of the database.
pub fn due(tx: &mut Tx, webhook_id: Uuid, only_tests: bool, limit: i64) -> Result<Vec<Delivery>, StoreError> {
    let mut found = Vec::new();
    for later in [false, true] {
        let mut query = webhook_deliveries::table
            .filter(webhook_deliveries::tenant_id.eq(tx.actor.tenant_id))
            .filter(webhook_deliveries::webhook_id.eq(webhook_id))
            .filter(webhook_deliveries::state.eq("waiting"))
            .filter(webhook_deliveries::later.eq(later))
            .filter(webhook_deliveries::next_at.le(tx.now))
            .into_boxed();
        if only_tests {
            query = query.filter(webhook_deliveries::origin.eq("test"));
        }
        let rows: Vec<Delivery> = query
            .order((webhook_deliveries::next_at, webhook_deliveries::id))
            .limit(limit - found.len() as i64)
            .select(Delivery::as_select())
            .load(tx.conn)?;
        found.extend(rows);
    }
    Ok(found)
}

/// When the next delivery to a webhook is due.
///
/// # Errors
/// Those of the database.
pub fn next_due(
    tx: &mut Tx,
    webhook_id: Uuid,
    only_tests: bool,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let mut query = webhook_deliveries::table
        .filter(webhook_deliveries::tenant_id.eq(tx.actor.tenant_id))
        .filter(webhook_deliveries::webhook_id.eq(webhook_id))
        .filter(webhook_deliveries::state.eq("waiting"))
        .select(diesel::dsl::min(webhook_deliveries::next_at))
        .into_boxed();
    if only_tests {
        query = query.filter(webhook_deliveries::origin.eq("test"));
    }
    Ok(query.first(tx.conn)?)
}

/// The events that deliveries are about, as far as they are still kept.
///
/// # Errors
/// Those of the database.
pub fn events_of(tx: &mut Tx, deliveries: &[Delivery]) -> Result<Vec<Event>, StoreError> {
    let seqs: Vec<i64> = deliveries.iter().filter_map(|delivery| delivery.event_seq).collect();
    let times = || deliveries.iter().filter_map(|delivery| delivery.event_at);
    // The times tell the partitions.
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(Vec::new()) };
    Ok(events::table
        .filter(events::tenant_id.eq(tx.actor.tenant_id))
        .filter(events::seq.eq_any(seqs))
        .filter(events::at.ge(first))
        .filter(events::at.le(last))
        .select(Event::as_select())
        .load(tx.conn)?)
}

/// Notes an attempt and what becomes of the delivery. One that was noted before, or that nobody waits for any more, changes
/// nothing.
///
/// # Errors
/// Those of the database.
pub fn note(tx: &mut Tx, delivery: &Delivery, attempt: &Attempt) -> Result<(), StoreError> {
    let changed = diesel::update(webhook_deliveries::table.find((delivery.tenant_id, delivery.id)))
        .filter(webhook_deliveries::state.eq("waiting"))
        .filter(webhook_deliveries::attempts.eq(attempt.number - 1))
        .set((
            webhook_deliveries::state.eq(&delivery.state),
            webhook_deliveries::attempts.eq(attempt.number),
            webhook_deliveries::next_at.eq(delivery.next_at),
            webhook_deliveries::finished_at.eq(delivery.finished_at),
        ))
        .execute(tx.conn)?;
    if changed == 1 {
        diesel::insert_into(webhook_attempts::table).values(attempt).execute(tx.conn)?;
    }
    Ok(())
}

/// Gives up what waits for a webhook, a piece of it: what was put down before a period of it; tests only when it is said. Returns how
/// many that were.
///
/// # Errors
/// Those of the database.
pub fn cancel_waiting(
    tx: &mut Tx,
    webhook_id: Uuid,
    before: i32,
    tests: bool,
    limit: i64,
) -> Result<usize, StoreError> {
    Ok(prepared(
        "update webhook_deliveries set state = 'cancelled', next_at = null, finished_at = $6 \
         where tenant_id = $1 and id in (select id from webhook_deliveries where tenant_id = $1 and webhook_id = $2 \
           and state = 'waiting' and (origin <> 'test' or $4) and period < $3 limit $5)",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(webhook_id)
    .bind::<Integer, _>(before)
    .bind::<Bool, _>(tests)
    .bind::<BigInt, _>(limit)
    .bind::<Timestamptz, _>(tx.now)
    .execute(tx.conn)?)
}

/// Gives up one delivery that waits.
///
/// # Errors
/// Those of the database.
pub fn cancel(tx: &mut Tx, id: Uuid) -> Result<(), StoreError> {
    diesel::update(webhook_deliveries::table.find((tx.actor.tenant_id, id)))
        .filter(webhook_deliveries::state.eq("waiting"))
        .set((
            webhook_deliveries::state.eq("cancelled"),
            webhook_deliveries::next_at.eq(None::<DateTime<Utc>>),
            webhook_deliveries::finished_at.eq(tx.now),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Webhooks of the whole installation, with their companies, for which something has been due since before a time.
///
/// # Errors
/// Those of the database.
pub fn overdue(tx: &mut Tx, before: DateTime<Utc>) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    Ok(webhook_deliveries::table
        .filter(webhook_deliveries::state.eq("waiting"))
        .filter(webhook_deliveries::next_at.lt(before))
        .select((webhook_deliveries::tenant_id, webhook_deliveries::webhook_id))
        .distinct()
        .load(tx.conn)?)
}

/// Events of the company about these kinds of records between two times, by place, behind a place.
///
/// # Errors
/// Those of the database.
pub fn events_between(
    tx: &mut Tx,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    subject_types: &[&str],
    behind: i64,
    limit: i64,
) -> Result<Vec<Event>, StoreError> {
    Ok(prepared(
        "select seq, at, type as type_, subject_type, subject_id, customer_id, actor_type, actor_id, request_id, \
         version, changes from events where tenant_id = $1 and at >= $2 and at <= $3 and subject_type = any($4) \
         and seq > $5 order by seq limit $6",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<Timestamptz, _>(from)
    .bind::<Timestamptz, _>(to)
    .bind::<Array<Text>, _>(subject_types.to_vec())
    .bind::<BigInt, _>(behind)
    .bind::<BigInt, _>(limit)
    .load(tx.conn)?)
}

/// How many events of the company there are between two times, counted up to a number.
///
/// # Errors
/// Those of the database.
pub fn count_between(
    tx: &mut Tx,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    subject_types: &[&str],
    up_to: i64,
) -> Result<i64, StoreError> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let counted: Counted = prepared(
        "select count(*) as count from (select from events where tenant_id = $1 and at >= $2 and at <= $3 \
         and subject_type = any($4) limit $5) one",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<Timestamptz, _>(from)
    .bind::<Timestamptz, _>(to)
    .bind::<Array<Text>, _>(subject_types.to_vec())
    .bind::<BigInt, _>(up_to)
    .get_result(tx.conn)?;
    Ok(counted.count)
}
