//! Answers: status, body and the headers that belong to them, in a form that can be kept and given again.

use std::cell::RefCell;

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::context::RequestContext;
use super::problem::Problem;

/// The most that a thread keeps for writing the next answer into.
const KEPT_BUFFER: usize = 256 * 1024;

/// Writes a view as JSON. Each thread has one buffer for it, so that a page of a list doesn't grow a new one by doubling.
fn json(view: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        serde_json::to_writer(&mut *buffer, view)?;
        let text = buffer.to_vec();
        if buffer.capacity() > KEPT_BUFFER {
            *buffer = Vec::new();
        }
        Ok(text)
    })
}

/// An answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    status: u16,
    #[serde(with = "as_text")]
    body: Option<Vec<u8>>,
    etag: Option<String>,
    location: Option<String>,
    /// Given before, to the same request.
    #[serde(skip)]
    pub replayed: bool,
    #[serde(skip)]
    public: bool,
    /// A problem that is kept like an answer.
    problem: bool,
}

impl Answer {
    fn new(status: u16) -> Answer {
        Answer {
            status,
            body: None,
            etag: None,
            location: None,
            replayed: false,
            public: false,
            problem: false,
        }
    }

    /// 200 with a body.
    ///
    /// # Errors
    /// An internal problem when the view can't be written as JSON.
    pub fn ok(view: &impl Serialize) -> Result<Answer, Problem> {
        Answer::with_status(200, view)
    }

    /// Any status with a body.
    ///
    /// # Errors
    /// An internal problem when the view can't be written as JSON.
    pub fn with_status(status: u16, view: &impl Serialize) -> Result<Answer, Problem> {
        let body = json(view).map_err(|_| Problem::new(super::catalog::Code::Internal))?;
        Ok(Answer { body: Some(body), ..Answer::new(status) })
    }

    /// 201 with the new record and where it is.
    ///
    /// # Errors
    /// An internal problem when the view can't be written as JSON.
    pub fn created(collection: &str, id: Uuid, view: &impl Serialize) -> Result<Answer, Problem> {
        let location = Some(format!("/v1/{collection}/{id}"));
        Ok(Answer { location, ..Answer::with_status(201, view)? })
    }

    /// 202 with the operation that does it, and where it is.
    ///
    /// # Errors
    /// An internal problem when the view can't be written as JSON.
    pub fn accepted(collection: &str, id: Uuid, view: &impl Serialize) -> Result<Answer, Problem> {
        Ok(Answer { status: 202, ..Answer::created(collection, id, view)? })
    }

    /// 204.
    pub fn no_content() -> Answer {
        Answer::new(204)
    }

    /// A problem that was put into words already.
    pub fn problem(status: u16, body: String) -> Answer {
        Answer { body: Some(body.into_bytes()), problem: true, ..Answer::new(status) }
    }

    /// The same with what not everybody may read in full masked.
    pub(super) fn masked(mut self) -> Answer {
        let parsed = self.body.as_deref().and_then(|body| serde_json::from_slice(body).ok());
        if let Some(mut value) = parsed {
            super::masking::mask(&mut value);
            self.body = Some(value.to_string().into_bytes());
        }
        self
    }

    /// Names the version of the record.
    pub fn version(mut self, version: i32) -> Answer {
        self.etag = Some(format!("\"{version}\""));
        self
    }

    /// The same for everybody, and for a while.
    pub fn public(mut self) -> Answer {
        self.public = true;
        self
    }

    /// The status on the wire.
    pub fn status(&self) -> u16 {
        self.status
    }

    fn is_known_to(&self, context: Option<&RequestContext>) -> bool {
        let (Some(etag), Some(known)) =
            (&self.etag, context.and_then(|context| context.if_none_match.as_deref()))
        else {
            return false;
        };
        known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag)
    }
}

/// A body is kept as the text that it is.
mod as_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(body: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
        body.as_deref().map(String::from_utf8_lossy).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(String::into_bytes))
    }
}

impl Responder for Answer {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let context = RequestContext::get(request);
        let not_modified = request.method() == "GET" && self.is_known_to(context.as_deref());
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(if not_modified { StatusCode::NOT_MODIFIED } else { status });
        if let Some(etag) = self.etag {
            response.insert_header((header::ETAG, etag));
        }
        if let Some(location) = self.location {
            response.insert_header((header::LOCATION, location));
        }
        if self.replayed {
            response.insert_header(("Idempotent-Replayed", "true"));
        }
        if self.public {
            response.insert_header((header::CACHE_CONTROL, "public, max-age=300"));
        }
        match self.body.filter(|_| !not_modified) {
            Some(body) if self.problem => response.content_type("application/problem+json").body(body),
            Some(body) => response.content_type("application/json").body(body),
            None => response.finish(),
        }
    }
}
