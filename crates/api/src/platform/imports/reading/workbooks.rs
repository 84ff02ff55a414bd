//! Workbooks (ECMA-376), cell by cell.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use calamine::{DataRef, Dimensions, Reader, SheetVisible, Xlsx, XlsxError, open_workbook};

use super::measuring::measure;
use super::{Cell, Found, Layout, MOST_COLUMNS, SheetRow, Stop, unreadable};
use crate::http::catalog::FieldCode;
use crate::http::problem::FieldError;

/// Merged areas that are looked at.
const MOST_MERGED: usize = 100_000;

fn open(path: &Path) -> Result<Xlsx<BufReader<File>>, FieldError> {
    open_workbook(path).map_err(refused)
}

fn refused(error: XlsxError) -> FieldError {
    tracing::debug!(%error, "a workbook can't be read");
    unreadable(FieldCode::SpreadsheetDamaged)
}

pub(super) fn look(path: &Path, said: &Layout) -> Result<Found, FieldError> {
    measure(path)?;
    let book = open(path)?;
    let sheets: Vec<String> = book
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.visible == SheetVisible::Visible)
        .map(|sheet| sheet.name.clone())
        .collect();
    let first = sheets.first().ok_or_else(|| unreadable(FieldCode::SpreadsheetEmpty))?;
    let sheet = match &said.sheet {
        None => first.clone(),
        Some(wanted) => sheets.iter().find(|sheet| *sheet == wanted).cloned().ok_or_else(|| {
            FieldError::new("/settings/sheet", FieldCode::SheetUnknown).with("sheets", sheets.clone())
        })?,
    };
    Ok(Found { layout: Layout { sheet: Some(sheet), encoding: None, delimiter: None }, sheets })
}

pub(super) fn read(
    path: &Path,
    layout: &Layout,
    each: &mut dyn FnMut(SheetRow) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut book = open(path)?;
    let sheet = layout.sheet.clone().unwrap_or_default();
    let mut merged = Merged::of(book.merge_cells_by_sheet_name(&sheet).map_err(refused)?);
    let mut cells = book.worksheet_cells_reader(&sheet).map_err(refused)?;
    let mut row: Option<SheetRow> = None;
    while let Some(cell) = cells.next_cell().map_err(refused)? {
        let (line, column) = cell.get_position();
        let number = line.saturating_add(1);
        if row.as_ref().is_some_and(|row| row.number != number)
            && let Some(mut done) = row.take()
        {
            merged.fill(&mut done);
            each(done)?;
        }
        let column = column as usize;
        if column >= MOST_COLUMNS {
            continue;
        }
        let row = row.get_or_insert_with(|| SheetRow { number, cells: Vec::new() });
        if row.cells.len() <= column {
            row.cells.resize(column + 1, Cell::Empty);
        }
        row.cells[column] = value(cell.get_value());
    }
    if let Some(mut done) = row {
        merged.fill(&mut done);
        each(done)?;
    }
    Ok(())
}

fn value(data: &DataRef<'_>) -> Cell {
    match data {
        DataRef::Empty => Cell::Empty,
        DataRef::Int(number) => Cell::Number(*number as f64),
        DataRef::Float(number) => Cell::Number(*number),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text_cell(text),
        DataRef::SharedString(text) => text_cell(text),
        DataRef::Bool(value) => Cell::Boolean(*value),
        DataRef::DateTime(moment) => match moment.as_datetime() {
            Some(at) if moment.is_datetime() => Cell::Moment(at),
            _ => Cell::Number(moment.as_f64()),
        },
        DataRef::Error(error) => Cell::Failed(error.to_string()),
    }
}

fn text_cell(text: &str) -> Cell {
    if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }
}

/// Areas of merged cells that reach over several rows: the cell at their upper left has what all of them show. People write a customer
/// once so, beside each of its contacts.
struct Merged {
    /// In the order of their first rows.
    waiting: std::vec::IntoIter<Dimensions>,
    next: Option<Dimensions>,
    open: Vec<(Dimensions, Cell)>,
}

impl Merged {
    fn of(mut areas: Vec<Dimensions>) -> Merged {
        // A title over many columns is a title once.
        areas.retain(|area| area.end.0 > area.start.0 && (area.start.1 as usize) < MOST_COLUMNS);
        areas.truncate(MOST_MERGED);
        areas.sort_by_key(|area| area.start);
        let mut waiting = areas.into_iter();
        let next = waiting.next();
        Merged { waiting, next, open: Vec::new() }
    }

    fn fill(&mut self, row: &mut SheetRow) {
        let line = row.number.saturating_sub(1);
        self.open.retain(|(area, _)| area.end.0 >= line);
        while let Some(area) = self.next.filter(|area| area.start.0 <= line) {
            if area.start.0 == line {
                self.open.push((area, row.cell(area.start.1 as usize).clone()));
            }
            self.next = self.waiting.next();
        }
        for (area, value) in &self.open {
            let column = area.start.1 as usize;
            if area.start.0 < line && row.cell(column).is_blank() {
                if row.cells.len() <= column {
                    row.cells.resize(column + 1, Cell::Empty);
                }
                row.cells[column] = value.clone();
            }
        }
    }
}
