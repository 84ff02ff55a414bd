//! Files on the wire.

use chrono::{DateTime, Utc};
use fulcrum_persistence::platform::files::{File, Filter, Link};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::body::Input;
use crate::http::catalog::FieldCode;
use crate::http::cursor::list_view;
use crate::http::problem::{FieldError, Problem};
use crate::subjects::SubjectType;

/// What kind of document a file is for a record.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(min_length = 1, max_length = 60, pattern = "^[a-z][a-z0-9_]*$", example = "requirements_spec")]
pub struct DocumentKind(pub String);

/// Which record a file belongs to, and as what.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkInput {
    /// What kind of record.
    pub subject_type: SubjectType,
    /// Which record.
    pub subject_id: Uuid,
    /// What kind of document it is for the record, such as `requirements_spec`.
    #[serde(default)]
    pub document_kind: Option<DocumentKind>,
}

impl Input for LinkInput {}

/// Which record a file doesn't belong to any more.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlinkInput {
    /// What kind of record.
    pub subject_type: SubjectType,
    /// Which record.
    pub subject_id: Uuid,
}

impl Input for UnlinkInput {}

/// A file and the record that it belongs to, as a form. The order of the fields doesn't matter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
pub struct FileInput {
    /// The file, with its name. What its name, its `Content-Type` and its content say it is has to agree.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream", max_length = 2_147_483_647, example = "%PDF-1.7")]
    file: Vec<u8>,
    /// What kind of record it belongs to.
    subject_type: Option<SubjectType>,
    /// Which record. Without one only who uploaded it sees the file, and after a day it is removed unless it was linked.
    subject_id: Option<Uuid>,
    /// What kind of document it is for the record.
    document_kind: Option<DocumentKind>,
}

/// The content of a file, or a part of it.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary, max_length = 2_147_483_647, example = "%PDF-1.7")]
#[allow(dead_code)]
pub struct FileContent(Vec<u8>);

/// A file. Its content is at `/v1/files/{id}/content`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = File)]
pub struct FileView {
    /// Id.
    pub id: Uuid,
    /// Its name.
    #[schema(max_length = 200, example = "需求说明.pdf")]
    pub name: String,
    /// What it is.
    #[schema(max_length = 100, example = "application/pdf")]
    pub media_type: String,
    /// Bytes.
    #[schema(minimum = 0, example = 48_213)]
    pub size: i64,
    /// SHA-256 of the content, in hexadecimal.
    #[schema(
        max_length = 64,
        pattern = "^[0-9a-f]{64}$",
        example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    )]
    pub sha256: String,
    /// The records that it belongs to, as far as the caller sees them.
    #[schema(max_items = 1000)]
    pub links: Vec<FileLinkView>,
    /// `user` or `api_client`
    #[schema(max_length = 20, example = "user")]
    pub uploaded_by_type: String,
    /// Who uploaded it.
    #[schema(required)]
    pub uploaded_by_id: Option<Uuid>,
    /// Grows by one with each change; the ETag.
    #[schema(minimum = 1, example = 1)]
    pub version: i32,
    /// When it was uploaded.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was deleted; null while it isn't.
    #[schema(required)]
    pub deleted_at: Option<DateTime<Utc>>,
}

/// A record that a file belongs to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FileLink)]
pub struct FileLinkView {
    /// What kind of record.
    pub subject_type: SubjectType,
    /// Which record.
    pub subject_id: Uuid,
    /// What kind of document it is for the record.
    #[schema(required)]
    pub document_kind: Option<DocumentKind>,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

list_view!(
    /// A page of files.
    FileList of FileView
);

impl FileView {
    /// A file with its links.
    pub fn of(row: &File, links: &[Link]) -> FileView {
        let own = links.iter().filter(|link| link.file_id == row.id).filter_map(|link| {
            Some(FileLinkView {
                subject_type: SubjectType::of(&link.subject_type)?,
                subject_id: link.subject_id,
                document_kind: link.document_kind.clone().map(DocumentKind),
                created_at: link.created_at,
            })
        });
        FileView {
            id: row.id,
            name: row.name.clone(),
            media_type: row.media_type.clone(),
            size: row.size,
            sha256: hex(&row.sha256),
            links: own.collect(),
            uploaded_by_type: row.uploaded_by_type.clone(),
            uploaded_by_id: row.uploaded_by_id,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        }
    }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Which files, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    /// That belong to a record of this kind; needs `subject_id`.
    pub subject_type: Option<SubjectType>,
    /// That belong to this record; needs `subject_type`.
    pub subject_id: Option<Uuid>,
    /// That are one of these kinds of documents for a record.
    #[param(max_items = 50)]
    pub document_kind: Vec<DocumentKind>,
    /// Uploaded at this instant or later.
    pub created_at_from: Option<DateTime<Utc>>,
    /// Uploaded at this instant or before.
    pub created_at_to: Option<DateTime<Utc>>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for FileQuery {
    fn default() -> FileQuery {
        FileQuery {
            subject_type: None,
            subject_id: None,
            document_kind: vec![],
            created_at_from: None,
            created_at_to: None,
            cursor: None,
            limit: 50,
        }
    }
}

impl FileQuery {
    /// The filter that the parameters select.
    pub fn filter(&self) -> Filter {
        Filter {
            subject: self.subject_type.map(|subject| subject.word().to_owned()).zip(self.subject_id),
            document_kinds: self.document_kind.iter().map(|kind| kind.0.clone()).collect(),
            created_from: self.created_at_from,
            created_to: self.created_at_to,
        }
    }

    /// What the schema can't say.
    ///
    /// # Errors
    /// 400 for one half of a record.
    pub fn check(&self) -> Result<(), Problem> {
        let missing = match (&self.subject_type, &self.subject_id) {
            (Some(_), None) => "subject_id",
            (None, Some(_)) => "subject_type",
            _ => return Ok(()),
        };
        let error = FieldError::new(missing, FieldCode::Required);
        Err(Problem::bad_parameters(vec![error]))
    }
}
