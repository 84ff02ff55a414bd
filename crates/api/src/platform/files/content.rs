//! Giving a file out: whole or in part (RFC 9110, sections 13 and 14), and never so that a browser runs it.

use std::ops::Range;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    self, ByteRangeSpec, Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue,
    Header as _,
};
use actix_web::{HttpRequest, HttpResponse};
use fulcrum_persistence::platform::files::File;
use futures_util::StreamExt;
use object_store::{GetOptions, GetRange, ObjectStore};

use super::store::{FileStore, place};
use super::views::hex;
use crate::http::catalog::Code;
use crate::http::problem::Problem;

/// The longest `Range` and `If-Range` that are read.
const LONGEST_HEADER: usize = 200;

/// The content of a file, as far as it is asked for.
///
/// # Errors
/// 400 for a header that is too long, 416 for a part that isn't there.
pub(super) async fn content(
    store: &FileStore,
    request: &HttpRequest,
    file: &File,
) -> Result<HttpResponse, Problem> {
    let etag = format!("\"{}\"", hex(&file.sha256));
    let size = file.size as u64;
    let given = |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    for name in [header::RANGE, header::IF_RANGE] {
        if request.headers().get(&name).is_some_and(|value| value.len() > LONGEST_HEADER) {
            let problem = Problem::new(Code::InvalidHeader).with("header", name.as_str());
            return Err(problem.with("reason", "it is too long"));
        }
    }
    let known = given(header::IF_NONE_MATCH).is_some_and(|tags| {
        tags.split(',').any(|tag| tag.trim() == "*" || tag.trim().trim_start_matches("W/") == etag)
    });
    let mut response = HttpResponse::build(StatusCode::OK);
    response
        .insert_header((header::ETAG, etag.clone()))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        // The content never changes, but who may see it does.
        .insert_header((header::CACHE_CONTROL, "private, no-cache"));
    if known {
        return Ok(response.status(StatusCode::NOT_MODIFIED).finish());
    }
    // A part of something else than the caller has would be of no use to it.
    let same = given(header::IF_RANGE).is_none_or(|tag| tag.trim() == etag);
    // Of nothing there is no part: it is given whole, as RFC 9110 allows.
    let part = match asked(request).filter(|_| same && size > 0) {
        Some(spec) => Some(
            spec.to_satisfiable_range(size)
                .ok_or_else(|| Problem::new(Code::RangeNotSatisfiable).with("size", size))?,
        ),
        None => None,
    };
    let range = part.map_or(0..size, |(first, last)| first..last + 1);
    if let Some((first, last)) = part {
        response
            .status(StatusCode::PARTIAL_CONTENT)
            .insert_header((header::CONTENT_RANGE, format!("bytes {first}-{last}/{size}")));
    }
    response
        .insert_header(disposition(&file.name))
        .insert_header(header::ContentType::octet_stream())
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        // Parts are parts of what is stored: nobody on the way compresses them.
        .insert_header((header::CONTENT_ENCODING, "identity"));
    // The stores refuse to give nothing: an export without rows is that.
    if range.is_empty() {
        return Ok(response.body(""));
    }
    let options = GetOptions { range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
    let found =
        store.objects().get_opts(&place(file.tenant_id, file.id), options).await.map_err(|error| {
            tracing::error!(%error, file = %file.id, "the content of a file can't be read");
            match error {
                object_store::Error::NotFound { .. } => Problem::new(Code::FileContentLost),
                _ => Problem::new(Code::FileStoreUnavailable).retry_after(5),
            }
        })?;
    Ok(sized(&mut response, range, found))
}

fn sized(
    response: &mut actix_web::HttpResponseBuilder,
    range: Range<u64>,
    found: object_store::GetResult,
) -> HttpResponse {
    let pieces = found.into_stream().map(|piece| {
        piece.map_err(|error| {
            tracing::error!(%error, "the content of a file broke off");
            std::io::Error::other("the content broke off")
        })
    });
    response.no_chunking(range.end - range.start).streaming(pieces)
}

/// The one part that is asked for. Several parts at once, and other units, are answered with the whole, as RFC 9110 allows.
fn asked(request: &HttpRequest) -> Option<ByteRangeSpec> {
    match header::Range::parse(request).ok()? {
        header::Range::Bytes(mut specs) if specs.len() == 1 => specs.pop(),
        _ => None,
    }
}

/// To be saved, under its name (RFC 6266).
fn disposition(name: &str) -> ContentDisposition {
    let plain: String = name
        .chars()
        .map(|letter| {
            if letter.is_ascii_graphic() && !"\"\\;%".contains(letter) || letter == ' ' {
                letter
            } else {
                '_'
            }
        })
        .collect();
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![
            DispositionParam::Filename(plain),
            DispositionParam::FilenameExt(ExtendedValue {
                charset: Charset::Ext("UTF-8".into()),
                language_tag: None,
                value: name.as_bytes().to_vec(),
            }),
        ],
    }
}
