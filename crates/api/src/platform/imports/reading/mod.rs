//! Reading spreadsheets, row by row: however large one is, a few rows of it are in memory.

mod csv_files;
mod measuring;
mod workbooks;

use std::path::Path;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::catalog::FieldCode;
use crate::http::problem::FieldError;

/// Rows of a spreadsheet at most, and columns that are looked at.
pub(super) const MOST_ROWS: usize = 1_000_000;
pub(super) const MOST_COLUMNS: usize = 300;

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpreadsheetFormat {
    /// Values with separators between them.
    Csv,
    /// A workbook (Office Open XML).
    Xlsx,
}

/// How a file is to be read; what isn't given is found out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Layout {
    pub(super) sheet: Option<String>,
    pub(super) encoding: Option<String>,
    pub(super) delimiter: Option<char>,
}

/// What a cell holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Empty,
    Text(String),
    Number(f64),
    Moment(NaiveDateTime),
    Boolean(bool),
    /// A formula that came to nothing, such as `#N/A`.
    Failed(String),
}

impl Cell {
    /// What people see in it.
    pub(super) fn text(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            Cell::Text(text) | Cell::Failed(text) => text.clone(),
            Cell::Number(number) => written(*number),
            Cell::Moment(moment) if moment.time() == chrono::NaiveTime::MIN => moment.date().to_string(),
            Cell::Moment(moment) => moment.format("%Y-%m-%d %H:%M:%S").to_string(),
            Cell::Boolean(value) => value.to_string().to_uppercase(),
        }
    }

    /// Whether there is nothing to be seen in it.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Cell::Empty => true,
            Cell::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }
}

/// A number without the noise of its binary form: workbooks keep telephone numbers as such. 15 digits are what Excel itself shows.
fn written(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number:.0}");
    }
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    rounded.to_string()
}

/// A row with something in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SheetRow {
    /// As spreadsheets count, from 1.
    pub(super) number: u32,
    pub(super) cells: Vec<Cell>,
}

impl SheetRow {
    fn is_blank(&self) -> bool {
        self.cells.iter().all(Cell::is_blank)
    }

    /// The cell in a column that is counted from 0.
    pub(super) fn cell(&self, column: usize) -> &Cell {
        self.cells.get(column).unwrap_or(&Cell::Empty)
    }
}

/// Why reading ended before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The file isn't one that can be read.
    Unreadable(FieldError),
    /// Nobody wants more.
    Enough,
}

impl From<FieldError> for Stop {
    fn from(error: FieldError) -> Stop {
        Stop::Unreadable(error)
    }
}

/// What is wrong with a file.
pub(super) fn unreadable(code: FieldCode) -> FieldError {
    FieldError::new("/file_id", code)
}

/// What a file was found to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) layout: Layout,
    /// Names of its sheets; none in a file with separators.
    pub(super) sheets: Vec<String>,
}

/// A spreadsheet on disk.
pub(super) struct Spreadsheet<'p> {
    path: &'p Path,
    format: SpreadsheetFormat,
}

impl<'p> Spreadsheet<'p> {
    /// Of what its name says.
    ///
    /// # Errors
    /// For files that are no spreadsheets, and for those of older programs.
    pub(super) fn of(path: &'p Path, name: &str) -> Result<Spreadsheet<'p>, FieldError> {
        Ok(Spreadsheet { path, format: format_of(name)? })
    }

    /// What kind of file it is.
    pub(super) fn format(&self) -> SpreadsheetFormat {
        self.format
    }

    /// Finds out how it is to be read, as far as that isn't said.
    ///
    /// # Errors
    /// When it can't be read.
    pub(super) fn look(&self, said: &Layout) -> Result<Found, FieldError> {
        match self.format {
            SpreadsheetFormat::Csv => csv_files::look(self.path, said),
            SpreadsheetFormat::Xlsx => workbooks::look(self.path, said),
        }
    }

    /// Hands every row with something in it over, in order.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) fn read(
        &self,
        layout: &Layout,
        each: &mut dyn FnMut(SheetRow) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut rows = 0;
        let mut counted = |row: SheetRow| {
            if row.is_blank() {
                return Ok(());
            }
            rows += 1;
            if rows > MOST_ROWS + 100 {
                let error = unreadable(FieldCode::SpreadsheetTooManyRows).with("max", MOST_ROWS);
                return Err(Stop::Unreadable(error));
            }
            each(row)
        };
        match self.format {
            SpreadsheetFormat::Csv => csv_files::read(self.path, layout, &mut counted),
            SpreadsheetFormat::Xlsx => workbooks::read(self.path, layout, &mut counted),
        }
    }
}

/// What kind of spreadsheet a name stands for.
///
/// # Errors
/// For files that are none, and for those of older programs.
pub(super) fn format_of(name: &str) -> Result<SpreadsheetFormat, FieldError> {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "csv" | "tsv" | "txt" => Ok(SpreadsheetFormat::Csv),
        "xlsx" => Ok(SpreadsheetFormat::Xlsx),
        _ => Err(unreadable(FieldCode::NotASpreadsheet)
            .with("ending", ending.chars().take(20).collect::<String>())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn rows(name: &str, content: &[u8]) -> (Found, Vec<SheetRow>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let spreadsheet = Spreadsheet::of(file.path(), name).unwrap();
        let found = spreadsheet.look(&Layout::default()).unwrap();
        let mut rows = Vec::new();
        let read = spreadsheet.read(&found.layout, &mut |row| {
            rows.push(row);
            Ok(())
        });
        assert!(read.is_ok(), "{read:?}");
        (found, rows)
    }

    fn texts(row: &SheetRow) -> Vec<String> {
        row.cells.iter().map(Cell::text).collect()
    }

    #[test]
    fn encodings_and_separators_are_found() {
        let text = "客户名称,统一社会信用代码,备注\r\n杭州科创信息技术有限公司,91330100799655058B,\"第一行\r\n第二行\"\r\n\r\n宁波港,,逗号、顿号\r\n";
        let utf16 = |text: &str, swap: bool| {
            let units = std::iter::once(0xfeff).chain(text.encode_utf16());
            units
                .flat_map(|unit| if swap { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect::<Vec<u8>>()
        };
        let gb = encoding_rs::GB18030.encode(text).0.into_owned();
        let big5 = encoding_rs::BIG5
            .encode("客戶名稱,統一編號,備註\r\n臺北科技股份有限公司,12345678,高雄分公司與臺中辦公室\r\n")
            .0
            .into_owned();
        for (content, encoding) in [
            (text.as_bytes().to_vec(), "UTF-8"),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), "UTF-8"),
            (gb, "gb18030"),
            (utf16(text, false), "UTF-16LE"),
            (utf16(text, true), "UTF-16BE"),
        ] {
            let (found, rows) = rows("a.csv", &content);
            assert_eq!(found.layout.encoding.as_deref(), Some(encoding));
            assert_eq!(rows.len(), 3, "{encoding}");
            assert_eq!(texts(&rows[1])[2], "第一行\r\n第二行");
            // As a spreadsheet counts: a record with a break in it is one row, and a blank one is one, too.
            assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2, 4], "{encoding}");
            assert_eq!(texts(&rows[2])[0], "宁波港");
        }
        let (found, rows) = rows("b.csv", &big5);
        assert_eq!(found.layout.encoding.as_deref(), Some("Big5"));
        assert_eq!(texts(&rows[1])[0], "臺北科技股份有限公司");
    }

    #[test]
    fn separators() {
        for delimiter in [',', ';', '\t', '|'] {
            let text = ["名称", "电话", "城市"].join(&delimiter.to_string())
                + "\n"
                + &["甲公司", "\"0571,88157808;1\"", "杭州"].join(&delimiter.to_string())
                + "\n";
            let (found, rows) = rows("a.txt", text.as_bytes());
            assert_eq!(found.layout.delimiter, Some(delimiter));
            assert_eq!(texts(&rows[1]), ["甲公司", "0571,88157808;1", "杭州"]);
        }
        // One column has no separator at all.
        let (_, rows) = rows("a.csv", "名称\n甲\n乙\n".as_bytes());
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn numbers_are_what_people_see() {
        for (number, seen) in
            [(13800138000.0, "13800138000"), (0.1 + 0.2, "0.3"), (1234.5, "1234.5"), (-3.0, "-3")]
        {
            assert_eq!(Cell::Number(number).text(), seen);
        }
    }

    #[test]
    fn what_is_no_spreadsheet() {
        for name in ["a.xls", "a.pdf", "a", "a.xlsm", "a.numbers"] {
            assert!(format_of(name).is_err(), "{name}");
        }
    }
}
