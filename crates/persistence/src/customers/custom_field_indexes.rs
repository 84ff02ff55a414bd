//! The indexes of custom fields that lists are filtered by. All companies share them: an index is of a key, and takes whatever
//! any company keeps under it.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Bool, Text};

use super::custom_fields::CustomFieldRow;
use crate::StoreError;
use crate::platform::selection::CustomColumn;

/// Longest text of a value in an index, in bytes: an entry of a B-tree has to fit in a third of a page.
pub(crate) const LONGEST_TEXT: usize = 600;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    valid: bool,
}

#[derive(QueryableByName)]
struct Wanted {
    #[diesel(sql_type = Bool)]
    wanted: bool,
}

/// What an index over a field is made of; `None` where the kind of field has none.
struct Index {
    name: String,
    create: String,
    /// What the planner is to know of the values: it doesn't take that from a partial index, and would believe every range to hold a
    /// third of all rows.
    statistics: String,
    describe: String,
}

fn index_of(field: &CustomFieldRow) -> Option<Index> {
    let table = match field.object_type.as_str() {
        "customer" => "customers",
        "contact" => "contacts",
        _ => return None,
    };
    let column = CustomColumn::of(&field.key, &field.kind)?;
    // With the longest key just short enough for PostgreSQL.
    let name = format!("{table}_cf_{}_{}", column.class(), field.key);
    // The tenant first, as in every index; the order of pages behind the value.
    let create = format!(
        "create index concurrently {name} on {table} (tenant_id, ({}), created_at, id) where deleted_at is null and {}",
        column.expression(),
        column.is_short(),
    );
    let statistics = format!("{table}_cs_{}_{}", column.class(), field.key);
    let describe =
        format!("create statistics if not exists {statistics} on ({}) from {table}", column.expression());
    Some(Index { name, create, statistics, describe })
}

/// Makes the index of a field that lists are filtered by, or removes it when no company filters by such a field any more. Nobody
/// waits for it: rows are written meanwhile. Outside of a transaction, on a connection of its own.
///
/// # Errors
/// Those of the database.
pub fn bring_up_to_date(url: &str, field: &CustomFieldRow) -> Result<(), StoreError> {
    let Some(index) = index_of(field) else { return Ok(()) };
    let mut conn = crate::migrations::connect(url)?;
    // One at a time for each index. The lock ends with the connection.
    sql_query("select pg_advisory_lock(hashtextextended($1, 17))")
        .bind::<Text, _>(&index.name)
        .execute(&mut conn)?;
    sql_query("set statement_timeout = 0").execute(&mut conn)?;
    let kinds: Vec<&str> = CustomColumn::kinds_of_class(&field.kind).to_vec();
    let wanted: Wanted = sql_query(
        "select exists (select from custom_fields where object_type = $1 and key = $2 and kind = any($3) \
         and filterable and deleted_at is null) as wanted",
    )
    .bind::<Text, _>(&field.object_type)
    .bind::<Text, _>(&field.key)
    .bind::<diesel::sql_types::Array<Text>, _>(kinds)
    .get_result(&mut conn)?;
    let there: Option<Found> =
        sql_query("select indisvalid as valid from pg_index where indexrelid = to_regclass($1)")
            .bind::<Text, _>(&index.name)
            .get_result(&mut conn)
            .optional()?;
    let valid = there.as_ref().is_some_and(|found| found.valid);
    // One that isn't valid was being made when something broke.
    if there.is_some() && (!wanted.wanted || !valid) {
        sql_query(format!("drop index concurrently if exists {}", index.name)).execute(&mut conn)?;
    }
    if !wanted.wanted {
        sql_query(format!("drop statistics if exists {}", index.statistics)).execute(&mut conn)?;
    }
    if wanted.wanted && !valid {
        sql_query(&index.create).execute(&mut conn)?;
        sql_query(&index.describe).execute(&mut conn)?;
        // What the planner knows of the expression.
        let table = if field.object_type == "customer" { "customers" } else { "contacts" };
        sql_query(format!("analyze {table}")).execute(&mut conn)?;
    }
    Ok(())
}
