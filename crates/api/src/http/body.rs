//! Bodies: read, parsed, judged by the contract and by the rules of the field, all errors at once.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::timeout_at;
use utoipa::ToSchema;

use super::catalog::Code;
use super::context::RequestContext;
use super::contract::Contract;
use super::problem::{FieldError, Problem};
use crate::App;

/// Something that comes in as a body. The schema says what it looks like; `check` says what it has to mean.
pub trait Input: ToSchema + DeserializeOwned + Send + Sync + 'static {
    /// What the schema can't say, for every field at once. Looks at the raw value, so that it also works beside
    /// fields that are of the wrong type. `region` is the tenant's, for telephone numbers.
    fn check(_body: &Value, _region: &str) -> Vec<FieldError> {
        Vec::new()
    }
}

/// Judges a value as an input.
///
/// # Errors
/// A problem that names every field that is wrong.
pub fn judge<T: Input>(contract: &Contract, region: &str, value: &Value) -> Result<T, Problem> {
    let mut errors = contract.errors(&T::name(), value);
    for error in T::check(value, region) {
        if !errors.iter().any(|known| covers(known, &error)) {
            errors.push(error);
        }
    }
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = format!("/{}", error.path().to_string().replace(['.', '['], "/").replace(']', ""));
        Problem::invalid(vec![FieldError::new(pointer, super::catalog::FieldCode::Invalid)])
    })
}

fn covers(known: &FieldError, error: &FieldError) -> bool {
    known.pointer == error.pointer || error.pointer.starts_with(&format!("{}/", known.pointer))
}

/// A body that has passed.
pub struct Body<T>(pub T);

impl<T> Deref for Body<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Input> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let raw = read(request, payload, &["application/json"]);
        let app = request.app_data::<web::Data<App>>().cloned();
        let context = RequestContext::get(request);
        Box::pin(async move {
            let value = parse(&raw.await?)?;
            let app = app.ok_or_else(|| Problem::new(Code::Internal))?;
            let actor = context.as_ref().and_then(|context| context.actor());
            let region = actor.map_or("CN", |actor| actor.region.as_str());
            judge(&app.contract, region, &value).map(Body)
        })
    }
}

/// A merge patch (RFC 7396); what comes out of it is judged when it is applied.
pub struct Patch(pub Value);

impl FromRequest for Patch {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let raw = read(request, payload, &["application/merge-patch+json", "application/json"]);
        Box::pin(async move {
            let value = parse(&raw.await?)?;
            if !value.is_object() {
                let error = FieldError::new("", super::catalog::FieldCode::Type).with("expected", "object");
                return Err(Problem::invalid(vec![error]));
            }
            Ok(Patch(value))
        })
    }
}

/// A body has to be there in this time, however slowly it comes.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Reads a body of one of the content types up to the limit, and notes its hash.
pub fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    types: &'static [&'static str],
) -> impl Future<Output = Result<Vec<u8>, Problem>> + use<> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence =
        content_type.map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let charset = content_type.and_then(|text| {
        text.to_ascii_lowercase()
            .split_once("charset=")
            .map(|(_, set)| set.trim_matches('"').trim().to_owned())
    });
    let declared =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let limit = request.app_data::<web::Data<App>>().map_or(0, |app| app.settings.body_limit);
    let context = RequestContext::get(request);
    let mut payload = payload.take();
    async move {
        let too_large = || Problem::new(Code::TooLarge).with("limit", limit);
        if !essence.is_some_and(|essence| types.contains(&essence.as_str()))
            || charset.is_some_and(|set| set != "utf-8" && set != "utf8")
        {
            return Err(Problem::new(Code::UnsupportedMediaType).with("expected", types[0]));
        }
        if declared.is_some_and(|length: usize| length > limit) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        let slow = |_| Problem::new(Code::RequestTimeout);
        let deadline = actix_web::rt::time::Instant::now() + PATIENCE;
        while let Some(chunk) = timeout_at(deadline, payload.next()).await.map_err(slow)? {
            let chunk =
                chunk.map_err(|error| Problem::new(Code::MalformedBody).with("reason", error.to_string()))?;
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        if let Some(context) = context {
            let _ = context.body_hash.set(Sha256::digest(&body).into());
        }
        Ok(body)
    }
}

fn parse(body: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let reason = if body.is_empty() { "it is empty".to_owned() } else { error.to_string() };
        Problem::new(Code::MalformedBody).with("reason", reason)
    })
}
