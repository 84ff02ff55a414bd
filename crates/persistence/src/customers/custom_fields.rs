//! Fields that a company adds to its records, and the values of theirs that only one record may have.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use uuid::Uuid;

use crate::db::prepared;
use crate::paging::PageRequest;
use crate::schema::{custom_fields, custom_unique_values, object_definitions};
use crate::{Json, StoreError, Tx};

/// The word in events.
pub const SUBJECT: &str = "custom_field";

/// A field.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = custom_fields, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct CustomFieldRow {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub object_type: String,
    pub key: String,
    pub label: String,
    pub help: Option<String>,
    pub kind: String,
    pub customer_kinds: Vec<String>,
    pub required: bool,
    pub is_unique: bool,
    pub filterable: bool,
    pub searchable: bool,
    pub default_value: Option<Json>,
    pub limits: Json,
    pub choices: Json,
    pub position: i32,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
}

/// The company's fields, archived ones included.
fn visible<'a>(tx: &Tx) -> custom_fields::BoxedQuery<'a, Pg> {
    custom_fields::table.filter(custom_fields::tenant_id.eq(tx.actor.tenant_id)).into_boxed()
}

/// Adds a field.
///
/// # Errors
/// [`StoreError::Unique`] when there is one with this key, archived or not.
pub fn insert(tx: &mut Tx, field: &CustomFieldRow) -> Result<(), StoreError> {
    diesel::insert_into(custom_fields::table).values(field).execute(tx.conn)?;
    defined_anew_with(tx, field)
}

/// One field.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn find(tx: &mut Tx, id: Uuid) -> Result<CustomFieldRow, StoreError> {
    Ok(visible(tx).filter(custom_fields::id.eq(id)).select(CustomFieldRow::as_select()).first(tx.conn)?)
}

/// One field, for a change.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<CustomFieldRow, StoreError> {
    let query = custom_fields::table.find((tx.actor.tenant_id, id)).select(CustomFieldRow::as_select());
    Ok(query.for_update().first(tx.conn)?)
}

/// Stores a changed field.
///
/// # Errors
/// Those of the database.
pub fn replace(tx: &mut Tx, field: &CustomFieldRow) -> Result<(), StoreError> {
    diesel::update(custom_fields::table.find((tx.actor.tenant_id, field.id))).set(field).execute(tx.conn)?;
    defined_anew_with(tx, field)
}

/// Which definition of a kind of record holds: another one with each change. `nil` while there is nothing of the company's own.
///
/// # Errors
/// Those of the database.
pub fn definition(tx: &mut Tx, object_type: &str) -> Result<Uuid, StoreError> {
    let version = object_definitions::table
        .find((tx.actor.tenant_id, object_type))
        .select(object_definitions::version)
        .first(tx.conn)
        .optional()?;
    Ok(version.unwrap_or_default())
}

/// Notes that a kind of record is defined anew. Random, because a transaction that is taken back takes its number back, too.
///
/// # Errors
/// Those of the database.
pub fn define_anew(tx: &mut Tx, object_type: &str) -> Result<(), StoreError> {
    let version = Uuid::new_v4();
    diesel::insert_into(object_definitions::table)
        .values((
            object_definitions::tenant_id.eq(tx.actor.tenant_id),
            object_definitions::object_type.eq(object_type),
            object_definitions::version.eq(version),
        ))
        .on_conflict((object_definitions::tenant_id, object_definitions::object_type))
        .do_update()
        .set(object_definitions::version.eq(version))
        .execute(tx.conn)?;
    Ok(())
}

fn defined_anew_with(tx: &mut Tx, field: &CustomFieldRow) -> Result<(), StoreError> {
    // What contacts have belongs to the file of their customer.
    if field.object_type == super::contacts::SUBJECT {
        define_anew(tx, super::customers::SUBJECT)?;
    }
    define_anew(tx, &field.object_type)
}

/// Every field of a kind of record in its order, archived ones included.
///
/// # Errors
/// Those of the database.
pub fn of_object(tx: &mut Tx, object_type: &str) -> Result<Vec<CustomFieldRow>, StoreError> {
    Ok(visible(tx)
        .filter(custom_fields::object_type.eq(object_type.to_owned()))
        .order((custom_fields::position, custom_fields::id))
        .select(CustomFieldRow::as_select())
        .load(tx.conn)?)
}

/// A page in the order of forms; one row more than asked for when there is a next one. `object_types` empty is all.
///
/// # Errors
/// Those of the database.
pub fn list(
    tx: &mut Tx,
    object_types: &[String],
    archived: bool,
    page: &PageRequest,
) -> Result<Vec<CustomFieldRow>, StoreError> {
    let mut query = visible(tx);
    query = if archived {
        query.filter(custom_fields::deleted_at.is_not_null())
    } else {
        query.filter(custom_fields::deleted_at.is_null())
    };
    if !object_types.is_empty() {
        query = query.filter(custom_fields::object_type.eq_any(object_types.to_vec()));
    }
    let query =
        crate::paging::keyset!(query, custom_fields::created_at, custom_fields::id, false, page.after_time());
    Ok(query.limit(page.limit + 1).select(CustomFieldRow::as_select()).load(tx.conn)?)
}

/// Lets one transaction at a time add fields to the company's records: their number is bounded.
///
/// # Errors
/// Those of the database.
pub fn lock_all(tx: &mut Tx) -> Result<(), StoreError> {
    prepared("select pg_advisory_xact_lock(hashtextextended($1, 16))")
        .bind::<Text, _>(tx.actor.tenant_id.to_string())
        .execute(tx.conn)?;
    Ok(())
}

/// A value that only one record may have, with the field that it is of.
pub type UniqueValue = (Uuid, String);

/// Makes what a record holds exactly `after`, given that it held `before`. Returns the first value that another record
/// has, with that record.
///
/// # Errors
/// Those of the database.
pub fn hold_values(
    tx: &mut Tx,
    subject_id: Uuid,
    before: &[UniqueValue],
    after: &[UniqueValue],
) -> Result<Option<(UniqueValue, Uuid)>, StoreError> {
    let gone: Vec<&UniqueValue> = before.iter().filter(|value| !after.contains(value)).collect();
    let new: Vec<&UniqueValue> = after.iter().filter(|value| !before.contains(value)).collect();
    if !gone.is_empty() {
        let (fields, values) = apart(&gone);
        prepared(
            "delete from custom_unique_values u using unnest($3::uuid[], $4::text[]) as gone (field_id, value) \
             where u.tenant_id = $1 and u.subject_id = $2 and u.field_id = gone.field_id and u.value = gone.value",
        )
        .bind::<SqlUuid, _>(tx.actor.tenant_id)
        .bind::<SqlUuid, _>(subject_id)
        .bind::<Array<SqlUuid>, _>(fields)
        .bind::<Array<Text>, _>(values)
        .execute(tx.conn)?;
    }
    if new.is_empty() {
        return Ok(None);
    }
    let (fields, values) = apart(&new);
    let added = prepared(
        "insert into custom_unique_values (tenant_id, field_id, value, subject_id) \
         select $1, field_id, value, $2 from unnest($3::uuid[], $4::text[]) as new (field_id, value) \
         order by field_id, value on conflict do nothing",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(subject_id)
    .bind::<Array<SqlUuid>, _>(fields)
    .bind::<Array<Text>, _>(values)
    .execute(tx.conn)?;
    if added == new.len() {
        return Ok(None);
    }
    for value in new {
        let holder: Option<Uuid> = custom_unique_values::table
            .find((tx.actor.tenant_id, value.0, &value.1))
            .select(custom_unique_values::subject_id)
            .first(tx.conn)
            .optional()?;
        if let Some(holder) = holder.filter(|holder| *holder != subject_id) {
            return Ok(Some((value.clone(), holder)));
        }
    }
    Ok(None)
}

fn apart(values: &[&UniqueValue]) -> (Vec<Uuid>, Vec<String>) {
    values.iter().map(|(field, value)| (*field, value.clone())).unzip()
}

/// Frees all values of a field that isn't unique any more.
///
/// # Errors
/// Those of the database.
pub fn free_values_of_field(tx: &mut Tx, field_id: Uuid) -> Result<(), StoreError> {
    let values = custom_unique_values::table
        .filter(custom_unique_values::tenant_id.eq(tx.actor.tenant_id))
        .filter(custom_unique_values::field_id.eq(field_id));
    diesel::delete(values).execute(tx.conn)?;
    Ok(())
}
