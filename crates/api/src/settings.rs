//! Settings: flags, then the environment, then an optional TOML file, then these defaults.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, FromArgMatches, ValueEnum};
use ipnet::IpNet;
use url::Url;

use crate::platform::backups::Plan;

/// Which database.
#[derive(Args, Clone, Debug)]
pub struct DatabaseSettings {
    /// PostgreSQL 15 or newer, as a libpq URL. Without it a private PostgreSQL runs in the data folder.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_parser = database_url)]
    pub database_url: Option<String>,
    /// Folder for the private PostgreSQL, for the installation's secret and for files.
    #[arg(long, env = "FULCRUM_DATA", default_value_os_t = fulcrum_persistence::local_postgres::default_data_dir())]
    pub data: PathBuf,
    /// Folder with PostgreSQL's programs (initdb, postgres), when they aren't found by themselves.
    #[arg(long, env = "FULCRUM_PG_BIN")]
    pub pg_bin: Option<PathBuf>,
    /// Connections to the database, and so the database work that is done at one time; by default four for each core of
    /// this machine, 8 to 32.
    #[arg(long, env = "FULCRUM_DATABASE_CONNECTIONS", default_value_t = connections(), value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub database_connections: u32,
    /// Milliseconds that a request waits for the database before it is answered with 503.
    #[arg(long, env = "FULCRUM_DATABASE_WAIT_MS", default_value_t = 3000, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub database_wait_ms: u64,
    /// Milliseconds that one statement may run.
    #[arg(long, env = "FULCRUM_STATEMENT_TIMEOUT_MS", default_value_t = 15_000, value_parser = clap::value_parser!(u64).range(100..=600_000))]
    pub statement_timeout_ms: u64,
}

/// More than the processors can serve only makes requests wait for each other inside of the database.
fn connections() -> u32 {
    let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get() as u32);
    (cores * 4).clamp(8, 32)
}

fn database_url(text: &str) -> Result<String, String> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        Ok(text.to_owned())
    } else {
        Err("expected postgres://user:password@host:5432/database".into())
    }
}

/// How logs and traces go out.
#[derive(Args, Clone, Debug)]
pub struct TelemetrySettings {
    /// What is logged: a level, or levels by target such as `info,fulcrum::request=warn`.
    #[arg(long, env = "FULCRUM_LOG", default_value = "info")]
    pub log: String,
    /// How log lines look.
    #[arg(long, env = "FULCRUM_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,
    /// Send traces to this OpenTelemetry collector (OTLP over HTTP), such as http://127.0.0.1:4318
    #[arg(long, env = "FULCRUM_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For reading.
    Text,
}

/// The installation's secret.
#[derive(Args, Clone, Debug)]
pub struct SecretSettings {
    /// 32 random bytes in base64 (`openssl rand -base64 32`): everything secret is derived from it. All servers of
    /// an installation need the same one. Without it one is made and kept in the data folder. Former ones may stand behind it,
    /// separated by commas: what was made with them is still understood.
    #[arg(long, env = "FULCRUM_SECRET_KEY", hide_env_values = true)]
    pub secret_key: Option<String>,
}

/// What lies outside of process and database.
#[derive(Args, Clone, Debug)]
pub struct OutsideSettings {
    /// Where the content of files lies: s3://bucket/folder, with the usual AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION
    /// and AWS_ENDPOINT, or file:///folder; by default the folder `files` in the data folder. All servers need the same one.
    #[arg(long, env = "FULCRUM_FILE_STORE")]
    pub file_store: Option<Url>,
    /// Bytes that a file may have.
    #[arg(long, env = "FULCRUM_FILE_LIMIT", default_value_t = 100 * 1024 * 1024)]
    pub file_limit: u64,
    /// Bytes that a spreadsheet may have (csv, tsv, xlsx): they are brought in row by row.
    #[arg(long, env = "FULCRUM_SPREADSHEET_LIMIT", default_value_t = 500 * 1024 * 1024)]
    pub spreadsheet_limit: u64,
    /// Endings of files that are taken, such as pdf,docx, separated by commas; by default documents, pictures, sound, film and
    /// archives of the usual kinds, and nothing that a computer would run.
    #[arg(long, env = "FULCRUM_FILE_TYPES", value_delimiter = ',')]
    pub file_types: Vec<String>,
    /// Networks that webhooks may go to beside the public internet, such as 10.20.0.0/16, separated by commas; http is allowed
    /// there, too.
    #[arg(long, env = "FULCRUM_WEBHOOK_NETWORKS", value_delimiter = ',')]
    pub webhook_networks: Vec<IpNet>,
    /// Seconds that a receiver has to take a message and to answer.
    #[arg(long, env = "FULCRUM_WEBHOOK_TIMEOUT_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=30))]
    pub webhook_timeout_seconds: u64,
    /// Who takes mail on.
    #[command(flatten)]
    pub mail: MailSettings,
}

/// Who takes mail on. Nothing is mailed until both are said.
#[derive(Args, Clone, Debug, Default)]
pub struct MailSettings {
    /// The server that takes mail on: smtp://host:port (encrypted where it offers that), smtp://user:password@host:587 (always
    /// encrypted; with ?tls=none never), or smtps://user:password@host:465. Those who do jobs need it.
    #[arg(long, env = "FULCRUM_SMTP_URL", hide_env_values = true, value_parser = hidden)]
    pub smtp_url: Option<Hidden>,
    /// In whose name mail is sent, such as crm@example.com, or 'Fulcrum <crm@example.com>'.
    #[arg(long, env = "FULCRUM_MAIL_FROM")]
    pub mail_from: Option<String>,
}

/// A text that holds a secret: it is in no log and no error.
#[derive(Clone)]
pub struct Hidden(String);

impl Hidden {
    /// The text.
    pub fn revealed(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Hidden {
    fn from(text: &str) -> Hidden {
        Hidden(text.to_owned())
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// Takes anything: the error of a parser would show what it was given.
fn hidden(text: &str) -> Result<Hidden, std::convert::Infallible> {
    Ok(Hidden::from(text))
}

/// What is kept, and how long.
#[derive(Args, Clone, Debug)]
pub struct KeepingSettings {
    /// Months that events are kept; for ever when it isn't said.
    #[arg(long, env = "FULCRUM_EVENT_MONTHS", value_parser = clap::value_parser!(u32).range(3..=1200))]
    pub event_months: Option<u32>,
    /// Folder for the backups of every night; by default `backups` in the data folder with the private PostgreSQL, and none with
    /// another one, which somebody takes care of.
    #[arg(long, env = "FULCRUM_BACKUP_FOLDER")]
    pub backup_folder: Option<PathBuf>,
    /// Backups that are kept of those; 0: none are made.
    #[arg(long, env = "FULCRUM_BACKUPS_KEPT", default_value_t = 7, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub backups_kept: u16,
}

impl KeepingSettings {
    /// How backups are made every night, if they are.
    pub fn plan(&self, database: &DatabaseSettings) -> Option<Plan> {
        let beside = || database.database_url.is_none().then(|| database.data.join("backups"));
        let folder = self.backup_folder.clone().or_else(beside)?;
        let keep = usize::from(self.backups_kept);
        (keep > 0).then(|| Plan { folder, keep, pg_bin: database.pg_bin.clone() })
    }
}

/// How the server behaves.
#[derive(Args, Clone, Debug)]
pub struct ServerSettings {
    /// Address of the API.
    #[arg(long, env = "FULCRUM_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Address of the Prometheus metrics.
    #[arg(long, env = "FULCRUM_METRICS_LISTEN", default_value = "127.0.0.1:9464")]
    pub metrics_listen: SocketAddr,
    /// Threads that take requests; by default one for each core.
    #[arg(long, env = "FULCRUM_HTTP_THREADS", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub http_threads: Option<u16>,
    /// Origins of frontends that browsers may call from, separated by commas; `*` for any.
    #[arg(long, env = "FULCRUM_CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,
    /// Requests a minute for each signed-in caller.
    #[arg(long, env = "FULCRUM_RATE_LIMIT_PER_MINUTE", default_value_t = 6000)]
    pub rate_limit_per_minute: u64,
    /// Requests a minute for each address that isn't signed in.
    #[arg(long, env = "FULCRUM_ANONYMOUS_RATE_LIMIT_PER_MINUTE", default_value_t = 300)]
    pub anonymous_rate_limit_per_minute: u64,
    /// Bytes that a body may have.
    #[arg(long, env = "FULCRUM_BODY_LIMIT", default_value_t = 2 * 1024 * 1024)]
    pub body_limit: usize,
    /// Minutes that an access token is valid.
    #[arg(long, env = "FULCRUM_ACCESS_TOKEN_MINUTES", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..=60))]
    pub access_token_minutes: u16,
    /// Days after which a session that isn't used ends.
    #[arg(long, env = "FULCRUM_SESSION_DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=365))]
    pub session_days: u16,
    /// Believe the last entry of X-Forwarded-For: only behind one proxy that appends to it.
    #[arg(long, env = "FULCRUM_TRUST_PROXY", value_parser = clap::builder::BoolishValueParser::new())]
    pub trust_proxy: bool,
    /// Send Strict-Transport-Security: only where TLS ends in front of this server.
    #[arg(long, env = "FULCRUM_HSTS", value_parser = clap::builder::BoolishValueParser::new())]
    pub hsts: bool,
    /// Seconds that requests in flight have to end when the server is stopped.
    #[arg(long, env = "FULCRUM_SHUTDOWN_SECONDS", default_value_t = 20)]
    pub shutdown_seconds: u64,
    /// Seconds that a verified API key is believed without asking the database again.
    #[arg(id = "api_key_memory_seconds", long = "api-key-memory-seconds", env = "FULCRUM_API_KEY_MEMORY_SECONDS", default_value = "30", value_parser = seconds)]
    pub api_key_memory: Duration,
}

impl Default for ServerSettings {
    /// What holds when nothing is said, neither by flags nor by the environment.
    fn default() -> ServerSettings {
        let command = ServerSettings::augment_args(clap::Command::new("fulcrum"));
        let matches = command.get_matches_from(["fulcrum"]);
        ServerSettings::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds) if seconds <= 900 => Ok(Duration::from_secs(seconds)),
        _ => Err("expected a number of seconds from 0 to 900".into()),
    }
}
