//! What there is of a customer, all of it at once, and who has looked at it.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Jsonb, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::customers;
use crate::db::prepared;
use crate::paging::{PageRequest, keyset};
use crate::schema::{customer_reads, customers as customer_table};
use crate::{Json, StoreError, Tx};

/// A look at a customer's file.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = customer_reads)]
#[allow(missing_docs)]
pub struct CustomerRead {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub customer_id: Uuid,
    pub actor_type: String,
    pub actor_id: Option<Uuid>,
    pub request_id: Option<String>,
    pub at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Parts {
    #[diesel(sql_type = Jsonb)]
    parts: Json,
}

/// Counts and the latest of everything that belongs to a customer that the actor was shown, in one statement. Whoever sees the customer
/// sees that, read-only.
///
/// # Errors
/// Those of the database.
pub fn parts(tx: &mut Tx, customer_id: Uuid) -> Result<Json, StoreError> {
    let found: Parts = prepared(
        "select jsonb_build_object( \
           'owner', (select jsonb_build_object('id', u.id, 'name', u.name, 'email', u.email) from customers c \
              join users u on u.tenant_id = c.tenant_id and u.id = c.owner_id where c.tenant_id = $1 and c.id = $2), \
           'department_name', (select d.name from customers c join departments d on d.tenant_id = c.tenant_id \
              and d.id = c.department_id where c.tenant_id = $1 and c.id = $2), \
           'tasks', (select jsonb_build_object('total', count(*), 'open', count(*) filter (where state = 'open'), \
              'overdue', count(*) filter (where state = 'open' and due_at < $3), 'latest_at', max(updated_at)) \
              from tasks where tenant_id = $1 and customer_id = $2 and deleted_at is null), \
           'open_tasks', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (select id, title, priority, due_at, assignee_id \
              from tasks where tenant_id = $1 and customer_id = $2 and state = 'open' and deleted_at is null \
              order by due_order, id limit 5) t), \
           'activities', (select jsonb_build_object('total', count(*), 'latest_at', max(a.started_at) filter \
              (where a.started_at <= $3)) from activity_links l join activities a on a.tenant_id = l.tenant_id \
              and a.id = l.activity_id where l.tenant_id = $1 and l.customer_id = $2 and a.deleted_at is null), \
           'latest_activities', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (select a.id, a.kind, a.subject, \
              a.outcome, a.started_at, a.owner_id from activity_links l join activities a on a.tenant_id = l.tenant_id \
              and a.id = l.activity_id where l.tenant_id = $1 and l.customer_id = $2 and a.deleted_at is null \
              order by l.started_at desc, l.activity_id desc limit 5) t), \
           'files', (select jsonb_build_object('total', count(*), 'latest_at', max(l.created_at)) from file_links l \
              join files f on f.tenant_id = l.tenant_id and f.id = l.file_id where l.tenant_id = $1 \
              and l.subject_type = 'customer' and l.subject_id = $2 and f.deleted_at is null), \
           'latest_files', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (select f.id, f.name, f.size, l.document_kind, \
              l.created_at as linked_at from file_links l join files f on f.tenant_id = l.tenant_id and f.id = l.file_id \
              where l.tenant_id = $1 and l.subject_type = 'customer' and l.subject_id = $2 and f.deleted_at is null \
              order by l.created_at desc, f.id limit 5) t), \
           'open_duplicates', (select count(*) from duplicate_pairs p where p.tenant_id = $1 and p.state = 'open' \
              and $2 in (p.first_id, p.second_id)) \
         ) as parts",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(customer_id)
    .bind::<Timestamptz, _>(tx.now)
    .get_result(tx.conn)?;
    Ok(found.parts)
}

/// Notes that the actor has looked at the file of a customer.
///
/// # Errors
/// Those of the database.
pub fn note_read(tx: &mut Tx, customer_id: Uuid) -> Result<(), StoreError> {
    let read = CustomerRead {
        tenant_id: tx.actor.tenant_id,
        id: Uuid::now_v7(),
        customer_id,
        actor_type: tx.actor.principal_type().to_owned(),
        actor_id: tx.actor.principal_id(),
        request_id: tx.request_id.clone(),
        at: tx.now,
    };
    diesel::insert_into(customer_reads::table).values(&read).execute(tx.conn)?;
    Ok(())
}

/// A page of the looks at the file of a customer, the last one first; one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn reads(tx: &mut Tx, customer_id: Uuid, page: &PageRequest) -> Result<Vec<CustomerRead>, StoreError> {
    let seen = customers::visible(tx).select(customer_table::id);
    let query = customer_reads::table
        .filter(customer_reads::tenant_id.eq(tx.actor.tenant_id))
        .filter(customer_reads::customer_id.eq(customer_id))
        .filter(customer_reads::customer_id.eq_any(seen))
        .into_boxed();
    let query = keyset!(query, customer_reads::at, customer_reads::id, true, page.after_time());
    Ok(query.limit(page.limit + 1).select(CustomerRead::as_select()).load(tx.conn)?)
}
