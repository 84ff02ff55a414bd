//! Mappings that are used again.

use fulcrum_domain::access::Permission;
use fulcrum_domain::customers::custom_fields::CustomFieldObject;
use fulcrum_domain::values::text::clean_line;
use fulcrum_persistence::platform::import_templates::{self as store, ImportTemplateRow};
use fulcrum_persistence::{Json, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::targets;
use super::views::{
    ImportDefault, ImportTemplateInput, ImportTemplateList, ImportTemplateView, MatchKey, OnMatch,
    TemplateColumn, every_key,
};
use crate::App;
use crate::customers::custom_fields::values::Fields;
use crate::http::catalog::{Code, FieldCode};
use crate::http::cursor::List;
use crate::http::problem::{FieldError, Problem};
use crate::http::wire::PageQuery;
use crate::records::{Resource, Stamp};

/// Templates of a company.
const MOST: i64 = 500;

/// Templates as records.
pub enum ImportTemplates {}

/// What is stored of a template beside its name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Stored {
    pub(super) columns: Vec<TemplateColumn>,
    pub(super) defaults: Vec<ImportDefault>,
    pub(super) on_match: OnMatch,
    pub(super) match_by: Vec<MatchKey>,
    pub(super) external_system: Option<String>,
}

impl Resource for ImportTemplates {
    type Row = ImportTemplateRow;
    type Input = ImportTemplateInput;
    type View = ImportTemplateView;
    const SUBJECT: &'static str = store::SUBJECT;
    const COLLECTION: &'static str = "import-templates";
    const DELETE: Permission = Permission::ImportsWrite;

    fn input_of(row: &ImportTemplateRow) -> ImportTemplateInput {
        let stored: Stored = row.settings.read().unwrap_or_default();
        ImportTemplateInput {
            name: row.name.clone(),
            object_type: row.object_type.parse().unwrap_or_default(),
            columns: stored.columns,
            defaults: stored.defaults,
            on_match: stored.on_match,
            match_by: if stored.match_by.is_empty() { every_key() } else { stored.match_by },
            external_system: stored.external_system,
        }
    }

    fn view(row: &ImportTemplateRow) -> ImportTemplateView {
        let input = Self::input_of(row);
        ImportTemplateView {
            id: row.id,
            name: input.name,
            object_type: input.object_type,
            columns: input.columns,
            defaults: input.defaults,
            on_match: input.on_match,
            match_by: input.match_by,
            external_system: input.external_system,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        }
    }

    fn stamp(row: &ImportTemplateRow) -> Stamp {
        Stamp::of(row.id, row.version, row.deleted_at)
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<ImportTemplateRow, Problem> {
        Ok(store::find(tx, id)?)
    }

    fn lock(tx: &mut Tx, id: Uuid) -> Result<ImportTemplateRow, Problem> {
        Ok(store::lock(tx, id)?)
    }

    fn insert(tx: &mut Tx, input: ImportTemplateInput) -> Result<ImportTemplateRow, Problem> {
        known_fields(tx, &input)?;
        if store::count(tx)? >= MOST {
            return Err(Problem::new(Code::TooMany).with("max", MOST));
        }
        let blank = ImportTemplateRow {
            tenant_id: tx.actor.tenant_id,
            id: Uuid::now_v7(),
            name: String::new(),
            object_type: String::new(),
            settings: Json::empty_object(),
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
            deleted_at: None,
        };
        let row = filled(blank, input);
        store::insert(tx, &row)?;
        Ok(row)
    }

    fn change(
        tx: &mut Tx,
        before: &ImportTemplateRow,
        input: ImportTemplateInput,
    ) -> Result<ImportTemplateRow, Problem> {
        known_fields(tx, &input)?;
        let mut after = filled(before.clone(), input);
        if json!(Self::input_of(before)) == json!(Self::input_of(&after)) {
            return Ok(before.clone());
        }
        after.version += 1;
        after.updated_at = tx.now;
        store::replace(tx, &after)?;
        Ok(after)
    }

    fn set_deleted(
        tx: &mut Tx,
        before: &ImportTemplateRow,
        deleted: bool,
    ) -> Result<ImportTemplateRow, Problem> {
        let after = ImportTemplateRow {
            deleted_at: deleted.then_some(tx.now),
            version: before.version + 1,
            updated_at: tx.now,
            ..before.clone()
        };
        store::replace(tx, &after)?;
        Ok(after)
    }
}

fn filled(row: ImportTemplateRow, input: ImportTemplateInput) -> ImportTemplateRow {
    let stored = Stored {
        columns: input.columns,
        defaults: input.defaults,
        on_match: input.on_match,
        match_by: input.match_by,
        external_system: input.external_system,
    };
    ImportTemplateRow {
        name: clean_line(&input.name),
        object_type: input.object_type.to_string(),
        settings: Json::of(&stored),
        ..row
    }
}

fn known_fields(tx: &mut Tx, input: &ImportTemplateInput) -> Result<(), Problem> {
    let columns = input.columns.iter().map(|column| column.field.0.as_str());
    let defaults = input.defaults.iter().map(|default| default.field.0.as_str());
    refuse_unknown(tx, "", columns.collect(), defaults.collect())
}

/// Refuses fields that there aren't.
///
/// # Errors
/// 422 that names each.
pub(super) fn refuse_unknown(
    tx: &mut Tx,
    pointer: &str,
    columns: Vec<&str>,
    defaults: Vec<&str>,
) -> Result<(), Problem> {
    let customers = Fields::of(tx, CustomFieldObject::Customer)?;
    let contacts = Fields::of(tx, CustomFieldObject::Contact)?;
    let targets = targets::all(&customers, &contacts);
    let unknown = |list: &str, names: Vec<&str>| -> Vec<FieldError> {
        let names = names.into_iter().enumerate();
        let unknown = names.filter(|(_, name)| !targets.iter().any(|target| target.name == *name));
        let told = unknown.map(|(index, _)| {
            FieldError::new(format!("{pointer}/{list}/{index}/field"), FieldCode::UnknownField)
        });
        told.collect()
    };
    let errors = [unknown("columns", columns), unknown("defaults", defaults)].concat();
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// A page of templates.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &PageQuery) -> Result<ImportTemplateList, Problem> {
    let list = List::of(tx.actor.tenant_id, ImportTemplates::COLLECTION, &());
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &page)?;
    let place = |row: &ImportTemplateRow| (row.created_at, row.id);
    let (data, next_cursor) = list.cut_created(&app.keys, rows, query.limit, place, ImportTemplates::view);
    Ok(ImportTemplateList { data, next_cursor, total_count: None })
}
