//! Many records at once, at the speed of `COPY`: for filling a company with data, not for what people do.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use serde_json::Value;
use uuid::Uuid;

use super::events::NewEvent;
use super::external_ids::ExternalId;
use super::search::Terms;
use crate::customers::contacts::Contact;
use crate::customers::customers::{self as customers_store, Customer};
use crate::schema::{contacts, customers, events, external_ids, search_terms};
use crate::{StoreError, Tx};

/// Records that belong together, with what happened to them.
#[derive(Default)]
pub struct Load {
    /// Customers.
    pub customers: Vec<Customer>,
    /// Contacts of these customers, or of earlier ones.
    pub contacts: Vec<Contact>,
    /// Ids of these customers in other systems.
    pub external_ids: Vec<(Uuid, ExternalId)>,
    events: Vec<EventRow>,
}

/// A load that is under way, in one transaction.
pub struct Loading {
    xid: i64,
    rebuilt: Vec<Dropped>,
}

#[derive(Insertable)]
#[diesel(table_name = external_ids, treat_none_as_default_value = false)]
struct ExternalIdRow {
    tenant_id: Uuid,
    subject_type: String,
    system: String,
    external_id: String,
    subject_id: Uuid,
}

#[derive(QueryableByName)]
struct Dropped {
    #[diesel(sql_type = Text)]
    drop: String,
    #[diesel(sql_type = Text)]
    create: String,
}

#[derive(Insertable)]
#[diesel(table_name = search_terms, treat_none_as_default_value = false)]
struct TermRow {
    tenant_id: Uuid,
    subject_id: Uuid,
    source_id: Uuid,
    field: i16,
    term: String,
}

#[derive(Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
struct EventRow {
    tenant_id: Uuid,
    at: chrono::DateTime<chrono::Utc>,
    xid: i64,
    type_: String,
    subject_type: String,
    subject_id: Uuid,
    customer_id: Option<Uuid>,
    actor_type: String,
    actor_id: Option<Uuid>,
    request_id: Option<String>,
    version: Option<i32>,
    changes: Value,
}

/// Begins. Where there are no customers yet, in no company, and nobody uses the tables just now, indexes are made when all
/// rows are there: that is several times faster. Who comes in the meantime waits, so a server should not be running.
///
/// # Errors
/// Those of the database.
pub fn begin(tx: &mut Tx) -> Result<Loading, StoreError> {
    sql_query("set local statement_timeout = 0").execute(tx.conn)?;
    sql_query("set local idle_in_transaction_session_timeout = 0").execute(tx.conn)?;
    sql_query("set local maintenance_work_mem = '512MB'").execute(tx.conn)?;
    let xid = current_xid(tx.conn)?;
    let rebuilt = if has_tables_to_itself(tx)? { droppable(tx.conn)? } else { Vec::new() };
    for index in &rebuilt {
        sql_query(&index.drop).execute(tx.conn)?;
    }
    Ok(Loading { xid, rebuilt })
}

/// Begins beside others, who go on with their work: the limits are theirs, and indexes stay as they are.
///
/// # Errors
/// Those of the database.
pub fn begin_beside_others(tx: &mut Tx) -> Result<Loading, StoreError> {
    Ok(Loading { xid: current_xid(tx.conn)?, rebuilt: Vec::new() })
}

/// Whether the large tables are empty and locked for this transaction alone.
fn has_tables_to_itself(tx: &mut Tx) -> Result<bool, StoreError> {
    let filled = |conn: &mut PgConnection| {
        diesel::select(diesel::dsl::exists(customers::table.select(customers::id))).get_result::<bool>(conn)
    };
    if filled(tx.conn)? {
        return Ok(false);
    }
    let locked: Result<usize, StoreError> = tx.part(|tx| {
        let lock = "lock table customers, contacts, search_terms in access exclusive mode nowait";
        Ok(sql_query(lock).execute(tx.conn)?)
    });
    // Somebody else's work on them goes on; so does ours, with the indexes in place.
    Ok(locked.is_ok() && !filled(tx.conn)?)
}

fn current_xid(conn: &mut PgConnection) -> Result<i64, StoreError> {
    let xid = diesel::dsl::sql::<BigInt>("pg_current_xact_id()::text::bigint");
    Ok(diesel::select(xid).get_result(conn)?)
}

/// Indexes and keys of the large tables that no foreign key stands on.
fn droppable(conn: &mut PgConnection) -> Result<Vec<Dropped>, StoreError> {
    Ok(sql_query(
        "select case when k.conname is null then format('drop index %s', i.indexrelid::regclass) \
           else format('alter table %s drop constraint %I', i.indrelid::regclass, k.conname) end as drop, \
         case when k.conname is null then pg_get_indexdef(i.indexrelid) \
           else format('alter table %s add constraint %I %s', i.indrelid::regclass, k.conname, \
             pg_get_constraintdef(k.oid)) end as create \
         from pg_index i left join pg_constraint k on k.conindid = i.indexrelid and k.conrelid = i.indrelid \
         where i.indrelid in ('customers'::regclass, 'contacts'::regclass, 'search_terms'::regclass) \
           and not exists (select from pg_constraint f where f.contype = 'f' and f.conindid = i.indexrelid)",
    )
    .load(conn)?)
}

/// What customers and contacts are found by, in the order of the index that searches: its pages are read, changed and written once
/// for all of them.
fn terms(tenant_id: Uuid, new: &[Customer], people: &[Contact]) -> Vec<TermRow> {
    let rows_of = |subject_id: Uuid, source_id: Uuid, terms: Terms| {
        terms.into_rows().map(move |(field, term)| TermRow { tenant_id, subject_id, source_id, field, term })
    };
    let own = new.iter().flat_map(|row| rows_of(row.id, row.id, row.terms()));
    let of_contacts = people.iter().flat_map(|row| rows_of(row.customer_id, row.id, row.terms()));
    let mut terms: Vec<TermRow> = own.chain(of_contacts).collect();
    terms.sort_unstable_by(|one, other| (one.field, &one.term).cmp(&(other.field, &other.term)));
    terms
}

impl Loading {
    /// Adds records with what they are found by.
    ///
    /// # Errors
    /// As for adding them one by one; then nothing of the whole load is there.
    pub fn add(&self, tx: &mut Tx, load: Load) -> Result<(), StoreError> {
        let tenant_id = tx.actor.tenant_id;
        let Load { customers: new, contacts: people, external_ids: external, events: happened } = load;
        // What rows are found by is thought of while the database takes the rows themselves.
        let (own, theirs) = (new.clone(), people.clone());
        let found_by = std::thread::spawn(move || terms(tenant_id, &own, &theirs));
        diesel::copy_from(customers::table).from_insertable(new).execute(tx.conn)?;
        diesel::copy_from(contacts::table).from_insertable(people).execute(tx.conn)?;
        let external = external.into_iter().map(|(subject_id, id)| ExternalIdRow {
            tenant_id,
            subject_type: customers_store::SUBJECT.to_owned(),
            system: id.system,
            external_id: id.external_id,
            subject_id,
        });
        let external: Vec<ExternalIdRow> = external.collect();
        if !external.is_empty() {
            diesel::copy_from(external_ids::table).from_insertable(external).execute(tx.conn)?;
        }
        diesel::copy_from(events::table).from_insertable(happened).execute(tx.conn)?;
        let terms = found_by.join().map_err(|_| StoreError::Internal("thinking of terms panicked".into()))?;
        diesel::copy_from(search_terms::table).from_insertable(terms).execute(tx.conn)?;
        Ok(())
    }

    /// Notes what happened, at the transaction's present time and by its present actor.
    pub fn note(&self, tx: &Tx, load: &mut Load, event: NewEvent) {
        load.events.push(EventRow {
            tenant_id: tx.actor.tenant_id,
            at: tx.now,
            xid: self.xid,
            type_: event.kind,
            subject_type: event.subject_type.to_owned(),
            subject_id: event.subject_id,
            customer_id: event.customer_id,
            actor_type: tx.actor.principal_type().to_owned(),
            actor_id: tx.actor.principal_id(),
            request_id: tx.request_id.clone(),
            version: event.version,
            changes: event.changes,
        });
    }

    /// The index that is made next, as a statement; `None` when all are there.
    ///
    /// # Errors
    /// Those of the database.
    pub fn make_next_index(&mut self, tx: &mut Tx) -> Result<Option<String>, StoreError> {
        let Some(index) = self.rebuilt.pop() else { return Ok(None) };
        sql_query(&index.create).execute(tx.conn)?;
        Ok(Some(index.create))
    }

    /// How many indexes are still to be made.
    pub fn indexes_left(&self) -> usize {
        self.rebuilt.len()
    }
}

/// Brings the planner's statistics up to what was loaded, and the map of what everybody sees: without them the first
/// lists would be planned for empty tables. Outside of the transaction of the load.
///
/// # Errors
/// Those of the database.
pub fn settle(url: &str) -> Result<(), StoreError> {
    let mut conn = crate::migrations::connect(url)?;
    for table in ["customers", "contacts", "search_terms", "events"] {
        sql_query(format!("vacuum (analyze) {table}")).execute(&mut conn)?;
    }
    Ok(())
}
