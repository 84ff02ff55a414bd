//! The rows of a spreadsheet that are wrong, as a file to be mended and brought in again.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

use actix_web::web;
use fulcrum_persistence::platform::import_rows;
use fulcrum_persistence::platform::imports::Import;
use uuid::Uuid;

use super::reading::{Layout, SheetRow, Spreadsheet, Stop};
use super::views::{ImportAnalysis, StoredError};
use crate::http::locale::Locale;
use crate::platform::exports::defused;
use crate::platform::files::{Upload, transport};
use crate::platform::jobs::{Context, JobFailed};

/// Rows that are read at once.
const PAGE: i64 = 1000;

/// Why rows are wrong, in their order: number and reason.
type Reasons = Vec<(u32, String)>;

/// Writes the file and puts it into the store; it isn't known yet.
///
/// # Errors
/// Those of the database, the store and the disk.
pub(super) async fn write(
    context: &Context,
    import: &Import,
    source: &Path,
    layout: &Layout,
    locale: Locale,
) -> Result<Upload, JobFailed> {
    let analysis: Option<ImportAnalysis> = import.analysis.as_ref().and_then(|kept| kept.read());
    let analysis =
        analysis.ok_or_else(|| JobFailed::for_good("what is stored of the import can't be read"))?;
    let (send, reasons) = sync_channel::<Reasons>(2);
    let plan = Plan {
        path: source.to_owned(),
        name: import.file_name.clone(),
        layout: layout.clone(),
        header_row: analysis.header_row as u32,
        width: analysis.columns.iter().map(|column| column.column as usize).max().unwrap_or(0),
        locale,
    };
    let written = web::block(move || plan.write(&reasons));
    let (id, mut after) = (import.id, 0);
    let feed = async {
        loop {
            let page = context
                .write(move |tx| Ok(import_rows::list(tx, id, &["failed".to_owned()], &[], after, PAGE)?))
                .await?;
            let Some(last) = page.last() else { return Ok::<_, JobFailed>(()) };
            after = last.row_number;
            let reasons: Reasons = page
                .iter()
                .map(|row| {
                    let errors: Vec<StoredError> =
                        row.errors.as_ref().and_then(|kept| kept.read()).unwrap_or_default();
                    (row.row_number as u32, in_words(&errors, locale))
                })
                .collect();
            let sent = send.clone();
            // The other end is gone when something failed there.
            if !web::block(move || sent.send(reasons).is_ok()).await.unwrap_or(false) {
                return Ok(());
            }
        }
    };
    let fed = feed.await;
    drop(send);
    let file = written.await.map_err(|error| JobFailed::for_now(error.to_string()))?;
    fed?;
    let file = file.map_err(JobFailed::for_now)?;
    let upload_id = Uuid::now_v7();
    let (size, sha256) = transport::put(&context.app.files, context.actor.tenant_id, upload_id, file).await?;
    let stem = import.file_name.rsplit_once('.').map_or(import.file_name.as_str(), |(stem, _)| stem);
    let stem: String = stem.chars().take(150).collect();
    let name = match locale {
        Locale::Zh => format!("{stem}-错误.csv"),
        Locale::En => format!("{stem}-errors.csv"),
    };
    Ok(Upload { id: upload_id, name, media_type: "text/csv", size, sha256, link: None })
}

/// All that is wrong with a row.
fn in_words(errors: &[StoredError], locale: Locale) -> String {
    let told = errors.iter().map(|error| {
        let place = error.header.as_deref().or(error.field.as_deref()).unwrap_or_default();
        match (place.is_empty(), locale) {
            (true, _) => error.detail(locale),
            (false, Locale::Zh) => format!("{place}：{}", error.detail(locale)),
            (false, Locale::En) => format!("{place}: {}", error.detail(locale)),
        }
    });
    told.collect::<Vec<_>>().join(" | ")
}

struct Plan {
    path: PathBuf,
    name: String,
    layout: Layout,
    header_row: u32,
    width: usize,
    locale: Locale,
}

impl Plan {
    /// The original columns, and before them the row's number and what is wrong.
    fn write(&self, reasons: &Receiver<Reasons>) -> Result<File, String> {
        let failed = |error: &dyn std::fmt::Display| format!("the file can't be written: {error}");
        let mut file = tempfile::tempfile().map_err(|error| failed(&error))?;
        // Spreadsheets take it for something else without.
        file.write_all("\u{feff}".as_bytes()).map_err(|error| failed(&error))?;
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(file);
        let [number, reason] = match self.locale {
            Locale::Zh => ["行号", "错误原因"],
            Locale::En => ["Row", "What is wrong"],
        };
        let mut wrong = reasons.iter().flatten().peekable();
        let mut problem = None;
        let mut put = |first: &str, second: &str, row: &SheetRow| {
            let cells = (0..self.width.max(row.cells.len())).map(|column| defused(&row.cell(column).text()));
            let record: Vec<String> = [first.to_owned(), defused(second)].into_iter().chain(cells).collect();
            writer.write_record(record).map_err(|error| {
                problem = Some(failed(&error));
                Stop::Enough
            })
        };
        let spreadsheet =
            Spreadsheet::of(&self.path, &self.name).map_err(|error| error.detail(Locale::En))?;
        let read = spreadsheet.read(&self.layout, &mut |row| {
            if row.number == self.header_row {
                return put(number, reason, &row);
            }
            if row.number < self.header_row {
                return Ok(());
            }
            match wrong.peek() {
                None => Err(Stop::Enough),
                Some((next, _)) if *next != row.number => Ok(()),
                Some((next, text)) => {
                    put(&next.to_string(), text, &row)?;
                    wrong.next();
                    Ok(())
                }
            }
        });
        if let Err(Stop::Unreadable(error)) = read {
            return Err(error.detail(Locale::En));
        }
        if let Some(problem) = problem {
            return Err(problem);
        }
        let mut file = writer.into_inner().map_err(|error| failed(&error))?;
        file.seek(SeekFrom::Start(0)).map_err(|error| failed(&error))?;
        Ok(file)
    }
}
