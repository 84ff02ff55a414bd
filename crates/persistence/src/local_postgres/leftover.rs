//! What a run that was killed leaves behind: a server that still runs, or files that name a process long gone.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::LocalPostgresError;
use super::folders::PORT;
use super::server::{FAST_STOP_TIME, IMMEDIATE_STOP_TIME, POLL_INTERVAL};

/// What a process is to a data folder.
#[derive(Debug, PartialEq, Eq)]
enum Role {
    /// The server that works on it.
    Server,
    /// Gone, or something else altogether.
    Stranger,
    /// Alive, and there is no telling what it is.
    Unknown,
}

/// Makes the data folder and the socket's folder ready for a new server. Only for who holds the lock: then a
/// server that still runs is nobody's.
pub(super) fn clear(pgdata: &Path, socket_dir: &Path) -> Result<(), LocalPostgresError> {
    let pid_file = pgdata.join("postmaster.pid");
    if let Some(pid) = server_pid(&pid_file)? {
        match role(pid, pgdata) {
            Role::Server => stop(pid, pgdata)?,
            // PostgreSQL ignores the file of a dead process, but not that of a living one that happens to have
            // got its number. Should backends of the dead server still run, it sees them by their memory.
            Role::Stranger => remove(&pid_file)?,
            Role::Unknown => {}
        }
    }
    // The socket's lock file names a process too, with the same consequences.
    remove(&socket_dir.join(format!(".s.PGSQL.{PORT}.lock")))?;
    remove(&socket_dir.join(format!(".s.PGSQL.{PORT}")))
}

/// The process named first in `postmaster.pid`; a server for a single user writes a negative number.
fn server_pid(pid_file: &Path) -> Result<Option<Pid>, LocalPostgresError> {
    match fs::read_to_string(pid_file) {
        Ok(text) => {
            let pid = text.lines().next().and_then(|line| line.trim().parse::<i32>().ok());
            Ok(pid.and_then(i32::checked_abs).map(Pid::from_raw))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LocalPostgresError::io("read", pid_file)(error)),
    }
}

fn role(pid: Pid, pgdata: &Path) -> Role {
    // 0 stands for our own process group, and 1 is the system's first process, or ourselves in a container.
    if pid.as_raw() <= 1 || kill(pid, None) == Err(Errno::ESRCH) {
        return Role::Stranger;
    }
    if fs::read_link("/proc/self/cwd").is_ok() { role_by_proc(pid, pgdata) } else { role_by_ps(pid, pgdata) }
}

/// PostgreSQL works in its data folder, always. Nothing can be read about a zombie, which is as good as gone.
fn role_by_proc(pid: Pid, pgdata: &Path) -> Role {
    let proc = Path::new("/proc").join(pid.to_string());
    let works_in = fs::read_link(proc.join("cwd")).ok();
    // Begins with: an upgraded package turns it into `postgres (deleted)`.
    let is_postgres = fs::read_link(proc.join("exe")).is_ok_and(|exe| {
        exe.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"postgres"))
    });
    let real = fs::canonicalize(pgdata).ok();
    if is_postgres && works_in.is_some() && works_in == real { Role::Server } else { Role::Stranger }
}

/// For systems without `/proc`, such as macOS: by the arguments that we start the server with.
fn role_by_ps(pid: Pid, pgdata: &Path) -> Role {
    let output =
        Command::new("ps").args(["-ww", "-o", "args=", "-p", &pid.to_string()]).stdin(Stdio::null()).output();
    let Ok(output) = output else { return Role::Unknown };
    let arguments = String::from_utf8_lossy(&output.stdout);
    if arguments.contains("postgres") && arguments.contains(&*pgdata.to_string_lossy()) {
        Role::Server
    } else {
        Role::Stranger
    }
}

fn stop(pid: Pid, pgdata: &Path) -> Result<(), LocalPostgresError> {
    tracing::warn!(%pid, pgdata = %pgdata.display(), "stopping the server that an earlier run left behind");
    for (signal, time) in [(Signal::SIGINT, FAST_STOP_TIME), (Signal::SIGQUIT, IMMEDIATE_STOP_TIME)] {
        // It may end by itself in between, which is just what we want.
        let _ = kill(pid, signal);
        if wait_gone(pid, pgdata, time) {
            return Ok(());
        }
    }
    Err(LocalPostgresError::LeftoverServer { pid: pid.as_raw(), pgdata: pgdata.to_path_buf() })
}

/// It is not our child, so there is nothing to wait on but the process being gone.
fn wait_gone(pid: Pid, pgdata: &Path, time: Duration) -> bool {
    let deadline = Instant::now() + time;
    while role(pid, pgdata) == Role::Server {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(POLL_INTERVAL);
    }
    true
}

fn remove(file: &Path) -> Result<(), LocalPostgresError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LocalPostgresError::io("remove", file)(error))
        }
        _ => Ok(()),
    }
}
