//! These run real servers, as root (then the server runs as another user) and as an ordinary user alike.

use std::env;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::kill;
use nix::unistd::{Pid, geteuid};

use super::account::Account;
use super::programs::{self, Programs, major_version};
use super::{LocalPostgres, LocalPostgresError, Settings, cluster};

/// A folder that is removed in the end. Declare it before the server in it, which is then dropped earlier.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let name = format!("lp-{}-{}", process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let path = fs::canonicalize(env::temp_dir()).expect("temp dir").join(name);
        DirBuilder::new().mode(0o755).create(&path).expect("a new folder");
        Self(path)
    }

    /// Not durable: what is tested here does not depend on it, and the disk is slow.
    pub(super) fn settings(&self, name: &str) -> Settings {
        Settings { durable: false, max_connections: 20, ..Settings::new(self.0.join(name)) }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn psql(server: &LocalPostgres, sql: &str) -> String {
    let output = Command::new(server.bin_dir().join("psql"))
        .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql])
        .arg(server.url("postgres"))
        .output()
        .expect("psql runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

pub(super) fn raw(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("a process number"))
}

/// Gone, or a zombie that whoever it was left to has not waited for.
pub(super) fn is_gone(pid: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    kill(raw(pid), None).is_err() || state.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
}

#[test]
fn data_survives_a_restart() {
    let scratch = Scratch::new();
    let settings = scratch.settings("odd name % ü");
    let server = LocalPostgres::start(&settings).expect("first start");
    assert!(server.is_running());
    assert_eq!(psql(&server, "create table t (n int); insert into t values (42); select n from t"), "42");
    assert_eq!(psql(&server, "show data_checksums"), "on");
    assert_eq!(psql(&server, "show timezone"), "UTC");
    assert_eq!(psql(&server, "show listen_addresses"), "");
    assert_eq!(psql(&server, "show max_connections"), "20");
    assert_eq!(
        psql(
            &server,
            "select upper('ü'), current_user, pg_encoding_to_char(encoding) from pg_database limit 1"
        ),
        "Ü|fulcrum|UTF8"
    );
    assert_eq!(psql(&server, "show server_version_num")[..2], server.version().to_string());
    let socket = fs::metadata(server.socket_dir()).expect("socket dir");
    assert_eq!(socket.mode() & 0o777, 0o700);
    assert_ne!(socket.uid(), 0, "the server never runs as root");
    server.stop().expect("stop");

    let server = LocalPostgres::start(&settings).expect("second start");
    assert_eq!(psql(&server, "select n from t"), "42");
    let pid = server.pid();
    drop(server);
    assert!(is_gone(pid));
    let log = fs::read_to_string(settings.data_dir.join("postgres.log")).expect("log");
    assert_eq!(log.matches("database system is shut down").count(), 2, "{log}");
    assert_eq!(log.matches("not properly shut down").count(), 0, "{log}");
}

#[test]
fn durable_settings_are_left_alone() {
    let scratch = Scratch::new();
    let settings = Settings { durable: true, ..scratch.settings("data") };
    let server = LocalPostgres::start(&settings).expect("start");
    for name in ["fsync", "synchronous_commit", "full_page_writes", "autovacuum"] {
        assert_eq!(psql(&server, &format!("show {name}")), "on", "{name}");
    }
}

#[test]
fn second_start_is_refused_naming_the_holder() {
    let scratch = Scratch::new();
    let settings = scratch.settings("data");
    let server = LocalPostgres::start(&settings).expect("start");
    let error = LocalPostgres::start(&settings).expect_err("the folder is in use");
    assert!(matches!(error, LocalPostgresError::InUse { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("process {}", process::id())), "{text}");
    assert!(text.contains(&settings.data_dir.display().to_string()), "{text}");
    assert_eq!(psql(&server, "select 1"), "1");
    drop(server);
    LocalPostgres::start(&settings).expect("free again");
}

#[test]
fn pid_file_of_an_unrelated_process_is_no_obstacle() {
    let scratch = Scratch::new();
    let settings = scratch.settings("data");
    let server = LocalPostgres::start(&settings).expect("first start");
    let (pgdata, socket_dir) = (server.data_dir().join("postgres"), server.socket_dir().to_path_buf());
    let account = Account::for_data(&pgdata).expect("account");
    server.stop().expect("stop");
    // A process of the server's own user: PostgreSQL itself takes any such one for a server, and gives up.
    let mut stranger =
        account.command(Path::new("/bin/cat")).stdin(Stdio::piped()).spawn().expect("a process");
    let pid_file =
        format!("{}\n{}\n1700000000\n5432\n/tmp\n\n 1 1\nready\n", stranger.id(), pgdata.display());
    for file in [pgdata.join("postmaster.pid"), socket_dir.join(".s.PGSQL.5432.lock")] {
        fs::write(&file, &pid_file).expect("write");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("chmod");
        account.give(&file).expect("chown");
    }
    let server = LocalPostgres::start(&settings).expect("second start");
    assert_eq!(psql(&server, "select 1"), "1");
    assert!(matches!(stranger.try_wait(), Ok(None)), "the stranger is left alone");
    drop(stranger.stdin.take());
    stranger.wait().expect("wait");
}

#[test]
fn failed_start_shows_the_log_and_leaves_nothing_running() {
    let scratch = Scratch::new();
    let settings = scratch.settings("data");
    let error =
        LocalPostgres::start(&Settings { max_connections: 0, ..settings.clone() }).expect_err("fails");
    assert!(matches!(error, LocalPostgresError::EndedEarly { .. }), "{error}");
    assert!(error.to_string().contains("max_connections"), "{error}");
    LocalPostgres::start(&settings).expect("start");
}

#[test]
fn long_path_gets_its_socket_elsewhere() {
    let scratch = Scratch::new();
    let server = LocalPostgres::start(&scratch.settings(&"long".repeat(25))).expect("start");
    let socket_dir = server.socket_dir().to_path_buf();
    assert!(!socket_dir.starts_with(&scratch.0));
    assert_eq!(psql(&server, "select 1"), "1");
    drop(server);
    fs::remove_dir(socket_dir).expect("empty after the stop");
}

#[test]
fn unfinished_data_folder_is_not_taken() {
    let scratch = Scratch::new();
    let settings = scratch.settings("data");
    let unfinished = settings.data_dir.join("postgres.new-1-2");
    fs::create_dir_all(&unfinished).expect("folder");
    fs::write(unfinished.join("PG_VERSION"), "15\n").expect("file");
    fs::write(settings.data_dir.join("fulcrum.lock"), "").expect("file");
    let server = LocalPostgres::start(&settings).expect("start");
    assert!(!unfinished.exists());
    assert_eq!(psql(&server, "select 1"), "1");
}

#[test]
fn foreign_files_are_left_alone() {
    let scratch = Scratch::new();
    let pgdata = scratch.0.join("postgres");
    fs::create_dir(&pgdata).expect("folder");
    assert!(matches!(cluster::version(&pgdata), Ok(None)));
    fs::write(pgdata.join("letter.txt"), "dear").expect("file");
    assert!(matches!(cluster::version(&pgdata), Err(LocalPostgresError::NotACluster { .. })));
}

#[test]
fn closed_parent_is_named() {
    let scratch = Scratch::new();
    if !geteuid().is_root() {
        return; // Only root's server runs as somebody else.
    }
    fs::set_permissions(&scratch.0, Permissions::from_mode(0o700)).expect("chmod");
    let error = LocalPostgres::start(&scratch.settings("data")).expect_err("closed to the server's user");
    assert!(
        matches!(&error, LocalPostgresError::NotTraversable { folder, .. } if *folder == scratch.0),
        "{error}"
    );
    // The data folder itself is opened up, as far as it is our own.
    fs::set_permissions(&scratch.0, Permissions::from_mode(0o755)).expect("chmod");
    fs::set_permissions(scratch.0.join("data"), Permissions::from_mode(0o700)).expect("chmod");
    LocalPostgres::start(&scratch.settings("data")).expect("start");
}

#[test]
fn programs_are_chosen_by_version() {
    let at = |version: u32| Programs { bin_dir: PathBuf::from(format!("/pg/{version}")), version };
    let choose = |versions: &[u32], existing| {
        programs::choose(versions.iter().copied().map(at).collect(), existing, Path::new("/data"))
    };
    assert_eq!(choose(&[15, 17, 14], None).expect("newest"), at(17));
    assert_eq!(choose(&[17, 15], Some(15)).expect("the data's own"), at(15));
    let error = choose(&[17, 16], Some(15)).expect_err("other version").to_string();
    assert!(error.contains("PostgreSQL 15") && error.contains("17 in /pg/17"), "{error}");
    let error = choose(&[13, 14], None).expect_err("too old").to_string();
    assert!(error.contains("14 in /pg/14"), "{error}");
    let error = choose(&[], None).expect_err("none").to_string();
    assert!(error.contains("apt install") && error.contains("DATABASE_URL"), "{error}");
    assert_eq!(major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
    assert_eq!(major_version("postgres (PostgreSQL) 18beta1"), Some(18));
    assert_eq!(major_version("hello"), None);
}

#[test]
fn named_programs_must_be_usable() {
    let scratch = Scratch::new();
    let error = programs::find(Some(&scratch.0), None, Path::new("/data")).expect_err("an empty folder");
    assert!(error.to_string().contains("no `initdb`"), "{error}");
}
