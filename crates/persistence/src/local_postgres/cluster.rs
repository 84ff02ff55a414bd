//! PostgreSQL's own data folder: which version made it, and making a new one.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use super::LocalPostgresError;
use super::account::Account;
use super::folders::Folders;
use super::programs::{Programs, major_version};
use super::watchdog::Watchdog;

/// The superuser, and the user of every connection of ours.
pub(super) const SUPERUSER: &str = "fulcrum";

/// What unfinished data folders begin with.
const UNFINISHED: &str = "postgres.new-";

/// The first version with a `C.UTF-8` of its own, which does not change with the C library.
const BUILTIN_LOCALES_SINCE: u32 = 17;

/// The major version that made the data; `None` when there is none yet.
pub(super) fn version(pgdata: &Path) -> Result<Option<u32>, LocalPostgresError> {
    let path = pgdata.join("PG_VERSION");
    let not_a_cluster = || LocalPostgresError::NotACluster { pgdata: pgdata.to_path_buf() };
    match fs::read_to_string(&path) {
        Ok(text) => major_version(&text).map(Some).ok_or_else(not_a_cluster),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // An empty folder, such as a mounted disk, is as good as none.
            let empty = fs::read_dir(pgdata).map_or(true, |mut entries| entries.next().is_none());
            if empty { Ok(None) } else { Err(not_a_cluster()) }
        }
        Err(error) => Err(LocalPostgresError::io("read", &path)(error)),
    }
}

/// Makes a new data folder. It only gets its name when it is complete, so that one that was cut off halfway is
/// never taken for a good one.
pub(super) fn create(
    folders: &Folders,
    programs: &Programs,
    account: &Account,
    durable: bool,
    watchdog: Option<&Watchdog>,
) -> Result<(), LocalPostgresError> {
    static ATTEMPTS: AtomicU32 = AtomicU32::new(0);
    remove_unfinished(&folders.data_dir);
    // A new name each time: an initdb that outlived its parent may still be writing to the last one.
    let attempt = ATTEMPTS.fetch_add(1, Ordering::Relaxed);
    let unfinished = folders.data_dir.join(format!("{UNFINISHED}{}-{attempt}", std::process::id()));
    let result = initdb(&unfinished, programs, account, durable, watchdog).and_then(|()| {
        // An empty folder in the way is replaced by the rename.
        fs::rename(&unfinished, &folders.pgdata)
            .map_err(LocalPostgresError::io("move the new data folder to", &folders.pgdata))
    });
    if result.is_err() {
        let _ = fs::remove_dir_all(&unfinished);
    }
    result?;
    if durable {
        // initdb has written its files through to the disk; their new name is still missing there.
        File::open(&folders.data_dir)
            .and_then(|dir| dir.sync_all())
            .map_err(LocalPostgresError::io("write through to the disk", &folders.data_dir))?;
    }
    Ok(())
}

fn initdb(
    dir: &Path,
    programs: &Programs,
    account: &Account,
    durable: bool,
    watchdog: Option<&Watchdog>,
) -> Result<(), LocalPostgresError> {
    let program = programs.program("initdb");
    let mut output = String::new();
    for locale in locales(programs.version) {
        DirBuilder::new().mode(0o700).create(dir).map_err(LocalPostgresError::io("make the folder", dir))?;
        account.give(dir)?;
        let mut command = account.command(&program);
        command
            .arg("--pgdata")
            .arg(dir)
            .args(["--username", SUPERUSER, "--encoding=UTF8", "--data-checksums", "--no-instructions"])
            // The folder of the socket is what keeps others out; TCP is not listened on, and refused anyway.
            .args(["--auth-local=trust", "--auth-host=reject"])
            .args(locale)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if !durable {
            command.arg("--no-sync");
        }
        let cannot_run = |source| LocalPostgresError::Run {
            program: program.clone(),
            user: account.name().to_owned(),
            source,
        };
        let child = command.spawn().map_err(cannot_run)?;
        if let Some(watchdog) = watchdog {
            watchdog.watch(child.id());
        }
        let result = child.wait_with_output().map_err(cannot_run)?;
        if let Some(watchdog) = watchdog {
            watchdog.forget();
        }
        if result.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&result.stderr);
        output.push_str(text.trim_end());
        output.push('\n');
        fs::remove_dir_all(dir).map_err(LocalPostgresError::io("remove", dir))?;
        // Only an unknown locale is worth another try.
        if !text.contains("locale") {
            break;
        }
    }
    Err(LocalPostgresError::Initdb { program, output })
}

/// Sorting by code point, in the order of preference; case mapping knows all of Unicode where possible.
fn locales(version: u32) -> [&'static [&'static str]; 2] {
    if version >= BUILTIN_LOCALES_SINCE {
        [
            &["--locale-provider=builtin", "--locale=C.UTF-8"],
            &["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"],
        ]
    } else {
        [&["--locale=C.UTF-8"], &["--locale=C"]]
    }
}

/// What earlier runs left behind. A failure does no harm: the next one has another name.
fn remove_unfinished(data_dir: &Path) {
    let Ok(entries) = fs::read_dir(data_dir) else { return };
    for entry in entries.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes())
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::warn!(path = %entry.path().display(), %error, "cannot remove an unfinished data folder");
        }
    }
}
