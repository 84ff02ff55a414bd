//! Which files are taken, and how it is told what one really is.

/// A kind of file.
#[derive(Debug, PartialEq, Eq)]
pub struct FileType {
    /// What it is called (IANA media types).
    pub media_type: &'static str,
    /// How names of such files end, the usual ending first.
    pub extensions: &'static [&'static str],
    content: Content,
}

/// What the beginning of a file has to look like.
#[derive(Debug, PartialEq, Eq)]
enum Content {
    /// Recognised as one of these.
    Recognised(&'static [&'static str]),
    /// A text: recognised as nothing else, and without NUL.
    Text,
}

/// Why a file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileRefused {
    /// Files with such names are not taken.
    #[error("files that end in {0:?} are not taken")]
    NotTaken(String),
    /// It is something else than its name or its declared type says.
    #[error("it says that it is {said}, and looks like {found}")]
    Lies {
        /// What it is said to be.
        said: String,
        /// What it looks like.
        found: String,
    },
}

const ZIP: &str = "application/zip";
const OLE: &[&str] = &[
    "application/x-ole-storage",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
];

macro_rules! types {
    ($($media_type:literal: $($extension:literal)|+ = $content:expr;)+) => {
        /// Every kind of file that can be taken.
        pub const FILE_TYPES: &[FileType] = &[
            $(FileType { media_type: $media_type, extensions: &[$($extension),+], content: $content }),+
        ];
    };
}

use Content::{Recognised, Text};

types! {
    "application/pdf": "pdf" = Recognised(&["application/pdf"]);
    "image/png": "png" = Recognised(&["image/png"]);
    "image/jpeg": "jpg" | "jpeg" = Recognised(&["image/jpeg"]);
    "image/gif": "gif" = Recognised(&["image/gif"]);
    "image/webp": "webp" = Recognised(&["image/webp"]);
    "image/heic": "heic" | "heif" = Recognised(&["image/heif", "image/heic"]);
    "image/tiff": "tif" | "tiff" = Recognised(&["image/tiff"]);
    "image/bmp": "bmp" = Recognised(&["image/bmp"]);
    "image/vnd.dwg": "dwg" = Recognised(&["image/vnd.dwg"]);
    "audio/mpeg": "mp3" = Recognised(&["audio/mpeg"]);
    "audio/mp4": "m4a" = Recognised(&["audio/m4a", "video/mp4"]);
    "audio/wav": "wav" = Recognised(&["audio/x-wav", "audio/wav"]);
    "audio/ogg": "ogg" | "oga" | "opus" = Recognised(&["audio/ogg", "audio/opus"]);
    "audio/amr": "amr" = Recognised(&["audio/amr"]);
    "video/mp4": "mp4" = Recognised(&["video/mp4"]);
    "video/quicktime": "mov" = Recognised(&["video/quicktime"]);
    "video/webm": "webm" = Recognised(&["video/webm", "video/x-matroska"]);
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx"
        = Recognised(&["application/vnd.openxmlformats-officedocument.wordprocessingml.document", ZIP]);
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx"
        = Recognised(&["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ZIP]);
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx"
        = Recognised(&["application/vnd.openxmlformats-officedocument.presentationml.presentation", ZIP]);
    "application/msword": "doc" | "wps" = Recognised(OLE);
    "application/vnd.ms-excel": "xls" | "et" = Recognised(OLE);
    "application/vnd.ms-powerpoint": "ppt" | "dps" = Recognised(OLE);
    "application/vnd.oasis.opendocument.text": "odt" = Recognised(&["application/vnd.oasis.opendocument.text", ZIP]);
    "application/vnd.oasis.opendocument.spreadsheet": "ods" = Recognised(&["application/vnd.oasis.opendocument.spreadsheet", ZIP]);
    "application/vnd.oasis.opendocument.presentation": "odp"
        = Recognised(&["application/vnd.oasis.opendocument.presentation", ZIP]);
    "application/zip": "zip" = Recognised(&[ZIP]);
    "application/vnd.rar": "rar" = Recognised(&["application/vnd.rar"]);
    "application/x-7z-compressed": "7z" = Recognised(&["application/x-7z-compressed"]);
    "application/gzip": "gz" | "tgz" = Recognised(&["application/gzip"]);
    "application/rtf": "rtf" = Recognised(&["application/rtf"]);
    "text/plain": "txt" | "log" = Text;
    "text/markdown": "md" = Text;
    "text/csv": "csv" = Text;
    "text/tab-separated-values": "tsv" = Text;
    "application/json": "json" = Text;
    "message/rfc822": "eml" = Text;
    "text/calendar": "ics" = Text;
    "text/vcard": "vcf" = Text;
}

/// What is said of a file before it is known: nothing.
const UNSAID: [&str; 2] = ["application/octet-stream", "binary/octet-stream"];

/// What a file is: by its name, by what is said of it, and by how its content begins (some kilobytes of it), which all have to
/// agree.
///
/// # Errors
/// [`FileRefused`].
pub fn file_type(name: &str, said: Option<&str>, head: &[u8]) -> Result<&'static FileType, FileRefused> {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default();
    let by_name = FILE_TYPES
        .iter()
        .find(|known| known.extensions.contains(&extension.as_str()))
        .ok_or_else(|| FileRefused::NotTaken(extension.chars().take(20).collect()))?;
    let said = said.map(str::to_ascii_lowercase).filter(|said| !UNSAID.contains(&said.as_str()));
    if let Some(said) = said
        && !by_name.may_be_called(&said)
    {
        return Err(FileRefused::Lies {
            said: by_name.media_type.into(),
            found: said.chars().take(100).collect(),
        });
    }
    let found = infer::get(head).map(|found| found.mime_type());
    let agrees = match &by_name.content {
        Recognised(as_one_of) => found.is_some_and(|found| as_one_of.contains(&found)),
        Text => found.is_none() && is_text(head),
    };
    if agrees {
        return Ok(by_name);
    }
    let found = found.unwrap_or(if is_text(head) { "text/plain" } else { "application/octet-stream" });
    Err(FileRefused::Lies { said: by_name.media_type.into(), found: found.into() })
}

impl FileType {
    /// Programs call the same thing by many names: only what is of another kind altogether is a contradiction.
    fn may_be_called(&self, said: &str) -> bool {
        let kind = |media_type: &str| media_type.split('/').next().unwrap_or_default().to_owned();
        let known = FILE_TYPES.iter().find(|other| other.media_type == said);
        match (kind(said).as_str(), &self.content) {
            _ if said == self.media_type => true,
            ("text", Text) => true,
            // Windows takes tables for Excel's.
            ("application", Text) => {
                said == "application/vnd.ms-excel" || known.is_none() && !said.contains("executable")
            }
            ("image" | "audio" | "video", _) => {
                let media = ["image", "audio", "video"];
                let own = kind(self.media_type);
                own == kind(said) || media[1..].contains(&own.as_str()) && kind(said) != "image"
            }
            ("application", Recognised(_)) => known.is_none() && kind(self.media_type) == "application",
            _ => false,
        }
    }
}

/// UTF-8, GB18030 and the like have no NUL; UTF-16 says what it is.
fn is_text(head: &[u8]) -> bool {
    head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) || !head.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PDF: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n";
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const EXE: &[u8] = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0";

    fn taken(name: &str, said: Option<&str>, head: &[u8]) -> Result<&'static str, String> {
        file_type(name, said, head).map(|found| found.media_type).map_err(|refused| refused.to_string())
    }

    #[test]
    fn a_file_is_what_its_name_its_type_and_its_content_say() {
        assert_eq!(taken("需求说明.PDF", Some("application/pdf"), PDF), Ok("application/pdf"));
        assert_eq!(taken("a.b.png", None, PNG), Ok("image/png"));
        assert_eq!(taken("a.png", Some("application/octet-stream"), PNG), Ok("image/png"));
        assert_eq!(
            taken("a.csv", Some("application/vnd.ms-excel"), "名称,电话\n".as_bytes()),
            Ok("text/csv")
        );
        assert_eq!(taken("a.csv", Some("text/plain"), b"\xc3\xfb\xb3\xc6,1\n"), Ok("text/csv"));
        assert_eq!(taken("a.txt", None, b"\xff\xfea\0b\0"), Ok("text/plain"));
        assert_eq!(taken("a.txt", None, b""), Ok("text/plain"));
    }

    #[test]
    fn a_file_that_lies_is_refused() {
        for (name, said, head) in [
            ("a.pdf", None, EXE),
            ("a.pdf", Some("application/pdf"), PNG),
            ("a.pdf", Some("image/png"), PDF),
            ("a.txt", None, EXE),
            ("a.txt", None, b"a\0b".as_slice()),
            ("a.txt", None, b"<!DOCTYPE html><html><script>alert(1)</script>".as_slice()),
            ("a.txt", None, b"#!/bin/sh\nrm -rf /\n".as_slice()),
            ("a.csv", Some("image/png"), b"a,b".as_slice()),
            ("a.png", Some("text/html"), PNG),
            ("a.docx", None, b"not a zip".as_slice()),
        ] {
            assert!(matches!(file_type(name, said, head), Err(FileRefused::Lies { .. })), "{name} {said:?}");
        }
        for name in ["a.exe", "a.html", "a.svg", "a.js", "a", "", "a.pdf.sh", "pdf", "a.docm"] {
            assert!(matches!(file_type(name, None, PDF), Err(FileRefused::NotTaken(_))), "{name}");
        }
    }

    #[test]
    fn every_ending_leads_to_one_type() {
        let mut endings: Vec<&str> = FILE_TYPES.iter().flat_map(|known| known.extensions).copied().collect();
        let all = endings.len();
        endings.sort_unstable();
        endings.dedup();
        assert_eq!(endings.len(), all);
    }
}
