//! One process per data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process;

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
                return Err(LocalPostgresError::InUse {
                    data_dir: data_dir.to_path_buf(),
                    holder: describe_holder(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(LocalPostgresError::Io { action: "lock", path, source });
            }
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "pid {}", process::id()))
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

/// For the error message, so whatever cannot be read is left out.
fn describe_holder(file: &mut File) -> String {
    let mut text = String::new();
    // Whoever holds the lock may not have written anything yet.
    let _ = file.read_to_string(&mut text);
    let Some(pid) = text.strip_prefix("pid ").and_then(|rest| rest.trim().parse::<u32>().ok()) else {
        return "another process".to_owned();
    };
    // The file system keeps the time at which the holder wrote its number.
    match file.metadata().and_then(|metadata| metadata.modified()).map(|start| start.elapsed()) {
        Ok(Ok(age)) => format!("process {pid}, which started {} s ago", age.as_secs()),
        _ => format!("process {pid}"),
    }
}
