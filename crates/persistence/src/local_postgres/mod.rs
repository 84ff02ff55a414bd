//! A private PostgreSQL of our own, for when no `DATABASE_URL` is set, and for the tests.
//!
//! The programs are the installed ones (PostgreSQL 15 or newer); the data lives in a folder of ours:
//!
//! | in the data folder | what                                              | owner           |
//! |--------------------|---------------------------------------------------|-----------------|
//! | `fulcrum.lock`     | held while a process uses the folder              | us              |
//! | `postgres/`        | PostgreSQL's own data folder                      | server's user   |
//! | `postgres.log`     | what the server says (`.1`: the one before)       | us              |
//! | `run/`             | the unix socket, the only way in (no TCP at all)  | server's user   |
//!
//! The server's user is ours, except that PostgreSQL refuses to run as root: then it is `postgres`, else
//! `nobody`. Whoever may enter `run/` (mode 0700) is trusted, so there is no password to keep anywhere.
//!
//! Start and stop block: call them outside of an async runtime, or from a blocking thread.

use std::env;
use std::path::PathBuf;

mod error;

#[cfg(unix)]
mod account;
#[cfg(unix)]
mod cluster;
#[cfg(unix)]
mod folders;
#[cfg(unix)]
mod leftover;
#[cfg(unix)]
mod lifecycle;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
mod programs;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod watchdog;

#[cfg(not(unix))]
#[path = "unsupported.rs"]
mod lifecycle;

#[cfg(all(test, unix))]
mod tests;
#[cfg(all(test, unix))]
mod tests_killed;

pub use error::LocalPostgresError;
pub use lifecycle::LocalPostgres;

/// The oldest major version of PostgreSQL that Fulcrum works with, in every mode.
pub const OLDEST_VERSION: u32 = 15;

/// How to run the private server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Fulcrum's data folder; made when missing. One process at a time.
    pub data_dir: PathBuf,
    /// Where `initdb`, `postgres` and `pg_ctl` are. Left out: `FULCRUM_PG_BIN`, else the newest found.
    pub bin_dir: Option<PathBuf>,
    /// `false` trades safety against a crash of the machine for speed: tests and benchmarks only.
    pub durable: bool,
    /// How many connections the server accepts at most, a few of them kept back for its superuser.
    pub max_connections: u32,
}

impl Settings {
    /// Durable, 100 connections, programs searched for.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), bin_dir: None, durable: true, max_connections: 100 }
    }
}

/// The folder of the installed programs of a major version of PostgreSQL, else of the newest, if there are any.
#[cfg(unix)]
pub(crate) fn bin_dir(version: u32) -> Option<PathBuf> {
    programs::of_version(version)
}

#[cfg(not(unix))]
pub(crate) fn bin_dir(_: u32) -> Option<PathBuf> {
    None
}

/// The data folder used when none is given: where this platform keeps such things.
///
/// `/var/lib/fulcrum` for root; else `$XDG_DATA_HOME/fulcrum` or `~/.local/share/fulcrum`; macOS:
/// `~/Library/Application Support/fulcrum`; Windows: `%LOCALAPPDATA%\fulcrum`.
pub fn default_data_dir() -> PathBuf {
    // The XDG specification: a path that is not absolute is to be ignored.
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        folder("HOME").map(|home| home.join("Library/Application Support"))
    } else if is_root() {
        Some(PathBuf::from("/var/lib"))
    } else {
        folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/share")))
    };
    // No home at all: better a folder in plain sight than one that the next reboot empties.
    base.map_or_else(|| PathBuf::from("fulcrum-data"), |base| base.join("fulcrum"))
}

#[cfg(unix)]
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}
