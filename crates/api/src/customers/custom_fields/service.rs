//! What can be done with custom fields.

use fulcrum_domain::access::Permission;
use fulcrum_domain::customers::custom_fields::{CustomField, CustomFieldKind, CustomFieldObject};
use fulcrum_domain::values::text::{clean_line, clean_text};
use fulcrum_persistence::customers::custom_fields::{self as store, CustomFieldRow};
use fulcrum_persistence::{Json, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use super::keeping::KeepField;
use super::values::Fields;
use super::views::{CustomFieldInput, CustomFieldList, CustomFieldQuery, CustomFieldView};
use crate::App;
use crate::customers::completeness::keeping::measure_all;
use crate::http::catalog::{Code, FieldCode};
use crate::http::cursor::List;
use crate::http::problem::{FieldError, Problem};
use crate::platform::jobs::enqueue_for_company;
use crate::records::{Resource, Stamp};

/// Fields of one kind of record that aren't archived; and as many again that are.
pub const MOST_FIELDS: usize = 200;

/// Custom fields as records.
pub enum CustomFields {}

impl Resource for CustomFields {
    type Row = CustomFieldRow;
    type Input = CustomFieldInput;
    type View = CustomFieldView;
    const SUBJECT: &'static str = store::SUBJECT;
    const COLLECTION: &'static str = "custom-fields";
    const DELETE: Permission = Permission::CustomFieldsWrite;

    fn input_of(row: &CustomFieldRow) -> CustomFieldInput {
        input_of(row)
    }

    fn view(row: &CustomFieldRow) -> CustomFieldView {
        CustomFieldView::from(row)
    }

    fn stamp(row: &CustomFieldRow) -> Stamp {
        Stamp::of(row.id, row.version, row.deleted_at)
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<CustomFieldRow, Problem> {
        Ok(store::find(tx, id)?)
    }

    fn lock(tx: &mut Tx, id: Uuid) -> Result<CustomFieldRow, Problem> {
        Ok(store::lock(tx, id)?)
    }

    fn insert(tx: &mut Tx, input: CustomFieldInput) -> Result<CustomFieldRow, Problem> {
        store::lock_all(tx)?;
        let others = store::of_object(tx, &input.object_type.to_string())?;
        bounded(&others, false)?;
        if others.iter().any(|other| other.key == input.key) {
            let known = others.iter().find(|other| other.key == input.key).map(|other| other.id);
            return Err(Problem::taken("key", known));
        }
        let blank = CustomFieldRow {
            tenant_id: tx.actor.tenant_id,
            id: Uuid::now_v7(),
            object_type: input.object_type.to_string(),
            key: input.key.clone(),
            label: String::new(),
            help: None,
            kind: input.kind.to_string(),
            customer_kinds: vec![],
            required: false,
            is_unique: false,
            filterable: false,
            searchable: false,
            default_value: None,
            limits: Json::of(&json!({})),
            choices: Json::empty_list(),
            position: 0,
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
            deleted_at: None,
        };
        let row = filled(blank, input);
        store::insert(tx, &row)?;
        if row.filterable {
            keep(tx, row.id, false)?;
        }
        Ok(row)
    }

    fn change(
        tx: &mut Tx,
        before: &CustomFieldRow,
        input: CustomFieldInput,
    ) -> Result<CustomFieldRow, Problem> {
        let old = input_of(before);
        let mut errors = Vec::new();
        for (same, name) in [
            (old.object_type == input.object_type, "/object_type"),
            (old.key == input.key, "/key"),
            (old.kind == input.kind, "/kind"),
            (old.unique || !input.unique, "/unique"),
            (old.limits.references == input.limits.references, "/limits/references"),
        ] {
            if !same {
                errors.push(FieldError::new(name, FieldCode::NotChangeable));
            }
        }
        let gone =
            old.choices.iter().find(|had| !input.choices.iter().any(|choice| choice.value == had.value));
        if let Some(gone) = gone {
            errors.push(FieldError::new("/choices", FieldCode::ChoiceGone).with("value", gone.value.clone()));
        }
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        let mut after = filled(before.clone(), input);
        if json!(old) == json!(input_of(&after)) {
            return Ok(before.clone());
        }
        after.version += 1;
        after.updated_at = tx.now;
        store::replace(tx, &after)?;
        if before.is_unique && !after.is_unique {
            store::free_values_of_field(tx, after.id)?;
        }
        let texts = before.searchable != after.searchable;
        if texts || before.filterable != after.filterable {
            keep(tx, after.id, texts)?;
        }
        Ok(after)
    }

    fn set_deleted(tx: &mut Tx, before: &CustomFieldRow, deleted: bool) -> Result<CustomFieldRow, Problem> {
        store::lock_all(tx)?;
        bounded(&store::of_object(tx, &before.object_type)?, deleted)?;
        let after = CustomFieldRow {
            deleted_at: deleted.then_some(tx.now),
            version: before.version + 1,
            updated_at: tx.now,
            ..before.clone()
        };
        store::replace(tx, &after)?;
        if after.filterable || after.searchable {
            keep(tx, after.id, after.searchable)?;
        }
        // What was archived doesn't count for completeness any more.
        let fields = Fields::of(tx, CustomFieldObject::Customer)?;
        if fields.names_in_rules(&after.object_type, &after.key) {
            measure_all(tx)?;
        }
        Ok(after)
    }
}

/// Records of everybody are looked at, whoever changes the field.
fn keep(tx: &mut Tx, field_id: Uuid, texts: bool) -> Result<(), Problem> {
    let now = tx.now;
    enqueue_for_company(tx, &KeepField { field_id, texts }, now)?;
    Ok(())
}

/// Refuses one more field, archived or not, than there may be.
fn bounded(others: &[CustomFieldRow], archived: bool) -> Result<(), Problem> {
    let like = others.iter().filter(|other| other.deleted_at.is_some() == archived).count();
    if like >= MOST_FIELDS { Err(Problem::new(Code::TooMany).with("max", MOST_FIELDS)) } else { Ok(()) }
}

/// The writable part of a stored field.
pub(super) fn input_of(row: &CustomFieldRow) -> CustomFieldInput {
    CustomFieldInput {
        object_type: row.object_type.parse().unwrap_or(CustomFieldObject::Customer),
        key: row.key.clone(),
        // A kind of another release is shown as a text and can't be written as one.
        kind: row.kind.parse().unwrap_or(CustomFieldKind::Text),
        label: row.label.clone(),
        help: row.help.clone(),
        customer_kinds: row.customer_kinds.iter().filter_map(|kind| kind.parse().ok()).collect(),
        required: row.required,
        unique: row.is_unique,
        filterable: row.filterable,
        searchable: row.searchable,
        default: row.default_value.as_ref().and_then(Json::read).unwrap_or(Value::Null),
        limits: row.limits.read().unwrap_or_default(),
        choices: row.choices.read().unwrap_or_default(),
        position: row.position,
    }
}

/// A stored field as the domain knows it.
pub(super) fn field_of(row: &CustomFieldRow) -> CustomField {
    input_of(row).field(row.id, row.deleted_at.is_some())
}

fn filled(row: CustomFieldRow, input: CustomFieldInput) -> CustomFieldRow {
    CustomFieldRow {
        label: clean_line(&input.label),
        help: input.help.map(|text| clean_text(&text)).filter(|text| !text.is_empty()),
        customer_kinds: input.customer_kinds.iter().map(ToString::to_string).collect(),
        required: input.required,
        is_unique: input.unique,
        filterable: input.filterable,
        searchable: input.searchable,
        default_value: (!input.default.is_null()).then(|| Json::of(&input.default)),
        limits: Json::of(&input.limits),
        choices: Json::of(&input.choices),
        position: input.position,
        ..row
    }
}

/// A page of fields in order of creation.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &CustomFieldQuery) -> Result<CustomFieldList, Problem> {
    let unpaged = CustomFieldQuery { cursor: None, limit: 0, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, CustomFields::COLLECTION, &unpaged);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let objects: Vec<String> = query.object_type.iter().map(ToString::to_string).collect();
    let rows = store::list(tx, &objects, query.archived, &page)?;
    let place = |row: &CustomFieldRow| (row.created_at, row.id);
    let (data, next_cursor) =
        list.cut_created(&app.keys, rows, query.limit, place, |row| CustomFieldView::from(row));
    Ok(CustomFieldList { data, next_cursor, total_count: None })
}
