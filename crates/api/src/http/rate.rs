//! Rate limits, per caller where it is known who calls, else per address.

use std::net::IpAddr;
use std::time::Duration;

use actix_extensible_rate_limit::backend::{Backend, SimpleInput, SimpleOutput};
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::rt::time::Instant;

use super::catalog::Code;
use super::context::RequestContext;
use super::problem::Problem;
use crate::App;

const WINDOW: Duration = Duration::from_secs(60);

/// What is left of the caller's share.
pub struct Rate {
    allowed: bool,
    state: Option<SimpleOutput>,
}

impl Rate {
    fn seconds_left(state: &SimpleOutput) -> u64 {
        state.reset.saturating_duration_since(Instant::now()).as_secs() + 1
    }

    /// The problem of a caller that has used up its share.
    pub fn problem(&self) -> Option<Problem> {
        let state = self.state.as_ref().filter(|_| !self.allowed)?;
        let seconds = Self::seconds_left(state);
        Some(Problem::new(Code::RateLimited).with("seconds", seconds).retry_after(seconds))
    }

    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10).
    pub fn write_headers(&self, headers: &mut HeaderMap) {
        let Some(state) = &self.state else { return };
        let policy = format!("\"caller\";q={};w={}", state.limit, WINDOW.as_secs());
        let rest = format!("\"caller\";r={};t={}", state.remaining, Self::seconds_left(state));
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", rest)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

/// Counts a request. Health and documentation are free.
pub async fn take(app: &App, request: &ServiceRequest, context: &RequestContext) -> Rate {
    if !request.path().starts_with("/v1/") {
        return Rate { allowed: true, state: None };
    }
    match context.actor().and_then(|actor| actor.principal_id()) {
        Some(id) => count(app, id.to_string(), app.settings.rate_limit_per_minute).await,
        None => take_anonymous(app, context).await,
    }
}

/// Counts towards the share of an address. Many people can stand behind one, but none of them is signed in yet.
///
pub async fn take_anonymous(app: &App, context: &RequestContext) -> Rate {
    count(app, network_of(context.address), app.settings.anonymous_rate_limit_per_minute).await
}

/// What counts as one address: with IPv6 the /64, which is what one subscriber has.
pub fn network_of(address: Option<IpAddr>) -> String {
    match address {
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Some(address) => address.to_string(),
        None => "?".into(),
    }
}

async fn count(app: &App, key: String, max_requests: u64) -> Rate {
    match app.limiter.request(SimpleInput { interval: WINDOW, max_requests, key }).await {
        Ok((decision, state, _)) => Rate { allowed: decision.is_allowed(), state: Some(state) },
    }
}
