//! One process per data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use super::LocalPostgresError;

/// The name of the lock file in the data folder.
pub(super) const FILE_NAME: &str = "fulcrum.lock";

/// The data folder is ours as long as this lives; the kernel lets go of it when our process dies.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    pub(super) fn take(data_dir: &Path) -> Result<Self, LocalPostgresError> {
        let path = data_dir.join(FILE_NAME);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(LocalPostgresError::io("open the lock file", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Only for the message; whoever holds the lock may not have written anything yet.
                let _ = file.read_to_string(&mut text);
                return Err(LocalPostgresError::InUse {
                    data_dir: data_dir.to_path_buf(),
                    holder: describe_holder(&text),
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(LocalPostgresError::Io { action: "lock", path, source });
            }
        }
        file.set_len(0)
            .and_then(|()| write!(file, "pid {}\nstarted {}\n", process::id(), now()))
            .map_err(LocalPostgresError::io("write the lock file", &path))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Unlocking by hand, since a child that another thread is just forking shares the open file: closing
        // our handle alone would leave the lock in place until that child has run its program.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs())
}

fn describe_holder(text: &str) -> String {
    let field =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    let Some(pid) = field("pid ") else { return "another process".to_owned() };
    match field("started ") {
        Some(started) => format!("process {pid}, which started {} s ago", now().saturating_sub(started)),
        None => format!("process {pid}"),
    }
}
