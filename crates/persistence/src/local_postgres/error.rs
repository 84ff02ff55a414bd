//! What can go wrong, said so that whoever reads it knows what to do next.

use std::io;
use std::path::PathBuf;

/// Why the private PostgreSQL could not be started or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalPostgresError {
    /// No PostgreSQL programs anywhere we know of.
    #[error(
        "no PostgreSQL server programs (initdb, postgres, pg_ctl) found. Ways out:\n  \
         - install PostgreSQL {oldest} or newer: `apt install postgresql` (Debian, Ubuntu), \
         `dnf install postgresql-server` (Red Hat, Fedora), `apk add postgresql` (Alpine), \
         `brew install postgresql@17` (macOS)\n  \
         - installed in an unusual place: set FULCRUM_PG_BIN to the folder of its programs\n  \
         - use a PostgreSQL that runs elsewhere: set DATABASE_URL"
    )]
    NotInstalled {
        /// The oldest version that would do.
        oldest: u32,
    },

    /// PostgreSQL is installed, but only versions that we do not support.
    #[error(
        "Fulcrum needs PostgreSQL {oldest} or newer, found only: {found}. \
         Install a newer one, set FULCRUM_PG_BIN to the folder of its programs, or set DATABASE_URL"
    )]
    TooOld {
        /// The oldest version that would do.
        oldest: u32,
        /// Versions and folders found.
        found: String,
    },

    /// The folder named by the user does not hold usable programs.
    #[error("{origin} names {dir} as the folder of the PostgreSQL programs, but {reason}")]
    UnusablePrograms {
        /// Who named the folder.
        origin: &'static str,
        /// The folder.
        dir: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The data was made by another major version than the programs at hand.
    #[error(
        "the data in {pgdata} was made by PostgreSQL {needed}, which no other version can read; found: {found}. \
         Install PostgreSQL {needed} (or set FULCRUM_PG_BIN to its programs), or move the data to the newer \
         version with pg_upgrade"
    )]
    OtherVersion {
        /// PostgreSQL's data folder.
        pgdata: PathBuf,
        /// The major version that made it.
        needed: u32,
        /// Versions and folders found.
        found: String,
    },

    /// Another process works on this data folder.
    #[error(
        "the data folder {data_dir} is in use by {holder}. \
         Stop that process first, or give this one another data folder or a DATABASE_URL"
    )]
    InUse {
        /// Fulcrum's data folder.
        data_dir: PathBuf,
        /// Which process holds it.
        holder: String,
    },

    /// We are root, and there is no other user to run the server as.
    #[error(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody` to run it as. \
         Add one (`useradd --system postgres`), start Fulcrum as an ordinary user, or set DATABASE_URL"
    )]
    NoServerUser,

    /// PostgreSQL's data belongs to a user that we cannot run the server as.
    #[error(
        "{pgdata} belongs to user {owner}, and PostgreSQL only runs as the owner of its data (never as root). \
         Start Fulcrum as that user, or hand the folder over: `chown -R {wanted} '{pgdata}'`"
    )]
    OtherOwner {
        /// PostgreSQL's data folder.
        pgdata: PathBuf,
        /// Who owns it.
        owner: String,
        /// Who should own it.
        wanted: String,
    },

    /// The server's user cannot reach the data folder.
    #[error(
        "the PostgreSQL server runs as user {user} (it refuses to run as root), and that user may not enter \
         {folder}. Allow it with `chmod o+x '{folder}'`, or choose a data folder elsewhere, such as \
         /var/lib/fulcrum"
    )]
    NotTraversable {
        /// The server's user.
        user: String,
        /// The first folder on the way that is closed to it.
        folder: PathBuf,
    },

    /// Something that is no PostgreSQL data lies where it should be.
    #[error(
        "{pgdata} is not empty, and not a PostgreSQL data folder either (PG_VERSION is missing or unreadable). \
         Move it out of the way, or restore it from a backup"
    )]
    NotACluster {
        /// Where PostgreSQL's data should be.
        pgdata: PathBuf,
    },

    /// The folder meant for the socket is not ours alone.
    #[error(
        "the folder for the server's socket, {dir}, is not safe to use: {reason}. Remove it and start again"
    )]
    UnsafeSocketDir {
        /// The folder.
        dir: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// `initdb` failed.
    #[error("making a new PostgreSQL data folder failed; initdb ({program}) says:\n{output}")]
    Initdb {
        /// The program that failed.
        program: PathBuf,
        /// What it wrote.
        output: String,
    },

    /// A server that an earlier run left behind does not stop.
    #[error(
        "an earlier run left its PostgreSQL server behind (process {pid}, data {pgdata}), and it does not stop. \
         End it by hand: `kill -QUIT {pid}`"
    )]
    LeftoverServer {
        /// The server's process.
        pid: i32,
        /// Its data folder.
        pgdata: PathBuf,
    },

    /// The server ended instead of accepting connections.
    #[error("the PostgreSQL server ended while starting ({status}). The end of its log {log}:\n{tail}")]
    EndedEarly {
        /// How it ended.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },

    /// The server takes too long.
    #[error(
        "the PostgreSQL server did not accept connections within {seconds} s. The end of its log {log}:\n{tail}"
    )]
    NotReady {
        /// How long we waited.
        seconds: u64,
        /// Its log.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },

    /// The server did not end, not even when told to drop everything.
    #[error("the PostgreSQL server (process {pid}) did not stop; its data is safe, but end it by hand")]
    DidNotStop {
        /// The server's process.
        pid: u32,
    },

    /// A program could not be run.
    #[error("cannot run {program} as user {user}: {source}")]
    Run {
        /// The program.
        program: PathBuf,
        /// The user it was to run as.
        user: String,
        /// The reason.
        source: io::Error,
    },

    /// A file or folder could not be used.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What we wanted to do.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },

    /// Not available on this platform.
    #[error(
        "a private PostgreSQL is only available on Unix systems: set DATABASE_URL on this platform, for example \
         DATABASE_URL=postgres://user:password@localhost/fulcrum"
    )]
    Unsupported,
}

#[cfg(unix)]
impl LocalPostgresError {
    /// For `map_err`: an I/O error together with what it happened to.
    pub(super) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
