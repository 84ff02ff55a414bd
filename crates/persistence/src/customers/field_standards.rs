//! What the files of customers have to hold, and how complete they are.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Double, Nullable, SmallInt, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::customers::{self, Customer};
use crate::db::{Around, prepared};
use crate::schema::{customers as customer_table, field_standards};
use crate::{Json, StoreError, Tx};

/// The word in events.
pub const SUBJECT: &str = "field_standard";

/// The standard for one kind of customer.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = field_standards)]
#[allow(missing_docs)]
pub struct FieldStandard {
    pub tenant_id: Uuid,
    pub customer_kind: String,
    pub rules: Json,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The standards that the company has of its own.
///
/// # Errors
/// Those of the database.
pub fn all(tx: &mut Tx) -> Result<Vec<FieldStandard>, StoreError> {
    Ok(field_standards::table
        .filter(field_standards::tenant_id.eq(tx.actor.tenant_id))
        .select(FieldStandard::as_select())
        .load(tx.conn)?)
}

/// Stores a standard; the caller holds the company's definitions.
///
/// # Errors
/// Those of the database.
pub fn store(tx: &mut Tx, standard: &FieldStandard) -> Result<(), StoreError> {
    diesel::insert_into(field_standards::table)
        .values(standard)
        .on_conflict((field_standards::tenant_id, field_standards::customer_kind))
        .do_update()
        .set(standard)
        .execute(tx.conn)?;
    super::custom_fields::define_anew(tx, customers::SUBJECT)
}

/// Some of the company's customers behind an id, held for a change; deleted ones, too.
///
/// # Errors
/// Those of the database.
pub fn batch(tx: &mut Tx, after: Uuid, limit: i64) -> Result<Vec<Customer>, StoreError> {
    Ok(customer_table::table
        .filter(customer_table::tenant_id.eq(tx.actor.tenant_id))
        .filter(customer_table::id.gt(after))
        .order(customer_table::id)
        .limit(limit)
        .select(Customer::as_select())
        .for_update()
        .load(tx.conn)?)
}

/// How complete a customer's file is now: no change of the record, so neither a version nor an event.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The customer.
    pub id: Uuid,
    /// Percent.
    pub completeness: i16,
    /// What isn't there.
    pub missing: Vec<String>,
}

/// Notes how complete files are.
///
/// # Errors
/// Those of the database.
pub fn note(tx: &mut Tx, measured: &[Measured]) -> Result<(), StoreError> {
    if measured.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = measured.iter().map(|one| one.id).collect();
    let percents: Vec<i16> = measured.iter().map(|one| one.completeness).collect();
    // Names of fields have no commas.
    let missing: Vec<String> = measured.iter().map(|one| one.missing.join(",")).collect();
    prepared(
        "update customers c set completeness = new.percent, missing = string_to_array(new.missing, ',') \
         from unnest($2::uuid[], $3::smallint[], $4::text[]) as new (id, percent, missing) \
         where c.tenant_id = $1 and c.id = new.id",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<SmallInt>, _>(percents)
    .bind::<Array<Text>, _>(missing)
    .execute(tx.conn)?;
    Ok(())
}

/// How complete the files of one owner or department are.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Share {
    pub id: Option<Uuid>,
    pub customers: i64,
    /// At 100 percent.
    pub complete: i64,
    /// The mean of their percents.
    pub mean: f64,
}

/// A field and how many files lack it.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Lack {
    pub field: String,
    pub customers: i64,
}

/// How completeness is broken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum By {
    Company,
    Owner,
    Department,
}

/// How complete the files of the customers are that the actor sees, the largest books first; at most so many rows.
///
/// # Errors
/// [`StoreError::Timeout`] when there are too many to look at in time.
pub fn shares(tx: &mut Tx, by: By, limit: i64) -> Result<Vec<Share>, StoreError> {
    let group = match by {
        By::Company => "null::uuid",
        By::Owner => "seen.owner_id",
        By::Department => "seen.department_id",
    };
    let seen = customers::visible(tx).filter(customer_table::deleted_at.is_null()).select((
        customer_table::owner_id,
        customer_table::department_id,
        customer_table::completeness,
    ));
    let before = format!(
        "select {group}, count(*), count(*) filter (where completeness = 100), coalesce(avg(completeness), 0)::float8 from"
    );
    let shares: Around<_, (Nullable<SqlUuid>, BigInt, BigInt, Double)> =
        Around::new(before, seen, format!("seen group by 1 order by 2 desc, 1 limit {limit}"));
    let rows: Vec<(Option<Uuid>, i64, i64, f64)> = shares.load(tx.conn)?;
    let share = |(id, customers, complete, mean)| Share { id, customers, complete, mean };
    Ok(rows.into_iter().map(share).collect())
}

/// Which fields the files of these customers lack, the most frequent first.
///
/// # Errors
/// [`StoreError::Timeout`] when there are too many to look at in time.
pub fn lacks(tx: &mut Tx) -> Result<Vec<Lack>, StoreError> {
    let seen = customers::visible(tx)
        .filter(customer_table::deleted_at.is_null())
        .filter(customer_table::completeness.lt(100))
        .select(customer_table::missing);
    let lacks: Around<_, (Text, BigInt)> = Around::new(
        "select field, count(*) from",
        seen,
        "seen cross join lateral unnest(seen.missing) as lacked (field) group by 1 order by 2 desc, 1",
    );
    let rows: Vec<(String, i64)> = lacks.load(tx.conn)?;
    Ok(rows.into_iter().map(|(field, customers)| Lack { field, customers }).collect())
}
