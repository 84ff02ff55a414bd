//! Files with separators: which encoding and separator they have (RFC 4180 leaves both open), and their records.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use csv::{Reader, ReaderBuilder, StringRecord};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};

use super::{Cell, Found, Layout, MOST_COLUMNS, SheetRow, Stop, unreadable};
use crate::http::catalog::FieldCode;
use crate::http::problem::FieldError;

/// A file as UTF-8.
type Decoded = DecodeReaderBytes<BufReader<File>, Vec<u8>>;

/// Bytes from the beginning that tell what a file is.
const HEAD: usize = 256 << 10;
/// Separators, the usual one first.
const DELIMITERS: [char; 4] = [',', '\t', ';', '|'];

fn open(path: &Path) -> Result<File, FieldError> {
    File::open(path).map_err(|_| unreadable(FieldCode::SpreadsheetDamaged))
}

pub(super) fn look(path: &Path, said: &Layout) -> Result<Found, FieldError> {
    let mut head = Vec::new();
    let read = open(path)?.take(HEAD as u64).read_to_end(&mut head);
    read.map_err(|_| unreadable(FieldCode::SpreadsheetDamaged))?;
    let encoding = match &said.encoding {
        Some(label) => encoding_of(label)?,
        None => detect(&head),
    };
    let whole = head.len() < HEAD;
    let (text, _, _) = encoding.decode(&head);
    let delimiter = said.delimiter.unwrap_or_else(|| delimiter(&text, whole));
    let layout =
        Layout { sheet: None, encoding: Some(encoding.name().to_owned()), delimiter: Some(delimiter) };
    Ok(Found { layout, sheets: vec![] })
}

/// The encoding of a label (WHATWG Encoding Standard).
fn encoding_of(label: &str) -> Result<&'static Encoding, FieldError> {
    Encoding::for_label_no_replacement(label.trim().as_bytes()).ok_or_else(|| {
        FieldError::new("/settings/encoding", FieldCode::EncodingUnknown).with("encoding", label)
    })
}

/// UTF-8 and UTF-16 tell themselves, with a byte order mark or without; what remains is guessed from how often letters come.
fn detect(head: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return encoding;
    }
    if let Some(encoding) = utf_16(head) {
        return encoding;
    }
    // The last letter may be cut through.
    if (0..4).any(|cut| cut <= head.len() && std::str::from_utf8(&head[..head.len() - cut]).is_ok()) {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(head, true);
    let guess = detector.guess(None, Utf8Detection::Allow);
    // GBK is the part of GB18030 that the standard names so: all of it is wanted. What looks like a western one is Chinese here
    // when it can be read as such: our spreadsheets are.
    let western = guess.is_single_byte();
    match guess.name() {
        "GBK" => encoding_rs::GB18030,
        _ if western && !encoding_rs::GB18030.decode(whole_letters(head)).2 => encoding_rs::GB18030,
        _ => guess,
    }
}

/// Up to the last line break: a letter of several bytes isn't cut through.
fn whole_letters(head: &[u8]) -> &[u8] {
    head.iter().rposition(|byte| *byte == b'\n').map_or(head, |end| &head[..end])
}

/// UTF-16 without a mark: every other byte of line breaks, separators and digits is zero.
fn utf_16(head: &[u8]) -> Option<&'static Encoding> {
    let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    match (even, odd) {
        (0, 0) => None,
        (even, odd) if odd > even * 4 => Some(UTF_16LE),
        (even, odd) if even > odd * 4 => Some(UTF_16BE),
        _ => None,
    }
}

/// The separator that stands equally often, and most often, in the first records.
fn delimiter(text: &str, whole: bool) -> char {
    let counted = |delimiter: char| {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter as u8)
            .from_reader(text.as_bytes());
        let records: Vec<usize> =
            reader.records().take(50).filter_map(Result::ok).map(|record| record.len()).collect();
        let records = if whole || records.len() < 2 { &records[..] } else { &records[..records.len() - 1] };
        let most = records.iter().copied().max().unwrap_or(1);
        let alike = records.iter().filter(|length| **length == most).count();
        if most < 2 { (0, 0) } else { (alike * 100 / records.len().max(1), most) }
    };
    let best = DELIMITERS.into_iter().rev().max_by_key(|delimiter| {
        let (alike, most) = counted(*delimiter);
        // Many columns in most rows are better than two in all.
        alike * most
    });
    best.filter(|delimiter| counted(*delimiter).1 > 1).unwrap_or(',')
}

fn reader(path: &Path, layout: &Layout) -> Result<Reader<Decoded>, FieldError> {
    let encoding = encoding_of(layout.encoding.as_deref().unwrap_or("utf-8"))?;
    // A mark at the beginning is none of the text.
    let decoder = DecodeReaderBytesBuilder::new()
        .encoding(Some(encoding))
        .bom_override(true)
        .build(BufReader::with_capacity(64 << 10, open(path)?));
    Ok(ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(layout.delimiter.unwrap_or(',') as u8)
        .from_reader(decoder))
}

pub(super) fn read(
    path: &Path,
    layout: &Layout,
    each: &mut dyn FnMut(SheetRow) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut reader = reader(path, layout)?;
    let mut record = StringRecord::new();
    let mut number = 0u64;
    loop {
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(_) => return Err(unreadable(FieldCode::SpreadsheetDamaged).into()),
        }
        // Blank lines are passed over without a word: they are the lines that no cell of the record has.
        let lines = reader.position().line() - line;
        let inside: usize = record.iter().map(|cell| cell.matches('\n').count()).sum();
        number += 1 + lines.saturating_sub(1 + inside as u64);
        let cells = record.iter().take(MOST_COLUMNS).map(cell);
        each(SheetRow { number: number.min(u32::MAX.into()) as u32, cells: cells.collect() })?;
    }
}

/// A text; the apostrophe that keeps spreadsheets from taking it for a formula, as our exports have it, is none of it.
fn cell(text: &str) -> Cell {
    let formula = |rest: &&str| rest.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    match text.strip_prefix('\'').filter(formula).unwrap_or(text) {
        "" => Cell::Empty,
        text => Cell::Text(text.to_owned()),
    }
}
