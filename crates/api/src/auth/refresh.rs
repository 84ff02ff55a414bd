//! Refresh tokens: nothing of them is stored. A token is the session's name, a generation, and an authentication
//! code over both and the session's salt; so the successor of a token can be made again for a phone that lost it.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use fulcrum_persistence::access::sessions::Session;
use uuid::Uuid;

use super::keys::Keys;

const PREFIX: &str = "fr_";

/// So long the token before the newest one may be sent again.
const GRACE: TimeDelta = TimeDelta::seconds(10);

/// A token that somebody sent.
#[derive(Clone)]
pub struct Presented {
    /// The session's tenant.
    pub tenant_id: Uuid,
    /// The session.
    pub session_id: Uuid,
    generation: i32,
    code: Vec<u8>,
}

/// Where a token stands among those of its session.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// It is the newest one.
    Newest,
    /// It was replaced a moment ago.
    JustReplaced,
    /// It was replaced long ago: somebody has a copy.
    Stolen,
}

/// The newest token of a session.
pub fn token(keys: &Keys, session: &Session) -> String {
    let message = message(session, session.generation);
    let code = &keys.authenticate(b"refresh token", &message)[..24];
    let generation = session.generation.to_be_bytes();
    let bytes =
        [&session.id.as_bytes()[..], &session.tenant_id.as_bytes()[..], &generation[..], code].concat();
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

fn message(session: &Session, generation: i32) -> Vec<u8> {
    [
        &session.id.as_bytes()[..],
        &session.tenant_id.as_bytes()[..],
        &generation.to_be_bytes()[..],
        &session.salt[..],
    ]
    .concat()
}

impl Presented {
    /// Reads a token.
    pub fn parse(text: &str) -> Option<Presented> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        if bytes.len() != 60 {
            return None;
        }
        Some(Presented {
            session_id: Uuid::from_slice(&bytes[..16]).ok()?,
            tenant_id: Uuid::from_slice(&bytes[16..32]).ok()?,
            generation: i32::from_be_bytes(bytes[32..36].try_into().ok()?),
            code: bytes[36..].to_vec(),
        })
    }

    /// Whether the token was made by us, for this session.
    pub fn is_authentic(&self, keys: &Keys, session: &Session) -> bool {
        keys.is_authentic(b"refresh token", &message(session, self.generation), &self.code)
    }

    /// Where the token stands.
    pub fn place(&self, session: &Session, now: DateTime<Utc>) -> Place {
        if self.generation == session.generation {
            Place::Newest
        } else if self.generation == session.generation - 1 && now - session.rotated_at <= GRACE {
            Place::JustReplaced
        } else {
            Place::Stolen
        }
    }
}
