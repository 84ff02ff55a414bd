//! What became of the rows of a spreadsheet.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Integer, Text, Uuid as SqlUuid};
use uuid::Uuid;

use crate::db::prepared;
use crate::schema::import_rows;
use crate::{Json, StoreError, Tx};

/// What became of a row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = import_rows, treat_none_as_null = true, treat_none_as_default_value = false)]
#[allow(missing_docs)]
pub struct ImportRow {
    pub tenant_id: Uuid,
    pub import_id: Uuid,
    /// As a spreadsheet counts: the first one is 1.
    pub row_number: i32,
    pub outcome: String,
    pub customer_id: Option<Uuid>,
    pub contact_id: Option<Uuid>,
    pub customer_created: bool,
    pub contact_created: bool,
    /// The versions that the import left behind; `None` where it changed nothing.
    pub customer_version: Option<i32>,
    pub contact_version: Option<i32>,
    /// What could be said of them before, where they were changed.
    pub customer_before: Option<Json>,
    pub contact_before: Option<Json>,
    pub errors: Option<Json>,
    pub duplicates: Option<Json>,
    /// `undone` or `kept`, when the import was taken back.
    pub undo: Option<String>,
}

fn of<'a>(tx: &Tx, import_id: Uuid) -> import_rows::BoxedQuery<'a, Pg> {
    import_rows::table
        .filter(import_rows::tenant_id.eq(tx.actor.tenant_id))
        .filter(import_rows::import_id.eq(import_id))
        .into_boxed()
}

/// Notes rows, at the speed of `COPY`.
///
/// # Errors
/// Those of the database.
pub fn add(tx: &mut Tx, rows: Vec<ImportRow>) -> Result<(), StoreError> {
    diesel::copy_from(import_rows::table).from_insertable(rows).execute(tx.conn)?;
    Ok(())
}

/// Forgets what a check has found.
///
/// # Errors
/// Those of the database.
pub fn clear(tx: &mut Tx, import_id: Uuid) -> Result<(), StoreError> {
    let rows = import_rows::table
        .filter(import_rows::tenant_id.eq(tx.actor.tenant_id))
        .filter(import_rows::import_id.eq(import_id));
    diesel::delete(rows).execute(tx.conn)?;
    Ok(())
}

/// Some rows behind one, in their order. Empty lists don't restrict.
///
/// # Errors
/// Those of the database.
pub fn list(
    tx: &mut Tx,
    import_id: Uuid,
    outcomes: &[String],
    undo: &[String],
    after: i32,
    limit: i64,
) -> Result<Vec<ImportRow>, StoreError> {
    let mut query = of(tx, import_id).filter(import_rows::row_number.gt(after));
    if !outcomes.is_empty() {
        query = query.filter(import_rows::outcome.eq_any(outcomes.to_vec()));
    }
    if !undo.is_empty() {
        query = query.filter(import_rows::undo.eq_any(undo.to_vec()));
    }
    Ok(query.order(import_rows::row_number).limit(limit).select(ImportRow::as_select()).load(tx.conn)?)
}

/// Rows of these numbers of other imports, with the customers that they became or were found to be; the newest import's first.
///
/// # Errors
/// Those of the database.
pub fn of_numbers(tx: &mut Tx, import_ids: &[Uuid], numbers: &[i32]) -> Result<Vec<(i32, Uuid)>, StoreError> {
    #[derive(QueryableByName)]
    struct Known {
        #[diesel(sql_type = Integer)]
        row_number: i32,
        #[diesel(sql_type = SqlUuid)]
        customer_id: Uuid,
    }
    if import_ids.is_empty() {
        return Ok(vec![]);
    }
    let known: Vec<Known> = prepared(
        "select r.row_number, r.customer_id from unnest($2::uuid[]) with ordinality as i (id, place) \
         join import_rows r on r.tenant_id = $1 and r.import_id = i.id and r.row_number = any($3) \
         where r.customer_id is not null and r.undo is distinct from 'undone' order by i.place",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<Array<SqlUuid>, _>(import_ids)
    .bind::<Array<Integer>, _>(numbers)
    .load(tx.conn)?;
    Ok(known.into_iter().map(|row| (row.row_number, row.customer_id)).collect())
}

/// Those of these customers that an import has made.
///
/// # Errors
/// Those of the database.
pub fn created(tx: &mut Tx, import_id: Uuid, customer_ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    let made = of(tx, import_id)
        .filter(import_rows::customer_id.eq_any(customer_ids.to_vec()))
        .filter(import_rows::customer_created);
    let ids: Vec<Option<Uuid>> = made.select(import_rows::customer_id).load(tx.conn)?;
    Ok(ids.into_iter().flatten().collect())
}

/// Some of the customers that an import made or changed something of, behind one.
///
/// # Errors
/// Those of the database.
pub fn customers(tx: &mut Tx, import_id: Uuid, after: Uuid, limit: i64) -> Result<Vec<Uuid>, StoreError> {
    let ids: Vec<Option<Uuid>> = of(tx, import_id)
        .filter(import_rows::customer_id.gt(after))
        .filter(import_rows::customer_version.is_not_null().or(import_rows::contact_version.is_not_null()))
        .distinct()
        .order(import_rows::customer_id)
        .limit(limit)
        .select(import_rows::customer_id)
        .load(tx.conn)?;
    Ok(ids.into_iter().flatten().collect())
}

/// The rows of a customer.
///
/// # Errors
/// Those of the database.
pub fn of_customer(tx: &mut Tx, import_id: Uuid, customer_id: Uuid) -> Result<Vec<ImportRow>, StoreError> {
    Ok(of(tx, import_id)
        .filter(import_rows::customer_id.eq(customer_id))
        .order(import_rows::row_number)
        .select(ImportRow::as_select())
        .load(tx.conn)?)
}

/// Notes of the rows of a customer whether what they did was taken back.
///
/// # Errors
/// Those of the database.
pub fn note_undo(tx: &mut Tx, import_id: Uuid, numbers: &[i32], undone: bool) -> Result<(), StoreError> {
    prepared(
        "update import_rows set undo = $4 where tenant_id = $1 and import_id = $2 and row_number = any($3)",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(import_id)
    .bind::<Array<Integer>, _>(numbers)
    .bind::<Text, _>(if undone { "undone" } else { "kept" })
    .execute(tx.conn)?;
    Ok(())
}

/// Whether anything has happened to a customer beside what the requests of this name did. That somebody may be the same as it
/// is nothing that happened to it.
///
/// # Errors
/// Those of the database.
pub fn is_touched(tx: &mut Tx, customer_id: Uuid, request_id: &str) -> Result<bool, StoreError> {
    #[derive(QueryableByName)]
    struct Touched {
        #[diesel(sql_type = Bool)]
        touched: bool,
    }
    let found: Touched = prepared(
        "select exists (select from events where tenant_id = $1 and customer_id = $2 \
           and request_id is distinct from $3 and subject_type <> 'duplicate') as touched",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(customer_id)
    .bind::<Text, _>(request_id)
    .get_result(tx.conn)?;
    Ok(found.touched)
}
