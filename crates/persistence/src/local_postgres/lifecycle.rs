//! The private server, from the first start of a data folder to its stop.

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::account::Account;
use super::cluster::{self, SUPERUSER};
use super::folders::{Folders, PORT, data_dir_mode, percent_encode};
use super::lock::Lock;
use super::programs::{self, Programs};
use super::server::Server;
use super::watchdog::Watchdog;
use super::{LocalPostgresError, Settings, leftover};

/// In a longer one, the path of a socket in a folder of ours may become too long.
const LONGEST_TEMPORARY_FOLDER: usize = 58;

/// A running private PostgreSQL server. Dropping it stops the server and waits for that, within bounds.
///
/// The fields are dropped in this order, which matters: nobody may take the lock while the server still runs.
#[derive(Debug)]
pub struct LocalPostgres {
    pub(super) server: Server,
    pub(super) _lock: Lock,
    data_dir: PathBuf,
    socket_dir: PathBuf,
    programs: Programs,
}

impl LocalPostgres {
    /// Starts the server on its data folder, which is made first when it is missing, and waits until it accepts
    /// connections. A server that an earlier, killed run left behind is stopped first.
    pub fn start(settings: &Settings) -> Result<Self, LocalPostgresError> {
        Self::start_watched(settings, None)
    }

    /// A server with no data in a temporary folder, for tests. It and its folder vanish with this value, and at
    /// the latest with our process, even if that is killed or never drops this (a static).
    pub fn throw_away() -> Result<Self, LocalPostgresError> {
        let folder = temporary_folder()?;
        // Before anything else is in the folder, so that nothing can be left behind.
        let watchdog = Watchdog::start(&folder).inspect_err(|_| {
            let _ = fs::remove_dir(&folder);
        })?;
        let settings = Settings { durable: false, max_connections: 300, ..Settings::new(folder) };
        Self::start_watched(&settings, Some(Arc::new(watchdog)))
    }

    fn start_watched(
        settings: &Settings,
        watchdog: Option<Arc<Watchdog>>,
    ) -> Result<Self, LocalPostgresError> {
        let begin = Instant::now();
        let folders = Folders::prepare(&settings.data_dir)?;
        let lock = Lock::take(&folders.data_dir)?;
        // First the owner: what belongs to somebody else cannot be read.
        let account = Account::for_data(&folders.pgdata)?;
        let existing = cluster::version(&folders.pgdata)?;
        let programs = programs::find(settings.bin_dir.as_deref(), existing, &folders.pgdata)?;
        account.check_reach(&folders.data_dir, folders.ours)?;
        if existing.is_none() {
            tracing::info!(
                data_dir = %folders.data_dir.display(),
                version = programs.version,
                "making a new PostgreSQL data folder"
            );
            cluster::create(&folders, &programs, &account, settings.durable, watchdog.as_deref())?;
        }
        let socket_dir = folders.socket_dir(&account)?;
        leftover::clear(&folders.pgdata, &socket_dir)?;
        let server = Server::start(&folders, &programs, &account, &socket_dir, settings, watchdog.as_ref())?;
        tracing::info!(
            data_dir = %folders.data_dir.display(),
            version = programs.version,
            user = account.name(),
            pid = server.pid(),
            milliseconds = begin.elapsed().as_millis(),
            "the private PostgreSQL server accepts connections"
        );
        Ok(Self { server, _lock: lock, data_dir: folders.data_dir, socket_dir, programs })
    }

    /// The URL of one of its databases, for libpq, as the superuser. `postgres` is there from the beginning.
    pub fn url(&self, database: &str) -> String {
        url_of(database, &self.socket_dir)
    }

    /// The URL of a database of the server that another process runs on a data folder, if one does.
    pub fn url_of_running(data_dir: &Path, database: &str) -> Option<String> {
        let noted = fs::read_to_string(data_dir.join("postgres").join("postmaster.pid")).ok()?;
        // The fifth line is the folder of the socket.
        let socket_dir = noted.lines().nth(4).filter(|line| !line.is_empty())?;
        Some(url_of(database, Path::new(socket_dir)))
    }

    /// Fulcrum's data folder, resolved.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The folder of the unix socket: libpq's `host`.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The folder of the PostgreSQL programs in use.
    pub fn bin_dir(&self) -> &Path {
        &self.programs.bin_dir
    }

    /// The server's major version.
    pub fn version(&self) -> u32 {
        self.programs.version
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Whether the server still runs; `false` when it has ended by itself.
    pub fn is_running(&self) -> bool {
        matches!(self.server.status(), Ok(None))
    }

    /// Stops the server as dropping does, and tells how that went.
    pub fn stop(self) -> Result<(), LocalPostgresError> {
        self.server.stop()
    }
}

fn url_of(database: &str, socket_dir: &Path) -> String {
    // The port is part of the socket's name: left out, PGPORT in the environment would decide.
    format!(
        "postgres://{SUPERUSER}@/{}?host={}&port={PORT}",
        percent_encode(database.as_bytes()),
        percent_encode(socket_dir.as_os_str().as_bytes())
    )
}

/// A new, empty folder of our own.
fn temporary_folder() -> Result<PathBuf, LocalPostgresError> {
    static ATTEMPTS: AtomicU32 = AtomicU32::new(0);
    // The socket belongs inside, for the folder to be all that there is to remove.
    let long = |parent: &Path| parent.as_os_str().len() > LONGEST_TEMPORARY_FOLDER;
    let parent = env::temp_dir();
    let parent = fs::canonicalize(&parent).map_err(LocalPostgresError::io("resolve the folder", &parent))?;
    let parent = if long(&parent) { PathBuf::from("/tmp") } else { parent };
    loop {
        let attempt = ATTEMPTS.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("fulcrum-{}-{attempt}", process::id()));
        match DirBuilder::new().mode(data_dir_mode()).create(&folder) {
            Ok(()) => return Ok(folder),
            // Of a process that had our number before, or planted by somebody: never used, the next one then.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(LocalPostgresError::io("make the folder", &folder)(error)),
        }
    }
}
