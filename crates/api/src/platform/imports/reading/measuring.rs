//! What a workbook is when it is unpacked, before anything of it is taken into memory: a small file can say that it is a large one, and
//! be a larger one still.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;

use super::unreadable;
use crate::http::catalog::FieldCode;
use crate::http::problem::FieldError;

/// Bytes of a part that is read row by row, of the texts that are kept, and of anything else.
const SHEET: u64 = 3 << 30;
const TEXTS: u64 = 256 << 20;
const OTHER: u64 = 32 << 20;
/// Bytes from one tag to the next: a cell has 32,767 characters.
const BETWEEN_TAGS: usize = 1 << 20;
const MOST_PARTS: usize = 10_000;
/// Unpacked bytes for each packed one, from this size on: rows that are all alike come to some dozens.
const RATIO: u64 = 300;
const SMALL: u64 = 64 << 20;

/// Refuses a workbook that would fill the memory. Every part that is read later is unpacked here once, and thrown away.
///
/// # Errors
/// When it can't be unpacked, or would be larger than a spreadsheet is.
pub(super) fn measure(path: &Path) -> Result<(), FieldError> {
    let damaged = || unreadable(FieldCode::SpreadsheetDamaged);
    let file = File::open(path).map_err(|_| damaged())?;
    let packed = file.metadata().map_err(|_| damaged())?.len();
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|_| damaged())?;
    if archive.len() > MOST_PARTS {
        return Err(unreadable(FieldCode::SpreadsheetTooLarge));
    }
    let mut all = 0;
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(|_| damaged())?;
        let name = part.name().map_err(|_| damaged())?.to_lowercase();
        if !name.ends_with(".xml") && !name.ends_with(".rels") {
            continue;
        }
        let limit = match name.as_str() {
            name if name.starts_with("xl/worksheets/") => SHEET,
            "xl/sharedstrings.xml" => TEXTS,
            _ => OTHER,
        };
        all += size_of(&mut part, limit)?;
        if all > SMALL && all / packed.max(1) > RATIO {
            return Err(unreadable(FieldCode::SpreadsheetTooLarge));
        }
    }
    Ok(())
}

fn size_of(part: &mut impl Read, limit: u64) -> Result<u64, FieldError> {
    let mut buffer = vec![0; 64 << 10];
    let (mut size, mut since_tag) = (0u64, 0usize);
    loop {
        let read = part.read(&mut buffer).map_err(|_| unreadable(FieldCode::SpreadsheetDamaged))?;
        if read == 0 {
            return Ok(size);
        }
        size += read as u64;
        let last = buffer[..read].iter().rposition(|byte| *byte == b'<');
        since_tag = last.map_or(since_tag + read, |last| read - last);
        if size > limit || since_tag > BETWEEN_TAGS {
            return Err(unreadable(FieldCode::SpreadsheetTooLarge));
        }
    }
}
