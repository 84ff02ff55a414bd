//! The server's process: started, waited for, stopped.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::account::Account;
use super::folders::{Folders, PORT};
use super::programs::Programs;
use super::watchdog::Watchdog;
use super::{LocalPostgresError, Settings};

/// How long a fast shutdown (a last checkpoint included) may take.
pub(super) const FAST_STOP_TIME: Duration = Duration::from_secs(30);
/// How long an immediate shutdown may take; the server kills its own children after 5 s.
pub(super) const IMMEDIATE_STOP_TIME: Duration = Duration::from_secs(10);
/// How often we look: short against the start of a server (some 50 ms), long against a look.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// How long a start (a recovery included) may take.
const START_TIME: Duration = Duration::from_secs(60);
/// A log larger than this is put aside at the next start.
const LARGEST_LOG: u64 = 16 * 1024 * 1024;
/// How much of the log's end an error shows.
const TAIL_BYTES: u64 = 8 * 1024;
const TAIL_LINES: usize = 20;

/// A server that we have started, and that ends with this value.
#[derive(Debug)]
pub(super) struct Server {
    /// Shared, so that a health check can ask while others use the server.
    child: Mutex<Child>,
    pid: u32,
    /// Of a server whose data nobody needs any more once it stops.
    watchdog: Option<Arc<Watchdog>>,
}

/// What became of a start.
enum Outcome {
    Ready,
    Ended(ExitStatus),
    TooSlow,
}

impl Server {
    /// Starts the server and waits until it accepts connections.
    pub(super) fn start(
        folders: &Folders,
        programs: &Programs,
        account: &Account,
        socket_dir: &Path,
        settings: &Settings,
        watchdog: Option<&Arc<Watchdog>>,
    ) -> Result<Self, LocalPostgresError> {
        let deadline = Instant::now() + START_TIME;
        loop {
            let (log, log_start) = open_log(&folders.log)?;
            let server = Self::spawn(folders, programs, account, socket_dir, settings, log, watchdog)?;
            let outcome = server.wait_ready(&folders.pgdata, deadline)?;
            let tail = || log_tail(&folders.log, log_start);
            match outcome {
                Outcome::Ready => return Ok(server),
                Outcome::TooSlow => {
                    return Err(LocalPostgresError::NotReady {
                        seconds: START_TIME.as_secs(),
                        tail: tail(),
                        log: folders.log.clone(),
                    });
                }
                Outcome::Ended(status) => {
                    let tail = tail();
                    // Backends of a server that was killed are still finishing a query: they end with it.
                    if tail.contains("pre-existing shared memory block") && Instant::now() < deadline {
                        thread::sleep(Duration::from_millis(100));
                        continue;
                    }
                    return Err(LocalPostgresError::EndedEarly {
                        status: status.to_string(),
                        log: folders.log.clone(),
                        tail,
                    });
                }
            }
        }
    }

    fn spawn(
        folders: &Folders,
        programs: &Programs,
        account: &Account,
        socket_dir: &Path,
        settings: &Settings,
        log: File,
        watchdog: Option<&Arc<Watchdog>>,
    ) -> Result<Self, LocalPostgresError> {
        let program = programs.program("postgres");
        let log_too = log.try_clone().map_err(LocalPostgresError::io("open", &folders.log))?;
        let mut command = account.command(&program);
        command.arg("-D").arg(&folders.pgdata);
        for (name, value) in configuration(settings, socket_dir) {
            let mut argument = OsString::from(name);
            argument.push("=");
            argument.push(value);
            command.arg("-c").arg(argument);
        }
        let child = command
            // Ctrl-C in the terminal goes to our process group: not to the server, which has to be there until
            // the requests in flight are done.
            .process_group(0)
            .stdout(log)
            .stderr(log_too)
            .spawn()
            .map_err(|source| LocalPostgresError::Run { program, user: account.name().to_owned(), source })?;
        let pid = child.id();
        if let Some(watchdog) = watchdog {
            watchdog.watch(pid);
        }
        Ok(Self { child: Mutex::new(child), pid, watchdog: watchdog.cloned() })
    }

    /// The server says in its `postmaster.pid` when it is ready, so there is nothing to connect with or to.
    fn wait_ready(&self, pgdata: &Path, deadline: Instant) -> Result<Outcome, LocalPostgresError> {
        let pid_file = pgdata.join("postmaster.pid");
        loop {
            if let Some(status) = self.status()? {
                return Ok(Outcome::Ended(status));
            }
            // Not there yet, or just being written: the next look tells.
            let text = fs::read_to_string(&pid_file).unwrap_or_default();
            let mut lines = text.lines().map(str::trim);
            if lines.next() == Some(self.pid.to_string().as_str()) && lines.nth(6) == Some("ready") {
                return Ok(Outcome::Ready);
            }
            if Instant::now() >= deadline {
                return Ok(Outcome::TooSlow);
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// How the server ended; `None` while it runs.
    pub(super) fn status(&self) -> Result<Option<ExitStatus>, LocalPostgresError> {
        let status = self
            .child()
            .try_wait()
            .map_err(LocalPostgresError::io("wait for the server", Path::new("postgres")))?;
        if let (Some(_), Some(watchdog)) = (status, &self.watchdog) {
            watchdog.forget();
        }
        Ok(status)
    }

    /// Stops the server: connections are ended, their transactions rolled back, everything is written down.
    pub(super) fn stop(&self) -> Result<(), LocalPostgresError> {
        let fast = (Signal::SIGINT, FAST_STOP_TIME);
        let immediate = (Signal::SIGQUIT, IMMEDIATE_STOP_TIME);
        let killed = (Signal::SIGKILL, Duration::from_secs(1));
        let steps = [fast, immediate, killed];
        // No last checkpoint for data that nobody needs.
        let steps = if self.watchdog.is_some() { &steps[1..] } else { &steps[..] };
        for (index, &(signal, time)) in steps.iter().enumerate() {
            // Asking first: once waited for, the number may belong to another process.
            if self.status()?.is_some() {
                return Ok(());
            }
            if index > 0 {
                tracing::warn!(pid = self.pid, %signal, "the PostgreSQL server is slow to stop");
            }
            if let Ok(pid) = i32::try_from(self.pid) {
                // An error means that it has just ended, which the wait finds out.
                let _ = kill(Pid::from_raw(pid), signal);
            }
            let deadline = Instant::now() + time;
            while Instant::now() < deadline {
                if self.status()?.is_some() {
                    return Ok(());
                }
                thread::sleep(POLL_INTERVAL);
            }
        }
        Err(LocalPostgresError::DidNotStop { pid: self.pid })
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(%error, "stopping the PostgreSQL server");
        }
    }
}

/// On the command line rather than in a file: these hold whatever `ALTER SYSTEM` or a hand has changed.
fn configuration(settings: &Settings, socket_dir: &Path) -> Vec<(&'static str, OsString)> {
    let mut list: Vec<(&'static str, OsString)> = vec![
        ("listen_addresses", "".into()),
        ("unix_socket_directories", socket_dir.into()),
        ("unix_socket_permissions", "0700".into()),
        ("port", PORT.to_string().into()),
        ("max_connections", settings.max_connections.to_string().into()),
        ("shared_buffers", format!("{}MB", shared_buffers(settings.durable)).into()),
        ("jit", "off".into()),
        ("timezone", "UTC".into()),
        ("log_timezone", "UTC".into()),
        ("lc_messages", "C".into()),
        ("log_destination", "stderr".into()),
        ("logging_collector", "off".into()),
    ];
    if !settings.durable {
        let fast = [
            ("fsync", "off"),
            ("synchronous_commit", "off"),
            ("full_page_writes", "off"),
            ("wal_level", "minimal"),
            ("max_wal_senders", "0"),
            ("max_wal_size", "4GB"),
            ("checkpoint_timeout", "1h"),
        ];
        list.extend(fast.map(|(name, value)| (name, value.into())));
    }
    list
}

/// Megabytes that the server keeps pages in: an eighth of the machine's memory, from 128 to 1024. What isn't used is not taken.
fn shared_buffers(durable: bool) -> u64 {
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default();
    let kilobytes: u64 = total.trim().trim_end_matches("kB").trim().parse().unwrap_or(0);
    // Many servers of tests share one machine.
    if durable { (kilobytes / 8 / 1024).clamp(128, 1024) } else { 128 }
}

/// The log to append to, and how long it is by now.
fn open_log(path: &Path) -> Result<(File, u64), LocalPostgresError> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() > LARGEST_LOG) {
        fs::rename(path, path.with_extension("log.1")).map_err(LocalPostgresError::io("put aside", path))?;
    }
    let open = || -> io::Result<(File, u64)> {
        let log = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let length = log.metadata()?.len();
        Ok((log, length))
    };
    open().map_err(LocalPostgresError::io("open", path))
}

/// The last lines that this start has written.
fn log_tail(path: &Path, start: u64) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(start.max(length.saturating_sub(TAIL_BYTES))))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_else(|error| format!("(unreadable: {error})"));
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
