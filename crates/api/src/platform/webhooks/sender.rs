//! Sending to webhooks: over connections that lead where the installation allows, without patience for anybody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use ipnet::IpNet;
use reqwest::{Client, Url};
use tokio::runtime::Builder;
use tokio::sync::mpsc;

use super::addresses::Allowed;
use super::message::Signed;
use crate::http::catalog::FieldCode;
use crate::http::problem::{FieldError, Problem};

/// How long it has for connecting.
const CONNECTING: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read and kept.
const LONGEST_ANSWER: usize = 1000;

/// How much longer than its patience a thread that sends is waited for: a receiver that answers without end can keep it from
/// looking at the clock.
const GRACE: Duration = Duration::from_secs(1);
const TOO_LONG: &str = "it took too long";

/// Sends messages.
pub struct Sender {
    lanes: Arc<Lanes>,
    patience: Duration,
}

struct Lanes {
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
    /// It wasn't sent.
    pub(super) fn without_sending(why: &str) -> Outcome {
        Outcome { status: None, error: Some(why.into()), response: None, duration: Duration::ZERO }
    }

    pub(super) fn is_success(&self) -> bool {
        self.error.is_none() && self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

impl Sender {
    /// A sender that may go to these networks beside the public internet; receivers have so long to take a message and to answer.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn new(networks: &[IpNet], patience: Duration) -> Result<Sender, String> {
        let lane = |encrypted| {
            let allowed = Allowed::by(networks, encrypted);
            let client = Client::builder()
                .user_agent(concat!("Fulcrum/", env!("CARGO_PKG_VERSION"), " (webhooks)"))
                .dns_resolver(allowed.clone())
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .https_only(encrypted)
                .connect_timeout(CONNECTING.min(patience))
                .timeout(patience)
                // A connection ends with the thread that opened it: the next round has no use for it.
                .pool_max_idle_per_host(0)
                .http1_only()
                .build()
                .map_err(|error| error.to_string())?;
            Ok::<_, String>(Lane { client, allowed })
        };
        Ok(Sender { lanes: Arc::new(Lanes { encrypted: lane(true)?, plain: lane(false)? }), patience })
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
        self.lanes.of(&url).allowed.examine(&url).await.map_err(refused)
    }

    /// Sends messages to one address, each once, all at the same time; returns what came of each. On a thread of their own: a
    /// receiver can keep one busy for as long as it may take, and it shall be nobody else's. What that thread hasn't told in time
    /// took too long, whether the thread has noticed or not.
    pub(super) async fn send_all(&self, url: &str, messages: Vec<Signed>) -> Vec<Outcome> {
        let (lanes, url, began) = (self.lanes.clone(), url.to_owned(), Instant::now());
        let mut outcomes = vec![None; messages.len()];
        let (tell, mut told) = mpsc::unbounded_channel();
        let sending = std::thread::Builder::new().name("webhook".into()).spawn(move || {
            // Looks at the clock after every step: one who answers without end keeps each step busy for a while.
            let runtime = Builder::new_current_thread().enable_all().event_interval(1).build()?;
            let (lanes, url, tell) = (&lanes, &url, &tell);
            let send = |(place, message)| async move {
                // Who waited for it may have gone.
                let _ = tell.send((place, lanes.send(url, message).await));
            };
            runtime.block_on(join_all(messages.into_iter().enumerate().map(send)));
            Ok::<_, std::io::Error>(())
        });
        let why = match sending {
            Err(error) => error.to_string(),
            Ok(_) => {
                let listen = async {
                    while let Some((place, outcome)) = told.recv().await {
                        outcomes[place] = Some(outcome);
                    }
                };
                let in_time = tokio::time::timeout(self.patience + GRACE, listen).await.is_ok();
                if in_time { "it broke off".into() } else { TOO_LONG.into() }
            }
        };
        let silent = || Outcome { duration: began.elapsed(), ..Outcome::without_sending(&why) };
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(silent)).collect()
    }
}

impl Lanes {
    fn of(&self, url: &Url) -> &Lane {
        if url.scheme() == "https" { &self.encrypted } else { &self.plain }
    }

    async fn send(&self, url: &str, message: Signed) -> Outcome {
        let began = Instant::now();
        let outcome = self.try_to(url, message).await;
        let outcome = outcome.unwrap_or_else(|error| Outcome::without_sending(&error));
        Outcome { duration: began.elapsed(), ..outcome }
    }

    async fn try_to(&self, url: &str, message: Signed) -> Result<Outcome, String> {
        let url = Url::parse(url).map_err(|error| error.to_string())?;
        let lane = self.of(&url);
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
        return TOO_LONG.into();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if std::ptr::addr_eq(cause, error) { "it could not be sent".into() } else { cause.to_string() }
}
