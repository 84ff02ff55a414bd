//! Spreadsheets that are brought in.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Text;
use fulcrum_domain::access::DataScope;
use uuid::Uuid;

use crate::db::prepared;
use crate::paging::{PageRequest, keyset};
use crate::schema::imports;
use crate::{Json, StoreError, Tx};

/// The word in events.
pub const SUBJECT: &str = "import";

/// A spreadsheet that is brought in.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = imports, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct Import {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub object_type: String,
    pub file_id: Uuid,
    pub file_name: String,
    pub file_sha256: Vec<u8>,
    pub state: String,
    /// How the file is read, which column is which field, what happens to what is there already.
    pub settings: Json,
    /// What was found in the file.
    pub analysis: Option<Json>,
    /// Why it can't be read.
    pub failure: Option<Json>,
    /// What came of the last check, or of the import.
    pub report: Option<Json>,
    pub error_file_id: Option<Uuid>,
    /// What is being done, or was done last.
    pub operation_id: Option<Uuid>,
    pub created_by_type: String,
    pub created_by_id: Option<Uuid>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// Those of the actor; in the scope of the company all.
fn visible<'a>(tx: &Tx) -> imports::BoxedQuery<'a, Pg> {
    let query = imports::table.filter(imports::tenant_id.eq(tx.actor.tenant_id)).into_boxed();
    if tx.actor.scope == DataScope::Tenant {
        return query;
    }
    query.filter(imports::created_by_id.eq(tx.actor.principal_id()))
}

/// Adds an import.
///
/// # Errors
/// Those of the database.
pub fn insert(tx: &mut Tx, import: &Import) -> Result<(), StoreError> {
    diesel::insert_into(imports::table).values(import).execute(tx.conn)?;
    Ok(())
}

/// One import.
///
/// # Errors
/// [`StoreError::NotFound`] when it isn't the actor's business.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Import, StoreError> {
    Ok(visible(tx).filter(imports::id.eq(id)).select(Import::as_select()).first(tx.conn)?)
}

/// One import, for a change.
///
/// # Errors
/// [`StoreError::NotFound`] when it isn't the actor's business.
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<Import, StoreError> {
    find(tx, id)?;
    let query = imports::table.find((tx.actor.tenant_id, id)).select(Import::as_select());
    Ok(query.for_update().first(tx.conn)?)
}

/// Stores a changed import.
///
/// # Errors
/// Those of the database.
pub fn replace(tx: &mut Tx, import: &Import) -> Result<(), StoreError> {
    diesel::update(imports::table.find((tx.actor.tenant_id, import.id))).set(import).execute(tx.conn)?;
    Ok(())
}

/// A page, newest first; one row more than asked for when there is a next one. `states` empty is all.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, states: &[String], page: &PageRequest) -> Result<Vec<Import>, StoreError> {
    let mut query = visible(tx);
    if !states.is_empty() {
        query = query.filter(imports::state.eq_any(states.to_vec()));
    }
    let query = keyset!(query, imports::created_at, imports::id, true, page.after_time());
    Ok(query.limit(page.limit + 1).select(Import::as_select()).load(tx.conn)?)
}

/// Other imports of the company of the very same file that left records behind, the newest first.
///
/// # Errors
/// Those of the database.
pub fn of_same_file(tx: &mut Tx, import: &Import) -> Result<Vec<Uuid>, StoreError> {
    Ok(imports::table
        .filter(imports::tenant_id.eq(tx.actor.tenant_id))
        .filter(imports::file_sha256.eq(&import.file_sha256))
        .filter(imports::id.ne(import.id))
        .filter(imports::state.eq_any(["running", "done", "cancelled", "undoing", "undone"]))
        .order((imports::created_at.desc(), imports::id.desc()))
        .limit(20)
        .select(imports::id)
        .load(tx.conn)?)
}

/// Lets one import of the company at a time decide what is there already, until the transaction ends: two that bring in the same
/// customers don't both create them.
///
/// # Errors
/// Those of the database.
pub fn in_turn(tx: &mut Tx) -> Result<(), StoreError> {
    prepared("select pg_advisory_xact_lock(hashtextextended($1, 24))")
        .bind::<Text, _>(tx.actor.tenant_id.to_string())
        .execute(tx.conn)?;
    Ok(())
}
