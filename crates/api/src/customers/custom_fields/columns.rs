//! Custom fields as something that conditions ask for.

use fulcrum_domain::customers::custom_fields::CustomFieldKind;
use fulcrum_domain::platform::selecting::{Column, ColumnKind};
use serde_json::{Map, Value};

use super::values::Fields;

/// What the database can be asked of the fields that aren't archived.
pub fn columns(fields: &Fields) -> Vec<Column> {
    let of = |key: &str, kind| vec![Column::new(format!("custom.{key}"), kind)];
    let each = fields.live().map(|field| match field.kind {
        CustomFieldKind::Number => of(&field.key, ColumnKind::Number),
        CustomFieldKind::Decimal => of(&field.key, ColumnKind::Decimal),
        CustomFieldKind::Boolean => of(&field.key, ColumnKind::Boolean),
        CustomFieldKind::Date => of(&field.key, ColumnKind::Date),
        CustomFieldKind::Instant => of(&field.key, ColumnKind::Instant),
        CustomFieldKind::Choices => of(&field.key, ColumnKind::Texts),
        CustomFieldKind::User | CustomFieldKind::Reference => of(&field.key, ColumnKind::Id),
        CustomFieldKind::Text | CustomFieldKind::Choice | CustomFieldKind::Url => {
            of(&field.key, ColumnKind::Text)
        }
        CustomFieldKind::Money => {
            let whole = Column::new(format!("custom.{}", field.key), ColumnKind::Object);
            let amount = Column::of(&whole.path, "amount", ColumnKind::Decimal);
            let currency = Column::of(&whole.path, "currency", ColumnKind::Text);
            vec![whole, amount, currency]
        }
    });
    each.flatten().collect()
}

/// Adds to a record as callers see it the fields that it has no value of, as null: a condition asks for what may be empty, not
/// for what may be missing.
pub fn complete(record: &mut Value, fields: &Fields) {
    let Some(custom) = record.get_mut("custom").and_then(Value::as_object_mut) else { return };
    let missing: Map<String, Value> = fields
        .live()
        .filter(|field| !custom.contains_key(&field.key))
        .map(|field| (field.key.clone(), Value::Null))
        .collect();
    custom.extend(missing);
}
