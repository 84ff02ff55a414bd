//! The catalogue of tags.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use uuid::Uuid;

use crate::paging::{PageRequest, keyset};
use crate::schema::tags;
use crate::{StoreError, Tx};

/// The word in events.
pub const SUBJECT: &str = "tag";

/// A tag.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = tags, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct TagRow {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub name: String,
    pub color: Option<String>,
    pub group_name: Option<String>,
    pub description: Option<String>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
}

fn visible<'a>(tx: &Tx) -> tags::BoxedQuery<'a, Pg> {
    tags::table.filter(tags::tenant_id.eq(tx.actor.tenant_id)).into_boxed()
}

/// Adds a tag.
///
/// # Errors
/// [`StoreError::Unique`] when there is one of this name.
pub fn insert(tx: &mut Tx, tag: &TagRow) -> Result<(), StoreError> {
    diesel::insert_into(tags::table).values(tag).execute(tx.conn)?;
    Ok(())
}

/// One tag.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn find(tx: &mut Tx, id: Uuid) -> Result<TagRow, StoreError> {
    Ok(visible(tx).filter(tags::id.eq(id)).select(TagRow::as_select()).first(tx.conn)?)
}

/// One tag, for a change.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<TagRow, StoreError> {
    let query = tags::table.find((tx.actor.tenant_id, id)).select(TagRow::as_select());
    Ok(query.for_update().first(tx.conn)?)
}

/// Stores a changed tag.
///
/// # Errors
/// [`StoreError::Unique`] when there is another one of this name.
pub fn replace(tx: &mut Tx, tag: &TagRow) -> Result<(), StoreError> {
    diesel::update(tags::table.find((tx.actor.tenant_id, tag.id))).set(tag).execute(tx.conn)?;
    Ok(())
}

/// How many there are.
///
/// # Errors
/// Those of the database.
pub fn count(tx: &mut Tx) -> Result<i64, StoreError> {
    Ok(visible(tx).filter(tags::deleted_at.is_null()).count().get_result(tx.conn)?)
}

/// A page in order of creation; one row more than asked for when there is a next one. `groups` empty is all.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, groups: &[String], page: &PageRequest) -> Result<Vec<TagRow>, StoreError> {
    let mut query = visible(tx).filter(tags::deleted_at.is_null());
    if !groups.is_empty() {
        query = query.filter(tags::group_name.eq_any(groups.to_vec()));
    }
    let query = keyset!(query, tags::created_at, tags::id, false, page.after_time());
    Ok(query.limit(page.limit + 1).select(TagRow::as_select()).load(tx.conn)?)
}
