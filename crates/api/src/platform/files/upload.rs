//! Taking a file in: a multipart form (RFC 7578), piece by piece, into the store.

use std::time::{Duration, Instant};

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::{Bytes, Payload};
use fulcrum_domain::platform::{FileRefused, FileType, file_type};
use fulcrum_domain::values::text::clean_line;
use futures_util::StreamExt;
use object_store::buffered::BufWriter;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use uuid::Uuid;

use super::service;
use super::store::FileStore;
use super::views::LinkInput;
use crate::http::allowed::Call;
use crate::http::answer::Answer;
use crate::http::body::judge;
use crate::http::catalog::{Code, FieldCode};
use crate::http::problem::{FieldError, Problem};

/// The next piece has to come in this time.
const PATIENCE: Duration = Duration::from_secs(30);
/// After this time so many bytes a second have to have come: who drips takes a place from others.
const SLOW_START: Duration = Duration::from_secs(60);
const SLOWEST: u64 = 1000;
/// Bytes at the beginning of a file that tell what it is.
const HEAD: usize = 8192;
/// Bytes of a field that is no file.
const LONGEST_FIELD: usize = 1000;
/// Characters of a name.
const LONGEST_NAME: usize = 200;

/// A file that lies in the store and isn't known yet.
pub(crate) struct Upload {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) media_type: &'static str,
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
    /// The record that it shall belong to.
    pub(crate) link: Option<LinkInput>,
}

impl Upload {
    /// A file on disk, which still has to be put into the store: what it is is told by its beginning.
    ///
    /// # Errors
    /// 422 when it isn't what its name says.
    pub(crate) fn of_disk(name: &str, head: &[u8]) -> Result<Upload, Problem> {
        Upload::of(&clean_name(name), head, None)
    }

    /// A file whose content is at hand; it still has to be put into the store.
    ///
    /// # Errors
    /// 422 when it isn't what its name says.
    pub(crate) fn of(name: &str, content: &[u8], link: Option<LinkInput>) -> Result<Upload, Problem> {
        Ok(Upload {
            id: Uuid::now_v7(),
            name: name.into(),
            media_type: known(name, None, &content[..content.len().min(HEAD)])?.media_type,
            size: content.len() as u64,
            sha256: Sha256::digest(content).into(),
            link,
        })
    }
}

/// Reads a form. What is wrong with it, and an end before its time, leave nothing behind.
///
/// # Errors
/// 415 for something else than a form, 400 for one that can't be read, 413, 422.
async fn receive(call: &Call, request: &HttpRequest, payload: Payload) -> Result<Upload, Problem> {
    let mut file = None;
    match read_form(call, request, payload, &mut file).await {
        Ok(upload) => Ok(upload),
        Err(problem) => {
            give_up(file).await;
            Err(problem)
        }
    }
}

async fn read_form(
    call: &Call,
    request: &HttpRequest,
    payload: Payload,
    file: &mut Option<Received>,
) -> Result<Upload, Problem> {
    let id = Uuid::now_v7();
    let is_form = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !is_form
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("multipart/form-data"))
    {
        return Err(unreadable(MultipartError::ContentTypeIncompatible));
    }
    let _place = call.app.files.place_for(call.actor.principal_id())?;
    let mut form = Multipart::new(request.headers(), payload);
    let mut fields = json!({});
    let began = Instant::now();
    while let Some(field) = next(form.next()).await? {
        let mut field = field.map_err(unreadable)?;
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "file" if file.is_none() => {
                let store = &call.app.files;
                *file = Some(take(store, store.writer(call.actor.tenant_id, id), &mut field, began).await?);
            }
            "subject_type" | "subject_id" | "document_kind" if fields[&name].is_null() => {
                fields[&name] = text(&mut field, &name).await?;
            }
            _ => return Err(Problem::field(&format!("/{name}"), FieldCode::UnknownField)),
        }
    }
    let Some(received) = file else { return Err(Problem::field("/file", FieldCode::Required)) };
    let link = match fields.as_object().is_some_and(|fields| !fields.is_empty()) {
        false => None,
        true => Some(judge::<LinkInput>(&call.app.contract, &call.actor.region, &fields)?),
    };
    // For the Idempotency-Key: the same file for the same record is the same request, whatever the boundary is.
    let whole =
        [&received.sha256[..], received.name.as_bytes(), &[0], fields.to_string().as_bytes()].concat();
    let _ = call.context.body_hash.set(Sha256::digest(whole).into());
    received.writer.shutdown().await.map_err(|error| store_failed(&error))?;
    let Received { name, media_type, size, sha256, .. } = received;
    Ok(Upload { id, name: name.clone(), media_type, size: *size, sha256: *sha256, link })
}

/// Reads a form and makes its file known. What comes of a request that is refused or was answered before isn't kept.
///
/// # Errors
/// Those of reading, and of making it known.
pub(super) async fn receive_and_keep(
    call: &Call,
    request: &HttpRequest,
    payload: Payload,
) -> Result<Answer, Problem> {
    let upload = receive(call, request, payload).await?;
    let (id, tenant_id) = (upload.id, call.actor.tenant_id);
    let answer = call.write(move |tx| service::create(tx, &upload)).await;
    let kept = match &answer {
        Ok(answer) => answer.status() == 201 && !answer.replayed,
        // Of what broke off nobody knows here whether it was committed: the sweep will.
        Err(problem) => problem.status().is_server_error(),
    };
    if !kept {
        call.app.files.remove(tenant_id, id).await;
    }
    answer
}

/// A file whose last piece has come and which isn't in its place yet.
struct Received {
    writer: BufWriter,
    name: String,
    media_type: &'static str,
    size: u64,
    sha256: [u8; 32],
}

async fn give_up(file: Option<Received>) {
    if let Some(mut file) = file
        && let Err(error) = file.writer.abort().await
    {
        tracing::warn!(%error, "a file that was not taken could not be removed");
    }
}

/// What is waited for, unless nothing comes.
async fn next<T>(piece: impl Future<Output = T>) -> Result<T, Problem> {
    timeout(PATIENCE, piece).await.map_err(|_| Problem::new(Code::RequestTimeout))
}

async fn take(
    store: &FileStore,
    mut writer: BufWriter,
    field: &mut Field,
    began: Instant,
) -> Result<Received, Problem> {
    match pieces(store, &mut writer, field, began).await {
        Ok((name, media_type, size, sha256)) => Ok(Received { writer, name, media_type, size, sha256 }),
        Err(problem) => {
            let _ = writer.abort().await;
            Err(problem)
        }
    }
}

type Pieces = (String, &'static str, u64, [u8; 32]);

async fn pieces(
    store: &FileStore,
    writer: &mut BufWriter,
    field: &mut Field,
    began: Instant,
) -> Result<Pieces, Problem> {
    let name = field.content_disposition().and_then(|disposition| disposition.get_filename()).map(clean_name);
    let name = name.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Problem::field("/file", FieldCode::FileNameMissing))?;
    let limit = store.limit_of(&name);
    let said = field.content_type().map(|said| said.essence_str().to_owned());
    let (mut head, mut size, mut hash) = (Vec::new(), 0, Sha256::new());
    let mut known = None;
    while let Some(piece) = next(field.next()).await? {
        let piece: Bytes = piece.map_err(unreadable)?;
        size += piece.len() as u64;
        if is_too_slow(began.elapsed(), size) {
            return Err(Problem::new(Code::RequestTimeout));
        }
        if size > limit {
            return Err(Problem::new(Code::TooLarge).with("limit", limit));
        }
        hash.update(&piece);
        if head.len() < HEAD {
            head.extend_from_slice(&piece[..piece.len().min(HEAD - head.len())]);
        } else if known.is_none() {
            // What is not what it says isn't read to its end.
            known = Some(judged(store, &name, said.as_deref(), &head)?);
        }
        writer.put(piece).await.map_err(|error| store_failed(&error))?;
    }
    if size == 0 {
        return Err(Problem::field("/file", FieldCode::FileEmpty));
    }
    let media_type = match known {
        Some(media_type) => media_type,
        None => judged(store, &name, said.as_deref(), &head)?,
    };
    Ok((name, media_type, size, hash.finalize().into()))
}

fn is_too_slow(time: Duration, size: u64) -> bool {
    time > SLOW_START && size < time.as_secs() * SLOWEST
}

fn judged(store: &FileStore, name: &str, said: Option<&str>, head: &[u8]) -> Result<&'static str, Problem> {
    let found = known(name, said, head)?;
    match store.takes(found) {
        true => Ok(found.media_type),
        false => Err(not_taken(found.extensions.first().copied().unwrap_or_default())),
    }
}

fn known(name: &str, said: Option<&str>, head: &[u8]) -> Result<&'static FileType, Problem> {
    file_type(name, said, head).map_err(|refused| match refused {
        FileRefused::NotTaken(ending) => not_taken(&ending),
        FileRefused::Lies { said, found } => {
            let error =
                FieldError::new("/file", FieldCode::FileTypeLies).with("said", said).with("found", found);
            Problem::invalid(vec![error])
        }
    })
}

fn not_taken(ending: &str) -> Problem {
    Problem::invalid(vec![FieldError::new("/file", FieldCode::FileTypeNotTaken).with("ending", ending)])
}

/// A name without folders, control characters and what turns the direction of writing.
fn clean_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let turns = |letter: char| matches!(letter, '\u{61c}' | '\u{e0000}'..='\u{e007f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let clean = clean_line(
        &last.chars().filter(|letter| !letter.is_control() && !turns(*letter)).collect::<String>(),
    );
    let clean = clean.trim_start_matches('.').to_owned();
    // What is cut off is not the ending.
    let (stem, ending) = clean.rsplit_once('.').unwrap_or((&clean, ""));
    let room = LONGEST_NAME.saturating_sub(ending.chars().count() + 1);
    match clean.chars().count() > LONGEST_NAME {
        true => format!("{}.{ending}", stem.chars().take(room).collect::<String>()),
        false => clean,
    }
}

async fn text(field: &mut Field, name: &str) -> Result<Value, Problem> {
    let too_long = || {
        let error = FieldError::new(format!("/{name}"), FieldCode::TooLong).with("max", LONGEST_FIELD);
        Problem::invalid(vec![error])
    };
    let bytes = next(field.bytes(LONGEST_FIELD))
        .await?
        .map_err(|_| too_long())?
        .map_err(|error| malformed(&error.to_string()))?;
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| malformed("a field is not UTF-8"))?;
    Ok(json!(text))
}

fn unreadable(error: MultipartError) -> Problem {
    match error {
        MultipartError::ContentTypeMissing
        | MultipartError::ContentTypeParse
        | MultipartError::ContentTypeIncompatible => {
            Problem::new(Code::UnsupportedMediaType).with("expected", "multipart/form-data")
        }
        error => malformed(&error.to_string()),
    }
}

fn malformed(reason: &str) -> Problem {
    Problem::new(Code::MalformedForm).with("reason", reason)
}

fn store_failed(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "the file store doesn't take files");
    Problem::new(Code::FileStoreUnavailable).retry_after(5)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{clean_name, is_too_slow};

    #[test]
    fn who_drips_is_too_slow_and_who_has_a_bad_line_is_not() {
        assert!(!is_too_slow(Duration::from_secs(50), 1));
        assert!(is_too_slow(Duration::from_secs(61), 60_000));
        assert!(!is_too_slow(Duration::from_secs(3600), 4_000_000));
    }

    #[test]
    fn names_are_names_and_nothing_else() {
        for (name, clean) in [
            ("需求 说明.pdf", "需求 说明.pdf"),
            ("../../etc/passwd.txt", "passwd.txt"),
            ("C:\\Users\\a\\b.pdf", "b.pdf"),
            ("a\r\nSet-Cookie: x=1.pdf", "aSet-Cookie: x=1.pdf"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("a\u{61c}b\u{e0041}.pdf", "ab.pdf"),
            ("...", ""),
            (" .pdf ", "pdf"),
            ("", ""),
        ] {
            assert_eq!(clean_name(name), clean, "{name:?}");
        }
        let long = clean_name(&format!("{}.pdf", "长".repeat(500)));
        assert_eq!(long.chars().count(), 200);
        assert!(long.ends_with("长.pdf"));
    }
}
