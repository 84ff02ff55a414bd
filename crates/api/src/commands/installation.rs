//! The installation: its database, its secret, its tenants.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fulcrum_domain::access::{Actor, BUILT_IN_ROLES};
use fulcrum_persistence::access::roles::{self, Role};
use fulcrum_persistence::access::tenants::{self, Tenant};
use fulcrum_persistence::local_postgres::{LocalPostgres, Settings as LocalSettings};
use fulcrum_persistence::{Clock, Db, DbSettings, StoreError, Tx, dumps, migrations};
use uuid::Uuid;

use crate::auth::keys::{Keys, random};
use crate::http::catalog::FieldCode;
use crate::http::problem::Problem;
use crate::settings::{DatabaseSettings, SecretSettings};

/// The database that the settings name, or a private one that runs as long as this lives.
pub struct Database {
    /// Its libpq URL.
    pub url: String,
    local: Option<Private>,
    settings: DatabaseSettings,
}

/// A private PostgreSQL, and how to start it again.
struct Private {
    server: Arc<Mutex<Slot>>,
    settings: LocalSettings,
    place: String,
}

/// The private server, which may have ended by itself; or nothing any more, because we are ending.
enum Slot {
    Wanted(Option<LocalPostgres>),
    Done,
}

impl Drop for Private {
    fn drop(&mut self) {
        *held(&self.server) = Slot::Done;
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often it is looked whether the private PostgreSQL still runs.
const LOOK: Duration = Duration::from_secs(1);

/// Name of our database in the private PostgreSQL.
const NAME: &str = "fulcrum";

impl Database {
    /// Starts the private PostgreSQL where no database is named.
    ///
    /// # Errors
    /// A sentence for a person.
    pub fn open(settings: &DatabaseSettings) -> Result<Database, String> {
        if let Some(url) = &settings.database_url {
            return Ok(Database { url: url.clone(), local: None, settings: settings.clone() });
        }
        let mut local = LocalSettings::new(&settings.data);
        local.bin_dir.clone_from(&settings.pg_bin);
        local.max_connections = settings.database_connections + 20;
        let server = LocalPostgres::start(&local).map_err(|error| error.to_string())?;
        migrations::ensure_database(&server.url("postgres"), NAME).map_err(|error| error.to_string())?;
        let place = format!("private PostgreSQL {} in {}", server.version(), server.data_dir().display());
        let url = server.url(NAME);
        let private =
            Private { server: Arc::new(Mutex::new(Slot::Wanted(Some(server)))), settings: local, place };
        Ok(Database { url, local: Some(private), settings: settings.clone() })
    }

    /// The same, beside a server that runs: its private PostgreSQL is used.
    ///
    /// # Errors
    /// A sentence for a person.
    pub fn open_beside(settings: &DatabaseSettings) -> Result<Database, String> {
        if settings.database_url.is_none()
            && let Some(url) = LocalPostgres::url_of_running(&settings.data, NAME)
            && fulcrum_persistence::platform::maintenance::server(&url).is_ok()
        {
            return Ok(Database { url, local: None, settings: settings.clone() });
        }
        Database::open(settings)
    }

    /// Starts the private PostgreSQL again whenever it ends by itself, as long as this lives. Requests are answered
    /// with 503 in the meantime.
    pub fn watch(&self) {
        let Some(private) = &self.local else { return };
        let (server, settings) = (Arc::downgrade(&private.server), private.settings.clone());
        std::thread::spawn(move || {
            while let Some(server) = server.upgrade() {
                let mut slot = held(&server);
                let Slot::Wanted(server) = &mut *slot else { return };
                if !server.as_ref().is_some_and(LocalPostgres::is_running) {
                    tracing::error!("the private PostgreSQL has ended by itself; it is started again");
                    // Lets go of the folder first.
                    *server = None;
                    match LocalPostgres::start(&settings) {
                        Ok(again) => *server = Some(again),
                        Err(error) => tracing::error!(%error, "it could not be started; it is tried again"),
                    }
                }
                drop(slot);
                std::thread::sleep(LOOK);
            }
        });
    }

    /// Brings the database up to this program; returns what was applied.
    ///
    /// # Errors
    /// A sentence for a person.
    pub fn migrate(&self) -> Result<Vec<String>, String> {
        if dumps::is_unfinished(&self.url).map_err(|error| error.to_string())? {
            return Err(
                "a backup was being brought back when that broke off: run `fulcrum restore` again".into()
            );
        }
        let applied = migrations::apply(&self.url).map_err(|error| error.to_string())?;
        let everything = crate::access::grants::words(&fulcrum_domain::access::Permission::all());
        fulcrum_persistence::access::roles::complete_administrators(&self.url, &everything)
            .map_err(|error| error.to_string())?;
        fulcrum_persistence::platform::maintenance::run(&self.url, Clock::system().now(), None)
            .map_err(|error| error.to_string())?;
        Ok(applied)
    }

    /// The door to it.
    pub fn door(&self, clock: Clock) -> Db {
        let settings = DbSettings {
            url: self.url.clone(),
            connections: self.settings.database_connections,
            wait: Duration::from_millis(self.settings.database_wait_ms),
            statement_timeout: Duration::from_millis(self.settings.statement_timeout_ms),
        };
        Db::new(settings, clock)
    }

    /// Where it is, for people.
    pub fn place(&self) -> String {
        match &self.local {
            Some(private) => private.place.clone(),
            None => "the PostgreSQL that DATABASE_URL names".into(),
        }
    }
}

/// The installation's keys: from the settings, else from a file in the data folder that is made on first use.
///
/// # Errors
/// A sentence for a person.
pub fn keys(secret: &SecretSettings, data: &Path) -> Result<Keys, String> {
    let (text, origin) = match &secret.secret_key {
        Some(text) => (text.clone(), "--secret-key".to_owned()),
        None => {
            let path = secret_file(data);
            let text = kept_secret(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            (text, path.display().to_string())
        }
    };
    read_keys(&text).ok_or_else(|| {
        format!("{origin}: expected 32 bytes in base64 (openssl rand -base64 32), former ones behind it")
    })
}

/// The newest secret, and former ones behind it, separated by commas or in lines of their own.
fn read_keys(text: &str) -> Option<Keys> {
    let texts = secrets_of(text);
    let secrets: Option<Vec<[u8; 32]>> =
        texts.map(|text| BASE64_STANDARD.decode(text).ok()?.try_into().ok()).collect();
    let mut secrets = secrets?.into_iter();
    Some(Keys::new(secrets.next()?).with_former(secrets))
}

fn secrets_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter == ',' || letter.is_whitespace()).filter(|text| !text.is_empty())
}

fn secret_file(data: &Path) -> PathBuf {
    data.join("secret.key")
}

fn kept_secret(path: &Path) -> std::io::Result<String> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let text = BASE64_STANDARD.encode(random::<32>());
            write_secret(path, &text)?;
            Ok(text)
        }
        read => read,
    }
}

/// For nobody's eyes but ours. One that is there is left alone.
fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The secrets of the data folder with a new one before them, which isn't kept yet.
pub struct Renewed {
    /// The keys with it.
    pub keys: Keys,
    text: String,
    path: PathBuf,
}

/// Thinks of a new secret.
///
/// # Errors
/// A sentence for a person.
pub fn with_new_secret(data: &Path) -> Result<Renewed, String> {
    let path = secret_file(data);
    let kept = kept_secret(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let text = format!("{}\n{}\n", BASE64_STANDARD.encode(random::<32>()), kept.trim());
    let keys = read_keys(&text).ok_or_else(|| format!("{}: it can't be read", path.display()))?;
    Ok(Renewed { keys, text, path })
}

impl Renewed {
    /// Keeps it.
    ///
    /// # Errors
    /// A sentence for a person.
    pub fn keep(&self) -> Result<(), String> {
        replace_secret(&self.path, &self.text)
    }
}

/// Leaves of the secrets that the data folder keeps the newest alone.
///
/// # Errors
/// A sentence for a person.
pub fn forget_former_secrets(data: &Path) -> Result<(), String> {
    let path = secret_file(data);
    let kept = kept_secret(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    replace_secret(&path, secrets_of(&kept).next().unwrap_or_default())
}

/// Never half written.
fn replace_secret(path: &Path, text: &str) -> Result<(), String> {
    let beside = path.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    let written = write_secret(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

/// What a new company needs to be told.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct NewTenant {
    pub slug: String,
    pub name: String,
    pub time_zone: String,
    pub currency: String,
    pub region: String,
    pub locale: String,
}

/// Creates a company with its built-in roles and a first department.
///
/// # Errors
/// 409 when the slug is taken, 422 for what can't be right.
pub fn create_tenant(tx: &mut Tx, new: &NewTenant) -> Result<Tenant, Problem> {
    if new.time_zone.parse::<chrono_tz::Tz>().is_err() {
        return Err(Problem::field("/time_zone", FieldCode::TimeZoneUnknown));
    }
    if iso_currency::Currency::from_code(&new.currency).is_none() {
        let error = crate::http::problem::FieldError::new("/currency", FieldCode::UnknownCurrency);
        return Err(Problem::invalid(vec![error.with("currency", new.currency.clone())]));
    }
    let tenant = Tenant {
        id: Uuid::now_v7(),
        slug: new.slug.clone(),
        name: new.name.clone(),
        time_zone: new.time_zone.clone(),
        currency: new.currency.clone(),
        region: new.region.clone(),
        locale: new.locale.clone(),
        created_at: tx.now,
        // A working day and a night.
        task_escalation_minutes: 1440,
        version: 1,
        updated_at: tx.now,
    };
    tenants::insert(tx, &tenant)?;
    let chinese = new.locale.starts_with("zh");
    let built_in: Vec<Role> = BUILT_IN_ROLES
        .iter()
        .map(|role| Role {
            tenant_id: tenant.id,
            id: Uuid::now_v7(),
            key: role.key.into(),
            name: if chinese { role.name_zh.into() } else { role.name.into() },
            permissions: crate::access::grants::words(&role.permissions()),
            data_scope: role.data_scope.to_string(),
            built_in: true,
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
            deleted_at: None,
        })
        .collect();
    roles::insert(tx, &built_in)?;
    Ok(tenant)
}

/// The installation as an actor in a tenant.
pub fn system_in(tenant: &Tenant) -> Arc<Actor> {
    let zone = tenant.time_zone.parse().unwrap_or(chrono_tz::Tz::UTC);
    Arc::new(Actor::system(tenant.id, zone, &tenant.region))
}

/// The installation as an actor before there is a tenant.
pub fn system() -> Arc<Actor> {
    Arc::new(Actor::system(Uuid::nil(), chrono_tz::Tz::UTC, "CN"))
}

/// The company with a slug.
///
/// # Errors
/// A sentence for a person.
pub fn tenant(db: &Db, slug: &str) -> Result<Tenant, String> {
    let slug = slug.to_owned();
    db.write_now(&system(), |tx| tenants::find_by_slug(tx, Some(&slug)))
        .map_err(|error: StoreError| error.to_string())?
        .ok_or_else(|| format!("there is no tenant {slug}"))
}
