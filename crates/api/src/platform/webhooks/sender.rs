//! Sending to webhooks: over connections that lead where the installation allows, without patience for anybody.

use std::time::{Duration, Instant};

use ipnet::IpNet;
use reqwest::{Client, Url};

use super::addresses::Allowed;
use super::message::Signed;
use crate::http::catalog::FieldCode;
use crate::http::problem::{FieldError, Problem};

/// How long a receiver has to take a message and to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long it has for connecting.
const CONNECTING: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read and kept.
const LONGEST_ANSWER: usize = 1000;

/// Sends messages.
pub struct Sender {
    encrypted: Lane,
    plain: Lane,
}

struct Lane {
    client: Client,
    allowed: Allowed,
}

/// What a receiver said, or why it said nothing.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) status: Option<u16>,
    pub(super) error: Option<String>,
    /// The beginning of the answer.
    pub(super) response: Option<String>,
    pub(super) duration: Duration,
}

impl Outcome {
    pub(super) fn is_success(&self) -> bool {
        self.error.is_none() && self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

impl Sender {
    /// A sender that may go to these networks beside the public internet.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn new(networks: &[IpNet]) -> Result<Sender, String> {
        let lane = |encrypted| {
            let allowed = Allowed::by(networks, encrypted);
            let client = Client::builder()
                .user_agent(concat!("Fulcrum/", env!("CARGO_PKG_VERSION"), " (webhooks)"))
                .dns_resolver(allowed.clone())
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .https_only(encrypted)
                .connect_timeout(CONNECTING)
                .timeout(PATIENCE)
                .pool_max_idle_per_host(2)
                .build()
                .map_err(|error| error.to_string())?;
            Ok::<_, String>(Lane { client, allowed })
        };
        Ok(Sender { encrypted: lane(true)?, plain: lane(false)? })
    }

    /// Looks at an address before it is saved.
    ///
    /// # Errors
    /// 422 at `/url`.
    pub async fn examine(&self, url: &str) -> Result<(), Problem> {
        let refused = |error: FieldError| Problem::invalid(vec![error]);
        let Ok(url) = Url::parse(url) else {
            return Err(refused(FieldError::new("/url", FieldCode::UrlInvalid)));
        };
        self.lane(&url).allowed.examine(&url).await.map_err(refused)
    }

    fn lane(&self, url: &Url) -> &Lane {
        if url.scheme() == "https" { &self.encrypted } else { &self.plain }
    }

    /// Sends a message once.
    pub(super) async fn send(&self, url: &str, message: Signed) -> Outcome {
        let began = Instant::now();
        let mut outcome = match self.try_to(url, message).await {
            Ok(outcome) => outcome,
            Err(error) => {
                Outcome { status: None, error: Some(error), response: None, duration: Duration::ZERO }
            }
        };
        outcome.duration = began.elapsed();
        outcome
    }

    async fn try_to(&self, url: &str, message: Signed) -> Result<Outcome, String> {
        let url = Url::parse(url).map_err(|error| error.to_string())?;
        let lane = self.lane(&url);
        // Only names are looked up.
        let address = match url.host() {
            Some(url::Host::Ipv4(address)) => Some(address.into()),
            Some(url::Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        address.map_or(Ok(()), |address| lane.allowed.check(address)).map_err(|error| error.to_string())?;
        let mut request = lane.client.post(url).body(message.body);
        for (name, value) in message.headers {
            request = request.header(name, value);
        }
        let mut response = request.send().await.map_err(|error| said(&error))?;
        let status = response.status();
        let mut answer = Vec::new();
        let mut error = None;
        while answer.len() < LONGEST_ANSWER {
            match response.chunk().await {
                Ok(Some(chunk)) => answer.extend_from_slice(&chunk),
                Ok(None) => break,
                // Whoever says 200 and doesn't finish has taken the message.
                Err(broken) if !status.is_success() => {
                    error = Some(said(&broken));
                    break;
                }
                Err(_) => break,
            }
        }
        answer.truncate(LONGEST_ANSWER);
        if status.is_redirection() {
            error = Some("it redirects, and redirects are not followed".into());
        }
        let text = String::from_utf8_lossy(&answer).replace('\0', "\u{fffd}");
        Ok(Outcome {
            status: Some(status.as_u16()),
            error,
            response: (!text.is_empty()).then_some(text),
            duration: Duration::ZERO,
        })
    }
}

/// The causes, without the address: that may hold a secret.
fn said(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".into();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if std::ptr::addr_eq(cause, error) { "it could not be sent".into() } else { cause.to_string() }
}
