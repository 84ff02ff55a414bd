//! The gate: every request goes in and every answer goes out through it. It finds out who calls, limits the
//! rate, catches panics, puts problems into words, and writes the account of the request.

use std::fmt::{self, Debug, Display};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError, web};
use futures_util::FutureExt;
use tracing::Instrument;

use super::catalog::Code;
use super::context::RequestContext;
use super::problem::Problem;
use super::{identity, observe, rate};
use crate::App;

/// The middleware around everything.
pub async fn gate<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let started = Instant::now();
    let Some(app) = request.app_data::<web::Data<App>>().cloned() else {
        return Ok(request.into_response(HttpResponse::InternalServerError().finish()).map_into_right_body());
    };
    let context = RequestContext::of(&request, app.settings.trust_proxy);
    request.extensions_mut().insert(context.clone());
    let span = observe::span(&request, &context);
    async move {
        identity::resolve(&app, &request, &context).await;
        let rate = rate::take(&app, &request, &context).await;
        let mut response = match rate.problem() {
            Some(problem) => refuse(request, &context, &problem),
            None if !readable(request.path()) => refuse(request, &context, &Problem::new(Code::InvalidPath)),
            None => match proceed(request, next, &context).await {
                Ok(response) => response,
                Err(error) => {
                    observe::failed(&context, started.elapsed());
                    return Err(error);
                }
            },
        };
        rate.write_headers(response.headers_mut());
        write_headers(&app, &context, &mut response);
        observe::finished(&context, &response, started.elapsed());
        Ok(response)
    }
    .instrument(span)
    .await
}

async fn proceed<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    context: &Arc<RequestContext>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let problem = match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(response)) => match response.response().error() {
            None => return Ok(response.map_into_left_body()),
            Some(error) => {
                let answer = words(&problem_of(error), context);
                let (request, _) = response.into_parts();
                return Ok(ServiceResponse::new(request, answer).map_into_right_body());
            }
        },
        Ok(Err(error)) => problem_of(&error),
        Err(_panic) => {
            tracing::error!(request_id = %context.request_id, path = %context.path, "a handler panicked");
            Problem::new(Code::Internal)
        }
    };
    // The request is gone with whoever held it, and routing doesn't allow to keep a copy.
    Err(InWords { problem, context: context.clone() }.into())
}

/// A problem together with its reader, for where there is no request left to answer to.
struct InWords {
    problem: Problem,
    context: Arc<RequestContext>,
}

impl fmt::Debug for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.problem, f)
    }
}

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.problem, f)
    }
}

impl ResponseError for InWords {
    fn status_code(&self) -> StatusCode {
        self.problem.status()
    }

    fn error_response(&self) -> HttpResponse {
        words(&self.problem, &self.context)
    }
}

/// Whether a path can be decoded without loss: what can't would make one id of several.
fn readable(path: &str) -> bool {
    percent_encoding::percent_decode_str(path).decode_utf8().is_ok_and(|text| !text.contains('\0'))
}

fn refuse<B: MessageBody + 'static>(
    request: ServiceRequest,
    context: &Arc<RequestContext>,
    problem: &Problem,
) -> ServiceResponse<EitherBody<B, BoxBody>> {
    request.into_response(words(problem, context)).map_into_right_body()
}

/// The problem behind an error: ours, or one of the framework's by its status.
fn problem_of(error: &Error) -> Problem {
    if let Some(problem) = error.as_error::<Problem>() {
        return problem.clone();
    }
    let status = error.as_response_error().status_code().as_u16();
    tracing::debug!(%error, status, "the framework refused the request");
    match status {
        404 => Problem::new(Code::NoSuchPath),
        406 => Problem::new(Code::NotAcceptable),
        408 => Problem::new(Code::RequestTimeout),
        413 => Problem::new(Code::TooLarge).with("limit", "?"),
        414 => Problem::new(Code::UriTooLong),
        415 => Problem::new(Code::UnsupportedMediaType).with("expected", "application/json"),
        400..=499 => Problem::new(Code::MalformedBody).with("reason", error.to_string()),
        _ => Problem::new(Code::Internal),
    }
}

/// A problem as an answer.
fn words(problem: &Problem, context: &RequestContext) -> HttpResponse {
    if problem.status().is_server_error() {
        tracing::error!(request_id = %context.request_id, code = problem.code.word(), problem = %problem, "the request failed");
    }
    let mut response = HttpResponse::build(problem.status());
    response.insert_header(("X-Request-Id", context.request_id.as_str()));
    if let Some(seconds) = problem.retry_after {
        response.insert_header((header::RETRY_AFTER, seconds.to_string()));
    }
    if problem.status() == 401 {
        let challenge = match problem.code {
            Code::TokenExpired => {
                "Bearer realm=\"fulcrum\", error=\"invalid_token\", error_description=\"expired\""
            }
            Code::InvalidClient => "Basic realm=\"fulcrum\"",
            _ => "Bearer realm=\"fulcrum\"",
        };
        response.insert_header((header::WWW_AUTHENTICATE, challenge));
    }
    if let Some(size) = problem.whole_size() {
        response.insert_header((header::CONTENT_RANGE, format!("bytes */{size}")));
    }
    if let Some(allow) = problem.allow() {
        response.insert_header((header::ALLOW, allow));
    }
    let locale = context.reader_locale();
    response.insert_header((header::CONTENT_LANGUAGE, locale.tag()));
    let body = problem.body(locale, &context.path, &context.request_id);
    response.content_type("application/problem+json").body(body.to_string())
}

fn write_headers<B>(app: &App, context: &RequestContext, response: &mut ServiceResponse<B>) {
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-request-id", &context.request_id);
    set("x-content-type-options", "nosniff");
    // Not for strangers: the number of queries could tell them who exists.
    if context.actor().is_some() {
        let millis = context.stats.database_time().as_secs_f64() * 1000.0;
        set("server-timing", &format!("db;dur={millis:.2};desc=\"{} queries\"", context.stats.queries()));
    }
    if app.settings.hsts {
        set("strict-transport-security", "max-age=31536000; includeSubDomains");
    }
    if context.path.starts_with("/v1/auth/") || context.path.starts_with("/v1/oauth/") {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    // What is said of a tenant's data stays between the server and this caller.
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    let vary = HeaderValue::from_static("Authorization, Accept-Language");
    headers.append(header::VARY, vary);
}
