//! The files that exports become.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};

use chrono::SecondsFormat;
use chrono_tz::Tz;
use rust_decimal::prelude::ToPrimitive;
use rust_xlsxwriter::{Format, Workbook};
use serde_json::{Map, Value};

use super::columns::{Cell, Column, Writing};
use super::views::ExportFormat;

/// Rows of a sheet, with the first one; what comes behind goes into the next sheet.
const SHEET_ROWS: u32 = 1_000_000;

/// What goes wrong while a file is written.
pub(super) type Failed = String;

fn failed(error: impl std::fmt::Display) -> Failed {
    format!("the file can't be written: {error}")
}

/// A file that is being written, on disk: however much it is, it isn't in memory.
pub(super) enum Sheet {
    Csv(Box<csv::Writer<File>>),
    Xlsx { book: Box<Workbook>, columns: Vec<String>, sheet: usize, row: u32, time_zone: Tz },
    Ndjson(BufWriter<File>),
}

impl Sheet {
    /// Begins with the first row.
    pub(super) fn begin(format: ExportFormat, columns: &[Column], time_zone: Tz) -> Result<Sheet, Failed> {
        let headers: Vec<String> = columns.iter().map(|column| column.header.clone()).collect();
        match format {
            ExportFormat::Csv => {
                let mut file = tempfile::tempfile().map_err(failed)?;
                // Spreadsheets take it for something else without.
                file.write_all("\u{feff}".as_bytes()).map_err(failed)?;
                let mut writer =
                    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(file);
                writer.write_record(headers.iter().map(|text| defused(text))).map_err(failed)?;
                Ok(Sheet::Csv(Box::new(writer)))
            }
            ExportFormat::Xlsx => {
                let mut sheet = Sheet::Xlsx {
                    book: Box::new(Workbook::new()),
                    columns: headers,
                    sheet: 0,
                    row: 0,
                    time_zone,
                };
                sheet.next_sheet()?;
                Ok(sheet)
            }
            ExportFormat::Ndjson => Ok(Sheet::Ndjson(BufWriter::new(tempfile::tempfile().map_err(failed)?))),
        }
    }

    fn next_sheet(&mut self) -> Result<(), Failed> {
        let Sheet::Xlsx { book, columns, sheet, row, .. } = self else { return Ok(()) };
        // Rows go to disk as they come.
        let worksheet = book.add_worksheet_with_constant_memory().map_err(failed)?;
        let bold = Format::new().set_bold();
        for (column, header) in columns.iter().enumerate() {
            worksheet.write_string_with_format(0, column as u16, header, &bold).map_err(failed)?;
        }
        worksheet.set_freeze_panes(1, 0).map_err(failed)?;
        *sheet = book.worksheets().len() - 1;
        *row = 1;
        Ok(())
    }

    /// Adds a record as callers see it.
    pub(super) fn add(
        &mut self,
        record: &Value,
        columns: &[Column],
        writing: &Writing,
    ) -> Result<(), Failed> {
        match self {
            Sheet::Csv(writer) => {
                let cells = columns.iter().map(|column| text_of(writing.cell(record, column)));
                writer.write_record(cells).map_err(failed)
            }
            Sheet::Ndjson(writer) => {
                let mut object = Map::new();
                for column in columns {
                    let value = column.name.split('.').fold(record, |value, name| &value[name]);
                    object.insert(column.name.clone(), value.clone());
                }
                serde_json::to_writer(&mut *writer, &object).map_err(failed)?;
                writer.write_all(b"\n").map_err(failed)
            }
            Sheet::Xlsx { row, .. } => {
                if *row >= SHEET_ROWS {
                    self.next_sheet()?;
                }
                self.add_to_workbook(record, columns, writing)
            }
        }
    }

    fn add_to_workbook(
        &mut self,
        record: &Value,
        columns: &[Column],
        writing: &Writing,
    ) -> Result<(), Failed> {
        let Sheet::Xlsx { book, sheet, row, time_zone, .. } = self else { return Ok(()) };
        let worksheet = book.worksheet_from_index(*sheet).map_err(failed)?;
        let day = Format::new().set_num_format("yyyy-mm-dd");
        let instant = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss");
        for (place, column) in columns.iter().enumerate() {
            let place = place as u16;
            // Texts are written as texts: what begins like a formula is none.
            let written = match writing.cell(record, column) {
                Cell::Empty => continue,
                Cell::Text(text) => {
                    let text: String = text.chars().take(32_767).collect();
                    worksheet.write_string(*row, place, text)
                }
                Cell::Number(number) => match number.to_f64() {
                    Some(number) => worksheet.write_number(*row, place, number),
                    None => worksheet.write_string(*row, place, number.to_string()),
                },
                Cell::Boolean(value) => worksheet.write_boolean(*row, place, value),
                // Workbooks know days from 1900 on.
                Cell::Day(date) if date >= first_day() => {
                    worksheet.write_datetime_with_format(*row, place, date, &day)
                }
                Cell::Day(date) => worksheet.write_string(*row, place, date.to_string()),
                Cell::Instant(at) => {
                    let local = at.with_timezone(time_zone).naive_local();
                    worksheet.write_datetime_with_format(*row, place, local, &instant)
                }
            };
            written.map_err(failed)?;
        }
        *row += 1;
        Ok(())
    }

    /// The whole file, from its beginning.
    pub(super) fn end(self) -> Result<File, Failed> {
        let mut file = match self {
            Sheet::Csv(writer) => writer.into_inner().map_err(failed)?,
            Sheet::Ndjson(writer) => writer.into_inner().map_err(failed)?,
            Sheet::Xlsx { mut book, .. } => {
                let mut file = tempfile::tempfile().map_err(failed)?;
                book.save_to_writer(&mut file).map_err(failed)?;
                file
            }
        };
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok(file)
    }
}

fn first_day() -> chrono::NaiveDate {
    chrono::NaiveDate::from_ymd_opt(1900, 3, 1).unwrap_or_default()
}

fn text_of(cell: Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => defused(&text),
        Cell::Number(number) => number.to_string(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Day(day) => day.to_string(),
        Cell::Instant(at) => at.to_rfc3339_opts(SecondsFormat::Secs, true),
    }
}

/// A text that no spreadsheet takes for a formula (OWASP, CSV injection): an apostrophe before what begins like one. A telephone number
/// is none.
pub(crate) fn defused(text: &str) -> String {
    let number = |rest: &str| !rest.is_empty() && rest.bytes().all(|letter| letter.is_ascii_digit());
    match text.chars().next() {
        Some('+') if number(&text[1..]) => text.to_owned(),
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '＝' | '＋' | '－' | '＠') => format!("'{text}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::defused;

    #[test]
    fn nothing_is_taken_for_a_formula() {
        for (text, written) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2+3", "'-2+3"),
            ("+8613800138000", "+8613800138000"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("\t=1", "'\t=1"),
            ("＝1", "'＝1"),
            ("杭州=1", "杭州=1"),
            ("", ""),
        ] {
            assert_eq!(defused(text), written);
        }
    }
}
