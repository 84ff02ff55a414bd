//! What can be done with imports.

use fulcrum_domain::access::Permission;
use fulcrum_domain::customers::custom_fields::CustomFieldObject;
use fulcrum_persistence::paging::{Position, SortKey};
use fulcrum_persistence::platform::events::{self, NewEvent};
use fulcrum_persistence::platform::import_rows::{self, ImportRow};
use fulcrum_persistence::platform::imports::{self as store, Import};
use fulcrum_persistence::platform::{files, operations};
use fulcrum_persistence::{Json, StoreError, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use super::analysing::Analyse;
use super::reading::format_of;
use super::running::Run;
use super::targets;
use super::templates::{ImportTemplates, Stored, refuse_unknown};
use super::undoing::Undo;
use super::views::{
    ImportAnalysis, ImportFieldList, ImportFieldView, ImportInput, ImportList, ImportQuery, ImportRowList,
    ImportRowQuery, ImportRowView, ImportSettings, ImportState, ImportView, every_key,
};
use crate::App;
use crate::customers::custom_fields::values::Fields;
use crate::http::answer::Answer;
use crate::http::catalog::{Code, FieldCode};
use crate::http::contract::Contract;
use crate::http::cursor::List;
use crate::http::locale::Locale;
use crate::http::masking;
use crate::http::precondition::IfMatch;
use crate::http::problem::{FieldError, Problem};
use crate::platform::operations::service::{answer, put_down};
use crate::records::{self, require};

/// The path segment.
const COLLECTION: &str = "imports";

/// Puts a spreadsheet down to be looked at, and answers with the import.
///
/// # Errors
/// As for [`begin`].
pub fn create(tx: &mut Tx, input: &ImportInput, locale: Locale) -> Result<Answer, Problem> {
    let row = begin(tx, input, locale)?;
    Ok(Answer::created(COLLECTION, row.id, &ImportView::of(&row, locale))?.version(row.version))
}

/// Puts a spreadsheet down to be looked at.
///
/// # Errors
/// 403 without the permission to create customers, 422 for a file that isn't there or is no spreadsheet.
pub(crate) fn begin(tx: &mut Tx, input: &ImportInput, locale: Locale) -> Result<Import, Problem> {
    require(&tx.actor, Permission::CustomersWrite)?;
    let file = match files::find(tx, input.file_id) {
        Err(StoreError::NotFound) => return Err(Problem::field("/file_id", FieldCode::NotFound)),
        found => found?,
    };
    if file.deleted_at.is_some() {
        return Err(Problem::field("/file_id", FieldCode::NotFound));
    }
    format_of(&file.name).map_err(|error| Problem::invalid(vec![error]))?;
    let template = match input.template_id {
        None => None,
        Some(id) => match records::find::<ImportTemplates>(tx, id) {
            Ok(found) if found.deleted_at.is_none() => found.settings.read::<Stored>(),
            Err(problem) if problem.code != Code::NotFound => return Err(problem),
            _ => return Err(Problem::field("/template_id", FieldCode::NotFound)),
        },
    };
    let template = template.unwrap_or_default();
    let settings = ImportSettings {
        defaults: template.defaults,
        on_match: template.on_match,
        match_by: if template.match_by.is_empty() { every_key() } else { template.match_by },
        external_system: template.external_system,
        ..ImportSettings::default()
    };
    let mut row = Import {
        tenant_id: tx.actor.tenant_id,
        id: Uuid::now_v7(),
        object_type: input.object_type.to_string(),
        file_id: file.id,
        file_name: file.name,
        file_sha256: file.sha256,
        state: ImportState::Analysing.to_string(),
        settings: Json::of(&settings),
        analysis: None,
        failure: None,
        report: None,
        error_file_id: None,
        operation_id: None,
        created_by_type: tx.actor.principal_type().into(),
        created_by_id: tx.actor.principal_id(),
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
        started_at: None,
        finished_at: None,
    };
    store::insert(tx, &row)?;
    let then = input.then.map(|then| (then, locale.tag().to_owned()));
    let job = Analyse { import_id: row.id, proposes: true, known: template.columns, then };
    row.operation_id = Some(put_down(tx, &job)?);
    store::replace(tx, &row)?;
    note(tx, "created", &row, json!({ "file_name": { "from": null, "to": row.file_name } }))?;
    Ok(row)
}

/// Notes what happened to an import.
///
/// # Errors
/// Those of the database.
pub(super) fn note(tx: &mut Tx, what: &str, row: &Import, changes: Value) -> Result<(), StoreError> {
    let event = NewEvent {
        kind: format!("{}.{what}", store::SUBJECT),
        subject_type: store::SUBJECT,
        subject_id: row.id,
        customer_id: None,
        version: Some(row.version),
        changes,
    };
    events::append(tx, event)
}

fn state_of(row: &Import) -> ImportState {
    row.state.parse().unwrap_or(ImportState::Failed)
}

/// Imports as they really stand: one whose job has died or was stopped before it began isn't under way, whatever is written.
fn settled(tx: &mut Tx, mut rows: Vec<Import>) -> Result<Vec<Import>, StoreError> {
    let busy = [ImportState::Analysing, ImportState::Checking, ImportState::Running, ImportState::Undoing];
    let operation = |row: &Import| row.operation_id.filter(|_| busy.contains(&state_of(row)));
    let ids: Vec<Uuid> = rows.iter().filter_map(operation).collect();
    let under_way = operations::under_way(tx, &ids)?;
    for row in &mut rows {
        if operation(row).is_none_or(|id| under_way.contains(&id)) {
            continue;
        }
        let settled = match state_of(row) {
            ImportState::Analysing => ImportState::Failed,
            ImportState::Checking => ImportState::Ready,
            // What was written, or taken back, so far is noted with its rows; it can be taken back from there.
            _ => ImportState::Cancelled,
        };
        row.state = settled.to_string();
    }
    Ok(rows)
}

/// One of them.
fn settled_one(tx: &mut Tx, row: Import) -> Result<Import, StoreError> {
    settled(tx, vec![row])?.pop().ok_or(StoreError::NotFound)
}

/// One import.
///
/// # Errors
/// 404.
pub fn show(tx: &mut Tx, id: Uuid, locale: Locale) -> Result<Answer, Problem> {
    let view = view(tx, id, locale)?;
    Ok(Answer::ok(&view)?.version(view.version))
}

/// One import as it really stands.
///
/// # Errors
/// 404.
pub(crate) fn view(tx: &mut Tx, id: Uuid, locale: Locale) -> Result<ImportView, Problem> {
    let found = store::find(tx, id)?;
    let mut view = ImportView::of(&settled_one(tx, found)?, locale);
    if masking::is_masked(&tx.actor) {
        view.hide_values();
    }
    Ok(view)
}

/// A page of imports, newest first.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &ImportQuery, locale: Locale) -> Result<ImportList, Problem> {
    let unpaged = ImportQuery { cursor: None, limit: 0, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, COLLECTION, &unpaged);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let states: Vec<String> = query.state.iter().map(ToString::to_string).collect();
    let rows = store::list(tx, &states, &page)?;
    let rows = settled(tx, rows)?;
    let place = |row: &Import| (row.created_at, row.id);
    let masked = masking::is_masked(&tx.actor);
    let view = |row: &Import| {
        let mut view = ImportView::of(row, locale);
        if masked {
            view.hide_values();
        }
        view
    };
    let (data, next_cursor) = list.cut_created(&app.keys, rows, query.limit, place, view);
    Ok(ImportList { data, next_cursor, total_count: None })
}

/// The import, held, if it stands where something can be done.
fn held(tx: &mut Tx, id: Uuid, allowed: &[ImportState], can: &str) -> Result<Import, Problem> {
    let found = store::lock(tx, id)?;
    let row = settled_one(tx, found)?;
    if allowed.contains(&state_of(&row)) {
        return Ok(row);
    }
    Err(Problem::new(Code::ImportBusy).with("state", row.state).with("allowed", can))
}

/// Changes how a spreadsheet is read and what becomes of its rows.
///
/// # Errors
/// 404, 409 while something is under way or when it was run, 412, 422.
pub fn change(
    tx: &mut Tx,
    contract: &Contract,
    id: Uuid,
    if_match: &IfMatch,
    patch: &Value,
    locale: Locale,
) -> Result<Answer, Problem> {
    let mut row = held(tx, id, &[ImportState::Ready, ImportState::Failed], "run, check")?;
    if_match.check(row.version)?;
    let before: ImportSettings = row.settings.read().unwrap_or_default();
    let old = records::without_nulls(json!(before));
    let after: ImportSettings = records::patched(tx, contract, &old, patch)?;
    let columns = after.columns.iter().map(|column| column.field.0.as_str()).collect();
    let defaults = after.defaults.iter().map(|default| default.field.0.as_str()).collect();
    refuse_unknown(tx, "", columns, defaults)?;
    if before == after {
        return Ok(Answer::ok(&ImportView::of(&row, locale))?.version(row.version));
    }
    let layout = |settings: &ImportSettings| {
        (settings.sheet.clone(), settings.encoding.clone(), settings.delimiter.clone(), settings.header_row)
    };
    let anew = layout(&before) != layout(&after) || row.analysis.is_none();
    if !anew {
        columns_are_there(&row, &after)?;
    }
    row.settings = Json::of(&after);
    row.report = None;
    row.version += 1;
    row.updated_at = tx.now;
    if anew {
        // Other headers mean other columns, unless they were said with it.
        let job =
            Analyse { import_id: id, proposes: before.columns == after.columns, known: vec![], then: None };
        row.operation_id = Some(put_down(tx, &job)?);
        row.state = ImportState::Analysing.to_string();
        row.failure = None;
    }
    import_rows::clear(tx, id)?;
    store::replace(tx, &row)?;
    note(tx, "updated", &row, records::changed_fields(&old, &records::without_nulls(json!(after))))?;
    Ok(Answer::ok(&ImportView::of(&row, locale))?.version(row.version))
}

fn columns_are_there(row: &Import, settings: &ImportSettings) -> Result<(), Problem> {
    let analysis: Option<ImportAnalysis> = row.analysis.as_ref().and_then(|kept| kept.read());
    let width =
        analysis.iter().flat_map(|found| &found.columns).map(|column| column.column).max().unwrap_or(0);
    let beyond = settings.columns.iter().enumerate().filter(|(_, column)| column.column > width);
    let errors: Vec<FieldError> = beyond
        .map(|(index, _)| {
            FieldError::new(format!("/columns/{index}/column"), FieldCode::ColumnUnknown)
                .with("columns", width)
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// Tries an import out, or runs it.
///
/// # Errors
/// 404, 403 without the permission to write what is in it, 409 while something is under way, when it was run, and when no column is
/// the name.
pub fn go(tx: &mut Tx, id: Uuid, dry_run: bool, locale: Locale) -> Result<Answer, Problem> {
    require(&tx.actor, Permission::CustomersWrite)?;
    let mut row = held(tx, id, &[ImportState::Ready], "PATCH, check, run")?;
    let settings: ImportSettings = row.settings.read().unwrap_or_default();
    if !settings.columns.iter().any(|column| column.field.0 == "customer.name") {
        return Err(Problem::new(Code::ImportNotMapped));
    }
    columns_are_there(&row, &settings)?;
    if settings.columns.iter().any(|column| column.field.0.starts_with("contact.")) {
        require(&tx.actor, Permission::ContactsWrite)?;
    }
    let operation_id = put_down(tx, &Run { import_id: id, dry_run, locale: locale.tag().to_owned() })?;
    let state = if dry_run { ImportState::Checking } else { ImportState::Running };
    row.state = state.to_string();
    row.operation_id = Some(operation_id);
    row.version += 1;
    row.updated_at = tx.now;
    store::replace(tx, &row)?;
    if !dry_run {
        note(tx, "started", &row, json!({}))?;
    }
    answer(tx, operation_id)
}

/// Takes an import back.
///
/// # Errors
/// 404, 409 unless it was run.
pub fn undo(tx: &mut Tx, id: Uuid) -> Result<Answer, Problem> {
    require(&tx.actor, Permission::CustomersWrite)?;
    let mut row = held(tx, id, &[ImportState::Done, ImportState::Cancelled], "undo")?;
    let operation_id = put_down(tx, &Undo { import_id: id })?;
    row.state = ImportState::Undoing.to_string();
    row.operation_id = Some(operation_id);
    row.version += 1;
    row.updated_at = tx.now;
    store::replace(tx, &row)?;
    answer(tx, operation_id)
}

/// A page of what became of rows.
///
/// # Errors
/// 404, 400 when the cursor is not one of this list.
pub fn rows(
    tx: &mut Tx,
    app: &App,
    id: Uuid,
    query: &ImportRowQuery,
    locale: Locale,
) -> Result<ImportRowList, Problem> {
    store::find(tx, id)?;
    let unpaged = ImportRowQuery { cursor: None, limit: 0, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, "import-rows", &(&unpaged, id));
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let after = match page.after.map(|position| position.key) {
        Some(SortKey::Text(number)) => number.parse().unwrap_or(0),
        _ => 0,
    };
    let outcomes: Vec<String> = query.outcome.iter().map(ToString::to_string).collect();
    let undo: Vec<String> = query.undo.iter().map(ToString::to_string).collect();
    let rows = import_rows::list(tx, id, &outcomes, &undo, after, query.limit + 1)?;
    let masked = masking::is_masked(&tx.actor);
    let positioned = rows.iter().map(|row: &ImportRow| {
        let key = SortKey::Text(row.row_number.to_string());
        let mut view = ImportRowView::of(row, locale);
        if masked {
            view.errors.iter_mut().for_each(|error| error.value = None);
        }
        (view, Position { key, id })
    });
    let (data, next_cursor) = list.cut(&app.keys, positioned.collect(), query.limit);
    Ok(ImportRowList { data, next_cursor, total_count: None })
}

/// Everything that a column can be, with what people call it.
///
/// # Errors
/// Those of the database.
pub fn fields(tx: &mut Tx, locale: Locale) -> Result<ImportFieldList, Problem> {
    let customers = Fields::of(tx, CustomFieldObject::Customer)?;
    let contacts = Fields::of(tx, CustomFieldObject::Contact)?;
    let targets = targets::all(&customers, &contacts);
    let data = targets.iter().map(|target| ImportFieldView {
        field: super::views::ImportField(target.name.clone()),
        label: targets::label(target, locale),
    });
    Ok(ImportFieldList { data: data.collect() })
}
