//! The account of a request: a log line, metrics, a span.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use actix_web::dev::{ServiceRequest, ServiceResponse};
use metrics::{Counter, Histogram, counter, histogram};
use tracing::Span;

use super::context::RequestContext;

/// The span that everything of a request happens in; a caller's `traceparent` becomes its parent.
pub fn span(request: &ServiceRequest, context: &RequestContext) -> Span {
    let span = tracing::info_span!(
        "request",
        request_id = %context.request_id,
        http.request.method = %context.method,
        url.path = %context.path,
        http.response.status_code = tracing::field::Empty,
    );
    crate::telemetry::continue_trace(&span, request.headers());
    span
}

/// Writes the account when the answer is known. Paths are counted by their template: a path with ids in it would
/// make a time series for each record.
pub fn finished<B>(context: &RequestContext, response: &ServiceResponse<B>, duration: Duration) {
    let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".into());
    let status = response.status().as_u16();
    let stats = &context.stats;
    Span::current().record("http.response.status_code", status);
    count(known_method(&context.method), &route, status, |meters| {
        meters.requests.increment(1);
        meters.duration.record(duration.as_secs_f64());
        meters.database_time.record(stats.database_time().as_secs_f64());
        meters.queries.increment(u64::from(stats.queries()));
    });
    let actor = context.actor();
    tracing::info!(
        target: "fulcrum::request",
        request_id = %context.request_id,
        method = %context.method,
        route = %route,
        status,
        duration_ms = millis(duration),
        queries = stats.queries(),
        database_ms = millis(stats.database_time()),
        connection_ms = millis(stats.busy_time()),
        tenant = actor.map(|actor| tracing::field::display(actor.tenant_id)),
        principal = actor.and_then(|actor| actor.principal_id()).map(tracing::field::display),
        "request"
    );
}

/// What is counted of requests to one route with one outcome.
struct Meters {
    requests: Counter,
    duration: Histogram,
    database_time: Histogram,
    queries: Counter,
}

impl Meters {
    fn new(method: &'static str, route: &str, status: u16) -> Meters {
        let labels =
            [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
        Meters {
            requests: counter!("fulcrum_http_requests_total", &labels),
            duration: histogram!("fulcrum_http_request_duration_seconds", &labels[..2]),
            database_time: histogram!("fulcrum_database_time_seconds", &labels[1..2]),
            queries: counter!("fulcrum_database_queries_total", &labels[1..2]),
        }
    }
}

/// Gives the meters of a route to a closure. Each thread remembers them: to find them by their labels is more work than
/// to count. Routes are templates and methods known ones, so there are few.
fn count(method: &'static str, route: &str, status: u16, work: impl FnOnce(&Meters)) {
    type Outcomes = HashMap<(&'static str, u16), Meters>;
    thread_local! {
        static METERS: RefCell<HashMap<String, Outcomes>> = RefCell::default();
    }
    METERS.with_borrow_mut(|routes| {
        if !routes.contains_key(route) {
            routes.insert(route.to_owned(), HashMap::new());
        }
        if let Some(outcomes) = routes.get_mut(route) {
            work(outcomes.entry((method, status)).or_insert_with(|| Meters::new(method, route, status)));
        }
    });
}

/// Writes the account of a request that ended without an answer of its own: a handler panicked.
pub fn failed(context: &RequestContext, duration: Duration) {
    let labels = [
        ("method", known_method(&context.method).to_owned()),
        ("route", "failed".into()),
        ("status", "500".into()),
    ];
    counter!("fulcrum_http_requests_total", &labels).increment(1);
    tracing::info!(
        target: "fulcrum::request",
        request_id = %context.request_id,
        method = %context.method,
        path = %context.path,
        status = 500,
        duration_ms = millis(duration),
        "request"
    );
}

/// Methods by name only where they are known: a caller could make up any number of them.
fn known_method(method: &str) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.into_iter().find(|name| *name == method).unwrap_or("other")
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
