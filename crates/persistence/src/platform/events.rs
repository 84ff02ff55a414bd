//! The one log of everything that happened.

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value;
use uuid::Uuid;

use crate::customers::customers;
use crate::db::prepared;
use crate::schema::events;
use crate::{StoreError, Tx};
use fulcrum_domain::access::{DataScope, Permission};

/// Something that happened, to be appended to the log.
pub struct NewEvent<'a> {
    /// What happened, such as `customer.updated`.
    pub kind: String,
    /// To what kind of record.
    pub subject_type: &'a str,
    /// To which record.
    pub subject_id: Uuid,
    /// The customer that it concerns.
    pub customer_id: Option<Uuid>,
    /// The version of the record afterwards.
    pub version: Option<i32>,
    /// `{"field": {"from": …, "to": …}}`
    pub changes: Value,
}

/// A row of the log.
#[derive(Clone, Debug, Queryable, Selectable, QueryableByName)]
#[diesel(table_name = events)]
#[allow(missing_docs)]
pub struct Event {
    pub seq: i64,
    pub at: DateTime<Utc>,
    #[diesel(column_name = type_)]
    pub type_: String,
    pub subject_type: String,
    pub subject_id: Uuid,
    pub customer_id: Option<Uuid>,
    pub actor_type: String,
    pub actor_id: Option<Uuid>,
    pub request_id: Option<String>,
    pub version: Option<i32>,
    pub changes: Value,
}

/// Which events; empty lists and `None` don't restrict.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Filter {
    pub types: Vec<String>,
    pub subject_types: Vec<String>,
    pub subject_ids: Vec<Uuid>,
    pub customer_ids: Vec<Uuid>,
    pub actor_ids: Vec<Uuid>,
    pub at_from: Option<DateTime<Utc>>,
    pub at_to: Option<DateTime<Utc>>,
}

/// Appends to the log, in the transaction of the change. Returns where in the log it stands.
///
/// # Errors
/// Those of the database.
pub fn append_known(tx: &mut Tx, event: NewEvent) -> Result<i64, StoreError> {
    #[derive(QueryableByName)]
    struct Put {
        #[diesel(sql_type = BigInt)]
        seq: i64,
    }
    let put: Put = prepared(
        "insert into events (tenant_id, at, xid, type, subject_type, subject_id, customer_id, actor_type, \
         actor_id, request_id, version, changes) \
         values ($1, $2, pg_current_xact_id()::text::bigint, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning seq",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<Timestamptz, _>(tx.now)
    .bind::<Text, _>(event.kind)
    .bind::<Text, _>(event.subject_type)
    .bind::<SqlUuid, _>(event.subject_id)
    .bind::<Nullable<SqlUuid>, _>(event.customer_id)
    .bind::<Text, _>(tx.actor.principal_type())
    .bind::<Nullable<SqlUuid>, _>(tx.actor.principal_id())
    .bind::<Nullable<Text>, _>(tx.request_id.clone())
    .bind::<Nullable<Integer>, _>(event.version)
    .bind::<Jsonb, _>(event.changes)
    .get_result(tx.conn)?;
    Ok(put.seq)
}

/// The same, for who needn't know where.
///
/// # Errors
/// Those of the database.
pub fn append(tx: &mut Tx, event: NewEvent) -> Result<(), StoreError> {
    append_known(tx, event).map(|_| ())
}

/// Appends the same about several records of a kind, each with the customer that it concerns.
///
/// # Errors
/// Those of the database.
pub fn append_all(
    tx: &mut Tx,
    kind: &str,
    subject_type: &str,
    subjects: &[(Uuid, Option<Uuid>)],
    changes: &Value,
) -> Result<(), StoreError> {
    let (ids, customer_ids): (Vec<Uuid>, Vec<Option<Uuid>>) = subjects.iter().copied().unzip();
    prepared(
        "insert into events (tenant_id, at, xid, type, subject_type, subject_id, customer_id, actor_type, \
         actor_id, request_id, version, changes) \
         select $1, $2, pg_current_xact_id()::text::bigint, $3, $4, s.id, s.customer_id, $5, $6, $7, null, $8 \
         from unnest($9, $10) as s (id, customer_id)",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<Timestamptz, _>(tx.now)
    .bind::<Text, _>(kind)
    .bind::<Text, _>(subject_type)
    .bind::<Text, _>(tx.actor.principal_type())
    .bind::<Nullable<SqlUuid>, _>(tx.actor.principal_id())
    .bind::<Nullable<Text>, _>(tx.request_id.clone())
    .bind::<Jsonb, _>(changes)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Nullable<SqlUuid>>, _>(customer_ids)
    .execute(tx.conn)?;
    Ok(())
}

/// What has to be permitted to read of kinds of records.
pub const SUBJECTS: [(&[&str], &[Permission]); 18] = [
    (&["customer"], &[Permission::CustomersRead]),
    (&["contact"], &[Permission::ContactsRead]),
    (&["duplicate"], &[Permission::DuplicatesRead]),
    (&["tag"], &[Permission::TagsRead]),
    (&["custom_field", "field_standard"], &[Permission::CustomFieldsRead]),
    (&["user", "session"], &[Permission::UsersRead]),
    (&["role"], &[Permission::RolesRead]),
    (&["department"], &[Permission::DepartmentsRead]),
    (&["api_client", "api_key"], &[Permission::ApiClientsRead]),
    (&["job", "operation"], &[Permission::JobsRead]),
    (&["webhook"], &[Permission::WebhooksRead]),
    (&["import", "import_template"], &[Permission::ImportsRead]),
    (&["activity"], &[Permission::ActivitiesRead]),
    (&["task"], &[Permission::TasksRead]),
    (&["company"], &[Permission::CompanyRead]),
    (&["automation"], &[Permission::AutomationsRead]),
    // Of whichever record a file is.
    (&["file"], &[Permission::FilesRead, Permission::CustomersRead, Permission::ContactsRead]),
    (&["notification", "notification_preference"], &[Permission::NotificationsRead]),
];

/// Kinds of records whose events are for who sees the whole company, also where a customer is concerned: what somebody is told is
/// nobody's business but theirs.
const OF_PERSONS: [&str; 2] = ["notification", "notification_preference"];

fn visible<'a>(tx: &Tx) -> events::BoxedQuery<'a, Pg> {
    let query = events::table.filter(events::tenant_id.eq(tx.actor.tenant_id)).into_boxed();
    // The log shows of a record what its own permission would.
    let mut hidden: Vec<&str> = SUBJECTS
        .iter()
        .filter(|(_, permissions)| !permissions.iter().all(|permission| tx.actor.may(*permission)))
        .flat_map(|(subjects, _)| subjects.iter().copied())
        .collect();
    if tx.actor.scope != DataScope::Tenant {
        hidden.extend(OF_PERSONS);
    }
    let query = if hidden.is_empty() { query } else { query.filter(events::subject_type.ne_all(hidden)) };
    if tx.actor.scope == DataScope::Tenant {
        return query;
    }
    // Outside of the whole company one sees what happened to the customers that one sees.
    query.filter(
        events::customer_id.eq_any(customers::visible(tx).select(crate::schema::customers::id.nullable())),
    )
}

/// A page of the log, newest first, before the position `before`; one row more than `limit` tells that
/// there is a next page.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, filter: &Filter, before: Option<i64>, limit: i64) -> Result<Vec<Event>, StoreError> {
    let mut query = visible(tx);
    if !filter.types.is_empty() {
        query = query.filter(events::type_.eq_any(filter.types.clone()));
    }
    if !filter.subject_types.is_empty() {
        query = query.filter(events::subject_type.eq_any(filter.subject_types.clone()));
    }
    if !filter.subject_ids.is_empty() {
        query = query.filter(events::subject_id.eq_any(filter.subject_ids.clone()));
    }
    if !filter.customer_ids.is_empty() {
        query = query.filter(events::customer_id.eq_any(filter.customer_ids.clone()));
    }
    if !filter.actor_ids.is_empty() {
        query = query.filter(events::actor_id.eq_any(filter.actor_ids.clone()));
    }
    if let Some(from) = filter.at_from {
        query = query.filter(events::at.ge(from));
    }
    if let Some(to) = filter.at_to {
        query = query.filter(events::at.le(to));
    }
    if let Some(before) = before {
        query = query.filter(events::seq.lt(before));
    }
    Ok(query.order(events::seq.desc()).limit(limit + 1).select(Event::as_select()).load(tx.conn)?)
}

/// What happened to a customer and to what belongs to it, apart from one kind of record, the last one first, behind a position in the log.
///
/// # Errors
/// Those of the database.
pub fn of_customer(
    tx: &mut Tx,
    customer_ids: &[Uuid],
    apart_from: &'static str,
    times: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Event>, StoreError> {
    let query = visible(tx).filter(events::subject_type.ne(apart_from));
    // For one an index gives them in order.
    let mut query = match customer_ids {
        [one] => query.filter(events::customer_id.eq(*one)),
        several => query.filter(events::customer_id.eq_any(several.to_vec())),
    };
    if let Some(from) = times.0 {
        query = query.filter(events::at.ge(from));
    }
    if let Some(to) = times.1 {
        query = query.filter(events::at.le(to));
    }
    if let Some(before) = before {
        query = query.filter(events::seq.lt(before));
    }
    Ok(query.order(events::seq.desc()).limit(limit).select(Event::as_select()).load(tx.conn)?)
}

/// One event by its position.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none that the actor may see.
pub fn find(tx: &mut Tx, seq: i64) -> Result<Event, StoreError> {
    Ok(visible(tx).filter(events::seq.eq(seq)).select(Event::as_select()).first(tx.conn)?)
}

/// An event of the actor's company, whoever may read of it. The time, where it is known, tells the partition.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none.
pub fn find_any(tx: &mut Tx, seq: i64, at: Option<DateTime<Utc>>) -> Result<Event, StoreError> {
    let mut query = events::table
        .filter(events::tenant_id.eq(tx.actor.tenant_id))
        .filter(events::seq.eq(seq))
        .into_boxed();
    if let Some(at) = at {
        query = query.filter(events::at.eq(at));
    }
    Ok(query.select(Event::as_select()).first(tx.conn)?)
}

/// What a request has written in this transaction, in order, as far as the actor may read of it.
///
/// # Errors
/// Those of the database.
pub fn of_request(tx: &mut Tx, request_id: &str, limit: i64) -> Result<Vec<Event>, StoreError> {
    let own = diesel::dsl::sql::<BigInt>("pg_current_xact_id()::text::bigint");
    Ok(visible(tx)
        .filter(events::xid.eq(own))
        .filter(events::at.eq(tx.now))
        .filter(events::request_id.eq(request_id.to_owned()))
        .order(events::seq)
        .limit(limit)
        .select(Event::as_select())
        .load(tx.conn)?)
}

/// Makes the partitions from the month of `today` on, for so many months; those that are there stay.
///
/// # Errors
/// Those of the database.
pub fn ensure_partitions(conn: &mut PgConnection, today: NaiveDate, months: u32) -> Result<(), StoreError> {
    let first = today.with_day(1).unwrap_or(today);
    for ahead in 0..months {
        let from = first + Months::new(ahead);
        let to = first + Months::new(ahead + 1);
        let name = format!("events_{:04}_{:02}", from.year(), from.month());
        let exists = diesel::select(sql::<Bool>("to_regclass(").bind::<Text, _>(&name).sql(") is not null"))
            .get_result::<bool>(conn)?;
        if !exists {
            sql_query(format!(
                "create table if not exists {name} partition of events for values from ('{from}') to ('{to}')"
            ))
            .execute(conn)?;
        }
    }
    Ok(())
}

/// Removes the events of the months that end before a day or with it.
///
/// # Errors
/// Those of the database.
pub fn drop_before(conn: &mut PgConnection, day: NaiveDate) -> Result<(), StoreError> {
    #[derive(QueryableByName)]
    struct Named {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let partitions: Vec<Named> = sql_query(
        "select c.relname::text as name from pg_inherits i join pg_class c on c.oid = i.inhrelid \
         where i.inhparent = 'events'::regclass and c.relname ~ '^events_\\d{4}_\\d{2}$' order by c.relname",
    )
    .load(conn)?;
    for Named { name } in partitions {
        let month = NaiveDate::parse_from_str(&format!("{name}_01"), "events_%Y_%m_%d").ok();
        if month.is_some_and(|first| first + Months::new(1) <= day) {
            // Whoever writes an event waits behind this one: not longer than they have patience.
            sql_query("set lock_timeout = '2s'").execute(conn)?;
            let dropped = sql_query(format!("drop table {name}")).execute(conn);
            sql_query("set lock_timeout = '10s'").execute(conn)?;
            dropped?;
            tracing::info!(name, "a month of events is past its time");
        }
    }
    // What a wrong clock put where there is no month.
    let first = day.with_day(1).unwrap_or(day);
    sql_query(format!("delete from events_default where at < '{first}'")).execute(conn)?;
    Ok(())
}
