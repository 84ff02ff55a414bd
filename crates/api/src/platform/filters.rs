//! Conditions that a company writes to select records of a kind: read, and asked of the database.

use std::collections::BTreeMap;

use fulcrum_domain::platform::selecting::{Column, ColumnKind, Selection};
use fulcrum_domain::platform::{Condition, ConditionError, Field};
use fulcrum_persistence::Tx;

use crate::http::catalog::FieldCode;
use crate::http::problem::{FieldError, Problem};

/// Longest condition, in characters.
pub const LONGEST: usize = 4000;

/// What a condition selects of records with these columns.
///
/// # Errors
/// 422 at `pointer`, with line and column: what can't be read, what isn't there, and what the database isn't asked.
pub fn selection(tx: &Tx, pointer: &str, text: &str, columns: &[Column]) -> Result<Selection, Problem> {
    let read = Condition::parse(text, &fields(columns));
    read.and_then(|condition| condition.selection(columns, tx.now))
        .map_err(|errors| Problem::invalid(errors.iter().map(|error| field_error(pointer, error)).collect()))
}

/// What is wrong with a condition, for people.
pub fn field_error(pointer: &str, error: &ConditionError) -> FieldError {
    FieldError::new(pointer, FieldCode::Condition)
        .with("line", error.line)
        .with("column", error.column)
        .with("reason", error.fault.to_string())
}

/// What can be asked for, by name.
pub fn fields(columns: &[Column]) -> Field {
    let mut top = BTreeMap::from([("now".to_owned(), Field::Value)]);
    for column in columns {
        let leaf = match column.kind {
            // A truth stands for itself, and several texts are looked into.
            ColumnKind::Boolean | ColumnKind::Texts | ColumnKind::Object => Field::Any,
            _ => Field::Value,
        };
        let names: Vec<&str> = column.path.split('.').collect();
        put(&mut top, &names, leaf);
    }
    Field::Object(top)
}

fn put(fields: &mut BTreeMap<String, Field>, names: &[&str], leaf: Field) {
    match names {
        [] => {}
        [last] => {
            fields.entry((*last).to_owned()).or_insert(leaf);
        }
        [first, rest @ ..] => {
            let inner = fields.entry((*first).to_owned()).or_insert_with(|| Field::Object(BTreeMap::new()));
            if !matches!(inner, Field::Object(_)) {
                *inner = Field::Object(BTreeMap::new());
            }
            if let Field::Object(inner) = inner {
                put(inner, rest, leaf);
            }
        }
    }
}
