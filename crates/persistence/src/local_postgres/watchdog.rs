//! Cleaning up after ourselves even when we are killed, or exit without running destructors (statics).

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::LocalPostgresError;

/// Reads process numbers, one a line (an empty line: none any more), until our end of the pipe is closed, by us
/// or by the kernel. Then ends the last one and removes the folder.
///
/// The server's pid file tells when it is gone: as a zombie that nobody waits for, its number would stay.
/// An `initdb` that was cut off may write a little longer, hence the second tries.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
process=
while read -r line; do process=$line; done
if [ -n "$process" ]; then
    kill -QUIT "$process"
    tries=0
    while [ -e "$1/postgres/postmaster.pid" ] && [ $tries -lt 200 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    [ $tries -lt 200 ] || kill -KILL "$process"
fi
tries=0
until rm -rf -- "$1" || [ $tries -ge 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
"#;

/// Owns a temporary folder: it is gone when this is gone, however that comes about.
#[derive(Debug)]
pub(super) struct Watchdog {
    child: Child,
    /// Behind a lock, for [`Watchdog::watch`] not to need the whole of it.
    pipe: Mutex<Option<ChildStdin>>,
}

impl Watchdog {
    pub(super) fn start(folder: &Path) -> Result<Self, LocalPostgresError> {
        let shell = Path::new("/bin/sh");
        let mut child = Command::new(shell)
            .args(["-c", SCRIPT, "fulcrum-watchdog"])
            .arg(folder)
            .current_dir("/")
            // Who kills our process group, as test runners and terminals do, is not to get this one too; and a
            // runner that reads our output to its end is not to wait for this one.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| LocalPostgresError::Run {
                program: PathBuf::from(shell),
                user: "ourselves".to_owned(),
                source,
            })?;
        let pipe = Mutex::new(child.stdin.take());
        Ok(Self { child, pipe })
    }

    /// This process is to be ended with us.
    pub(super) fn watch(&self, pid: u32) {
        self.tell(&format!("{pid}\n"));
    }

    /// The process has ended: its number may soon be somebody else's.
    pub(super) fn forget(&self) {
        self.tell("\n");
    }

    fn tell(&self, line: &str) {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipe) = pipe.as_mut()
            && let Err(error) = pipe.write_all(line.as_bytes())
        {
            // Nothing is lost but the cleaning up.
            tracing::warn!(%error, "the watchdog of a temporary PostgreSQL is gone");
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.pipe.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        // It bounds its own work; afterwards the folder is gone.
        if let Err(error) = self.child.wait() {
            tracing::warn!(%error, "waiting for the watchdog of a temporary PostgreSQL");
        }
    }
}
