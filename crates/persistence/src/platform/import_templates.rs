//! Mappings of spreadsheets that are used again.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use uuid::Uuid;

use crate::paging::{PageRequest, keyset};
use crate::schema::import_templates;
use crate::{Json, StoreError, Tx};

/// The word in events.
pub const SUBJECT: &str = "import_template";

/// A mapping that is used again.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = import_templates, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct ImportTemplateRow {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub name: String,
    pub object_type: String,
    pub settings: Json,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
}

fn visible<'a>(tx: &Tx) -> import_templates::BoxedQuery<'a, Pg> {
    import_templates::table.filter(import_templates::tenant_id.eq(tx.actor.tenant_id)).into_boxed()
}

/// Adds a template.
///
/// # Errors
/// [`StoreError::Unique`] when there is one of this name.
pub fn insert(tx: &mut Tx, template: &ImportTemplateRow) -> Result<(), StoreError> {
    diesel::insert_into(import_templates::table).values(template).execute(tx.conn)?;
    Ok(())
}

/// One template.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn find(tx: &mut Tx, id: Uuid) -> Result<ImportTemplateRow, StoreError> {
    let one = visible(tx).filter(import_templates::id.eq(id));
    Ok(one.select(ImportTemplateRow::as_select()).first(tx.conn)?)
}

/// One template, for a change.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<ImportTemplateRow, StoreError> {
    let query = import_templates::table.find((tx.actor.tenant_id, id)).select(ImportTemplateRow::as_select());
    Ok(query.for_update().first(tx.conn)?)
}

/// Stores a changed template.
///
/// # Errors
/// [`StoreError::Unique`] when there is another one of this name.
pub fn replace(tx: &mut Tx, template: &ImportTemplateRow) -> Result<(), StoreError> {
    let one = import_templates::table.find((tx.actor.tenant_id, template.id));
    diesel::update(one).set(template).execute(tx.conn)?;
    Ok(())
}

/// How many there are.
///
/// # Errors
/// Those of the database.
pub fn count(tx: &mut Tx) -> Result<i64, StoreError> {
    Ok(visible(tx).filter(import_templates::deleted_at.is_null()).count().get_result(tx.conn)?)
}

/// A page in order of creation; one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, page: &PageRequest) -> Result<Vec<ImportTemplateRow>, StoreError> {
    let query = visible(tx).filter(import_templates::deleted_at.is_null());
    let query = keyset!(query, import_templates::created_at, import_templates::id, false, page.after_time());
    Ok(query.limit(page.limit + 1).select(ImportTemplateRow::as_select()).load(tx.conn)?)
}

/// The template of this name, however its letters are written.
///
/// # Errors
/// Those of the database.
pub fn find_by_name(tx: &mut Tx, name: &str) -> Result<Option<Uuid>, StoreError> {
    let found: Vec<(Uuid, String)> = visible(tx)
        .filter(import_templates::deleted_at.is_null())
        .select((import_templates::id, import_templates::name))
        .load(tx.conn)?;
    let wanted = name.to_lowercase();
    Ok(found.into_iter().find(|(_, known)| known.to_lowercase() == wanted).map(|(id, _)| id))
}
