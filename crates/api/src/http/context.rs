//! What is known of a request besides its body: made by the gate, read by extractors and handlers.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;
use actix_web::http::header;
use chrono::{DateTime, Utc};
use fulcrum_domain::access::Actor;
use fulcrum_persistence::QueryStats;
use uuid::Uuid;

use super::catalog::Code;
use super::locale::Locale;
use super::problem::Problem;

/// The longest `If-None-Match` that is read.
pub const IF_NONE_MATCH_LONGEST: usize = 200;

/// Everything about a request that more than one place wants to know.
pub struct RequestContext {
    /// Taken from the caller or made here; named in logs, events and problems.
    pub request_id: String,
    /// The language that the caller asked for.
    pub locale: Option<Locale>,
    /// HTTP method.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Path with the query.
    pub uri: String,
    /// `Idempotency-Key`
    pub idempotency_key: Option<String>,
    /// `If-Match`
    pub if_match: Option<String>,
    /// `If-None-Match`
    pub if_none_match: Option<String>,
    /// `User-Agent`
    pub user_agent: Option<String>,
    /// Address that the request came from.
    pub address: Option<IpAddr>,
    /// SHA-256 of the body, once it is read.
    pub body_hash: OnceLock<[u8; 32]>,
    /// What the request cost the database.
    pub stats: Arc<QueryStats>,
    /// Who calls, once that is known.
    pub identity: OnceLock<Result<Arc<Actor>, Problem>>,
    /// When the caller's access token ends.
    pub valid_until: OnceLock<DateTime<Utc>>,
}

impl RequestContext {
    /// Reads the headers of a request.
    pub fn of(request: &ServiceRequest, trust_proxy: bool) -> Arc<RequestContext> {
        // What is not a text is not taken for absent: a key that can't be read has to be refused.
        // A list may come in several lines (RFC 9110, section 5.3).
        let lines = |name: header::HeaderName| {
            let lines: Vec<_> =
                request.headers().get_all(name).filter_map(|line| line.to_str().ok()).collect();
            (!lines.is_empty()).then(|| lines.join(", "))
        };
        let header = |name: header::HeaderName| {
            request.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let named = |name: &'static str| header(header::HeaderName::from_static(name));
        let peer = request.peer_addr().map(|address| address.ip());
        // Only the last entry of the last line is our proxy's; a caller can write any number before it.
        let forwarded = lines(header::HeaderName::from_static("x-forwarded-for")).filter(|_| trust_proxy);
        let address = forwarded.and_then(|list| list.rsplit(',').next()?.trim().parse().ok()).or(peer);
        Arc::new(RequestContext {
            request_id: named("x-request-id")
                .filter(|id| usable(id))
                .unwrap_or_else(|| Uuid::now_v7().to_string()),
            locale: header(header::ACCEPT_LANGUAGE).and_then(|tags| Locale::preferred(&tags)),
            method: request.method().to_string(),
            path: request.path().to_owned(),
            uri: request.uri().to_string(),
            idempotency_key: named("idempotency-key"),
            if_match: lines(header::IF_MATCH),
            if_none_match: header(header::IF_NONE_MATCH),
            user_agent: header(header::USER_AGENT).map(|agent| agent.chars().take(300).collect()),
            address,
            body_hash: OnceLock::new(),
            stats: Arc::default(),
            identity: OnceLock::new(),
            valid_until: OnceLock::new(),
        })
    }

    /// What is wrong with the headers that any operation may get.
    ///
    /// # Errors
    /// A problem that names the header.
    pub fn check_headers(&self) -> Result<(), Problem> {
        let wrong = |header: &str, reason: &str| {
            Err(Problem::new(Code::InvalidHeader).with("header", header).with("reason", reason))
        };
        if self.idempotency_key.as_ref().is_some_and(|key| {
            !(1..=255).contains(&key.len()) || !key.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        }) {
            return wrong("Idempotency-Key", "1 to 255 visible ASCII characters");
        }
        if self.if_none_match.as_ref().is_some_and(|tags| tags.len() > IF_NONE_MATCH_LONGEST) {
            return wrong("If-None-Match", "it is too long");
        }
        Ok(())
    }

    /// The context of a request that went through the gate.
    pub fn get(request: &impl HttpMessage) -> Option<Arc<RequestContext>> {
        request.extensions().get::<Arc<RequestContext>>().cloned()
    }

    /// The caller, if it is known who that is.
    pub fn actor(&self) -> Option<&Arc<Actor>> {
        self.identity.get().and_then(|identity| identity.as_ref().ok())
    }

    /// The language for this caller: the one asked for, else the one of the account.
    pub fn reader_locale(&self) -> Locale {
        self.locale
            .or_else(|| self.actor().and_then(|actor| Locale::of_tag(&actor.locale)))
            .unwrap_or(Locale::En)
    }
}

/// What the request ids of what automations do begin with.
pub(crate) const AUTOMATION: &str = "automation:";

/// A request id that may stand in a log line and in a header. By those of automations it is told what they caused.
fn usable(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && !id.starts_with(AUTOMATION)
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}
