//! Looking at a spreadsheet: what it is, where its headers stand, which columns they mean.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use actix_web::web;
use fulcrum_domain::customers::custom_fields::CustomFieldObject;
use fulcrum_persistence::platform::imports as store;
use fulcrum_persistence::{Json, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::reading::{Cell, Found, Layout, MOST_ROWS, SheetRow, Spreadsheet, Stop, unreadable};
use super::rows::short;
use super::service;
use super::targets::{self, Guesses};
use super::views::{
    FoundColumn, ImportAnalysis, ImportColumn, ImportField, ImportSettings, ImportState, ImportThen,
    StoredError, TemplateColumn,
};
use crate::customers::custom_fields::values::Fields;
use crate::http::catalog::FieldCode;
use crate::http::locale::Locale;
use crate::http::problem::FieldError;
use crate::platform::files::transport;
use crate::platform::jobs::{Context, Job, JobFailed, Priority};
use crate::platform::operations::finishing::{Ended, finish, is_wanted};

/// Looks at a spreadsheet.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Analyse {
    pub(super) import_id: Uuid,
    /// Whether the columns are proposed, or were said.
    pub(super) proposes: bool,
    /// What headers mean, where somebody has said it before.
    pub(super) known: Vec<TemplateColumn>,
    /// What is done with it then, and in which language its reasons are written.
    pub(super) then: Option<(ImportThen, String)>,
}

impl Job for Analyse {
    const KIND: &'static str = "platform.import_analysis";
    const MAX_ATTEMPTS: i32 = 3;
    const PRIORITY: Priority = Priority::Urgent;
}

/// Rows at the beginning among which the headers are looked for.
const HEAD: usize = 30;
const SAMPLES: usize = 3;

pub(crate) async fn run(context: Context, job: Analyse) -> Result<(), JobFailed> {
    if !is_wanted(&context).await? {
        return Ok(());
    }
    let id = job.import_id;
    let read = context.write(move |tx| Ok((store::find(tx, id)?, guesses(tx)?)));
    let (import, guesses) = read.await?;
    let copy = transport::fetch(&context.app.files, context.actor.tenant_id, import.file_id).await?;
    let settings: ImportSettings = import.settings.read().unwrap_or_default();
    let (name, known) = (import.file_name.clone(), job.known.clone());
    let looked = web::block(move || look(copy.path(), &name, &settings, &guesses, &known)).await;
    let looked = looked.map_err(|error| JobFailed::for_now(error.to_string()))?;
    let looked = Arc::new(looked);
    let (kept, proposes) = (looked.clone(), job.proposes);
    let rows = looked.as_ref().as_ref().map_or(0, |found| found.rows);
    let ended = Ended { done: rows, result: serde_json::json!({ "import_id": id, "rows": rows }) };
    finish(&context, ended, move |tx| {
        keep(tx, id, &kept, proposes)?;
        go_on(tx, id, job.then.as_ref())
    })
    .await
}

fn guesses(tx: &mut Tx) -> Result<Guesses, JobFailed> {
    let customers = Fields::of(tx, CustomFieldObject::Customer)?;
    let contacts = Fields::of(tx, CustomFieldObject::Contact)?;
    Ok(Guesses::of(&targets::all(&customers, &contacts)))
}

fn keep(
    tx: &mut Tx,
    id: Uuid,
    looked: &Result<ImportAnalysis, FieldError>,
    proposes: bool,
) -> Result<(), JobFailed> {
    let mut import = store::lock(tx, id)?;
    match looked {
        Ok(found) => {
            let mut settings: ImportSettings = import.settings.read().unwrap_or_default();
            if proposes {
                let columns = found.columns.iter();
                let proposed = columns.filter_map(|column| Some((column.column, column.proposed.clone()?)));
                settings.columns = proposed.map(|(column, field)| ImportColumn { column, field }).collect();
                // Without a system that they are ids in, they are no ids.
                if settings.external_system.is_none() {
                    settings.columns.retain(|column| column.field.0 != "customer.external_id");
                }
            }
            import.settings = Json::of(&settings);
            import.analysis = Some(Json::of(found));
            import.failure = None;
            import.state = ImportState::Ready.to_string();
        }
        Err(error) => {
            import.failure = Some(Json::of(&StoredError {
                field: None,
                header: None,
                value: None,
                code: error.code.word().into(),
                params: error.params.clone(),
            }));
            import.state = ImportState::Failed.to_string();
        }
    }
    import.version += 1;
    import.updated_at = tx.now;
    Ok(store::replace(tx, &import)?)
}

/// Does what is wanted next; where that can't be done, the import stays ready for somebody to say more.
fn go_on(tx: &mut Tx, id: Uuid, then: Option<&(ImportThen, String)>) -> Result<(), JobFailed> {
    let Some((then, tag)) = then else { return Ok(()) };
    let locale = Locale::of_tag(tag).unwrap_or(Locale::En);
    match tx.part(|tx| service::go(tx, id, *then == ImportThen::Check, locale)) {
        Err(problem) if problem.status().is_server_error() => Err(problem.into()),
        _ => Ok(()),
    }
}

/// How settings say that a file is to be read.
fn layout_of(settings: &ImportSettings) -> Layout {
    Layout {
        sheet: settings.sheet.clone(),
        encoding: settings.encoding.clone(),
        delimiter: settings.delimiter.as_ref().and_then(|text| text.chars().next()),
    }
}

fn look(
    path: &Path,
    name: &str,
    settings: &ImportSettings,
    guesses: &Guesses,
    known: &[TemplateColumn],
) -> Result<ImportAnalysis, FieldError> {
    let spreadsheet = Spreadsheet::of(path, name)?;
    let mut found = spreadsheet.look(&layout_of(settings))?;
    if settings.sheet.is_none() && found.sheets.len() > 1 {
        found.layout.sheet = Some(best_sheet(&spreadsheet, &found, guesses, known)?);
    }
    let (mut head, mut rows): (Vec<SheetRow>, i64) = (Vec::new(), 0);
    let read = spreadsheet.read(&found.layout, &mut |row| {
        rows += 1;
        if head.len() < HEAD
            || settings
                .header_row
                .is_some_and(|header| head.last().is_none_or(|last| (last.number as i32) < header + 3))
        {
            head.push(row);
        }
        Ok(())
    });
    match read {
        Ok(()) | Err(Stop::Enough) => {}
        Err(Stop::Unreadable(error)) => return Err(error),
    }
    let headers = Headers::of(&head, settings.header_row, guesses, known)?;
    let above = head.iter().filter(|row| row.number < headers.first_row).count() as i64;
    if rows <= above {
        return Err(unreadable(FieldCode::SpreadsheetEmpty));
    }
    if rows - above > MOST_ROWS as i64 {
        return Err(unreadable(FieldCode::SpreadsheetTooManyRows).with("max", MOST_ROWS));
    }
    Ok(ImportAnalysis {
        format: spreadsheet.format(),
        encoding: found.layout.encoding,
        delimiter: found.layout.delimiter.map(String::from),
        sheet: found.layout.sheet,
        sheets: found.sheets,
        header_row: headers.row as i32,
        first_row: headers.first_row as i32,
        rows: rows - above,
        columns: headers.columns,
    })
}

/// Sheets that are looked into, and rows of each.
const SHEETS: usize = 20;

/// The sheet whose headers are understood best; the first one where none are.
fn best_sheet(
    spreadsheet: &Spreadsheet<'_>,
    found: &Found,
    guesses: &Guesses,
    known: &[TemplateColumn],
) -> Result<String, FieldError> {
    let mut best = (0, found.sheets.first().cloned().unwrap_or_default());
    for sheet in found.sheets.iter().take(SHEETS) {
        let layout = Layout { sheet: Some(sheet.clone()), ..found.layout.clone() };
        let (mut most, mut rows) = (0, 0);
        let read = spreadsheet.read(&layout, &mut |row| {
            rows += 1;
            most = most.max(understood(&row, guesses, known));
            if rows < HEAD { Ok(()) } else { Err(Stop::Enough) }
        });
        if let Err(Stop::Unreadable(error)) = read {
            return Err(error);
        }
        if most > best.0 {
            best = (most, sheet.clone());
        }
    }
    Ok(best.1)
}

/// The field that a header means, as somebody has said it or as far as anybody can tell.
fn meaning(header: &str, group: &str, guesses: &Guesses, known: &[TemplateColumn]) -> Option<String> {
    let same = |column: &&TemplateColumn| targets::same_header(&column.header, header);
    let own = known.iter().find(same).map(|column| column.field.0.clone());
    own.or_else(|| guesses.of_header(header, group).map(str::to_owned))
}

/// How many fields the cells of a row mean, taken as headers.
fn understood(row: &SheetRow, guesses: &Guesses, known: &[TemplateColumn]) -> usize {
    let cells = row.cells.iter().filter_map(|cell| meaning(&cell.text(), "", guesses, known));
    cells.collect::<HashSet<String>>().len()
}

struct Headers {
    row: u32,
    first_row: u32,
    columns: Vec<FoundColumn>,
}

impl Headers {
    fn of(
        head: &[SheetRow],
        said: Option<i32>,
        guesses: &Guesses,
        known: &[TemplateColumn],
    ) -> Result<Headers, FieldError> {
        let meaning = |header: &str, group: &str| meaning(header, group, guesses, known);
        let understood = |row: &SheetRow| understood(row, guesses, known);
        let place = match said {
            Some(number) => head
                .iter()
                .position(|row| row.number as i32 == number)
                .ok_or_else(|| FieldError::new("/settings/header_row", FieldCode::SpreadsheetEmpty))?,
            None => {
                let best = head.iter().map(understood).max().unwrap_or(0);
                let first = head.iter().position(|row| best > 0 && understood(row) == best);
                first.unwrap_or(0)
            }
        };
        let row = head.get(place).ok_or_else(|| unreadable(FieldCode::SpreadsheetEmpty))?;
        // Headers in a second language, or below a merged one, are headers still.
        let mut end = place + 1;
        while head.get(end).is_some_and(|next| {
            let filled = next.cells.iter().filter(|cell| !cell.is_blank()).count();
            next.number == head[end - 1].number + 1 && understood(next) >= 2 && understood(next) * 2 >= filled
        }) {
            end += 1;
        }
        let above =
            place.checked_sub(1).map(|above| &head[above]).filter(|above| above.number + 1 == row.number);
        let groups = above.map(|above| groups(above, row.cells.len())).unwrap_or_default();
        let below = &head[end..];
        let width = head[place..].iter().map(|row| row.cells.len()).max().unwrap_or(0);
        let mut taken: HashSet<String> = HashSet::new();
        let columns = (0..width).filter_map(|column| {
            let own = short(row.cell(column).text().trim());
            let group = groups.get(column).cloned().unwrap_or_default();
            let header = match (own.is_empty(), above) {
                (true, Some(above)) => short(above.cell(column).text().trim()),
                _ => own,
            };
            let samples: Vec<String> = below
                .iter()
                .map(|row| row.cell(column))
                .filter(|cell| !cell.is_blank())
                .take(SAMPLES)
                .map(|cell| short(&cell.text()))
                .collect();
            if header.is_empty() && samples.is_empty() {
                return None;
            }
            // Each field once: the first column that means it has it.
            let proposed = meaning(&header, &group).filter(|field| taken.insert(field.clone()));
            Some(FoundColumn {
                column: column as i32 + 1,
                header,
                proposed: proposed.map(ImportField),
                samples,
            })
        });
        let columns = columns.collect();
        let first_row = head.get(end - 1).map_or(row.number, |last| last.number) + 1;
        Ok(Headers { row: row.number, first_row, columns })
    }
}

/// What stands above each column in a row of headers of headers: one reaches to the next.
fn groups(above: &SheetRow, width: usize) -> Vec<String> {
    let mut group = String::new();
    let mut groups = Vec::new();
    for column in 0..width.max(above.cells.len()) {
        let cell: &Cell = above.cell(column);
        if !cell.is_blank() {
            group = cell.text();
        }
        groups.push(group.clone());
    }
    groups
}
