//! The installation in one process: everything that requests share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_extensible_rate_limit::backend::memory::InMemoryBackend;
use chrono::{DateTime, Utc};
use fulcrum_domain::access::Actor;
use fulcrum_persistence::Db;
use moka::sync::Cache;

use crate::auth::keys::Keys;
use crate::auth::tokens::Verified;
use crate::http::contract::Contract;
use crate::platform::backups::Plan;
use crate::platform::changes::Streams;
use crate::platform::files::FileStore;
use crate::platform::jobs::Pulse;
use crate::platform::mail::Mailer;
use crate::platform::webhooks::Sender;
use crate::settings::{DatabaseSettings, KeepingSettings, OutsideSettings, ServerSettings};

/// What requests share.
pub struct App {
    /// The door to the database.
    pub db: Db,
    /// Keys for tokens, cursors and stored secrets.
    pub keys: Keys,
    /// How this process was told to behave.
    pub settings: ServerSettings,
    /// The published contract, which also judges what comes in.
    pub contract: Arc<Contract>,
    /// Access tokens that were verified, by fingerprint.
    pub verified: Cache<[u8; 32], Verified>,
    /// API keys that were verified, by fingerprint; when, and when they end.
    pub keyed: Cache<[u8; 32], KnownKey>,
    /// Streams of changes that are open.
    pub streams: Arc<Streams>,
    /// Whether the worker of this process lives.
    pub pulse: Pulse,
    /// Sends to webhooks.
    pub sender: Sender,
    /// Sends mail, if anybody takes it on.
    pub mail: Option<Mailer>,
    /// Where the content of files lies.
    pub files: FileStore,
    /// How backups are made every night, if they are.
    pub backups: Option<Plan>,
    /// Months that events are kept; for ever when there is no number.
    pub event_months: Option<u32>,
    /// Requests of the current minute, per caller.
    pub limiter: InMemoryBackend,
}

/// What lies outside of process and database.
pub struct Outside {
    /// Sends to webhooks.
    pub sender: Sender,
    /// Sends mail, if anybody takes it on.
    pub mail: Option<Mailer>,
    /// Where the content of files lies.
    pub files: FileStore,
    /// How backups are made every night, if they are.
    pub backups: Option<Plan>,
    /// Months that events are kept; for ever when there is no number.
    pub event_months: Option<u32>,
}

impl Outside {
    /// As the settings say.
    ///
    /// # Errors
    /// A sentence for a person.
    pub fn open(
        settings: &OutsideSettings,
        keeping: &KeepingSettings,
        database: &DatabaseSettings,
    ) -> Result<Outside, String> {
        Ok(Outside {
            sender: Sender::new(
                &settings.webhook_networks,
                Duration::from_secs(settings.webhook_timeout_seconds),
            )?,
            mail: Mailer::open(&settings.mail)?,
            files: FileStore::open(settings, &database.data)?,
            backups: keeping.plan(database),
            event_months: keeping.event_months,
        })
    }
}

/// An API key that was verified.
#[derive(Clone)]
pub struct KnownKey {
    /// Who the key acts for.
    pub actor: Arc<Actor>,
    /// When it was verified.
    pub since: Instant,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

impl App {
    /// Needs a running async runtime, for the limiter's tidying up.
    pub fn new(
        db: Db,
        keys: Keys,
        settings: ServerSettings,
        contract: Arc<Contract>,
        outside: Outside,
    ) -> App {
        App {
            streams: Streams::new(&db),
            db,
            keys,
            contract,
            verified: Cache::builder()
                .max_capacity(50_000)
                .time_to_live(Duration::from_secs(60 * settings.access_token_minutes as u64))
                .build(),
            keyed: Cache::builder().max_capacity(10_000).time_to_live(settings.api_key_memory).build(),
            pulse: Pulse::default(),
            sender: outside.sender,
            mail: outside.mail,
            files: outside.files,
            backups: outside.backups,
            event_months: outside.event_months,
            limiter: InMemoryBackend::builder().build(),
            settings,
        }
    }
}
