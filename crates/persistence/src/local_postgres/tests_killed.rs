//! What remains after somebody was killed with no chance to clean up.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

use super::tests::{Scratch, is_gone, psql, raw};
use super::{LocalPostgres, Settings};

/// Tells the test binary, started once more by a test, to be the process that gets killed.
const HELPER: &str = "FULCRUM_LOCAL_POSTGRES_HELPER";

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn server_left_running_is_replaced() {
    let scratch = Scratch::new();
    let settings = scratch.settings("data");
    let server = LocalPostgres::start(&settings).expect("first start");
    psql(&server, "create table t (n int); insert into t values (1)");
    let pid = server.pid();
    let LocalPostgres { server, _lock: lock, .. } = server;
    mem::forget(server);
    drop(lock);
    assert!(!is_gone(pid));
    let server = LocalPostgres::start(&settings).expect("second start");
    assert!(is_gone(pid));
    assert_ne!(server.pid(), pid);
    assert_eq!(psql(&server, "select n from t"), "1");
    let log = fs::read_to_string(settings.data_dir.join("postgres.log")).expect("log");
    assert_eq!(log.matches("not properly shut down").count(), 0, "{log}");
}

#[test]
fn killed_owner_leaves_a_usable_folder() {
    let scratch = Scratch::new();
    let settings = scratch.settings("data");
    let pid = run_helper(settings.data_dir.as_os_str().to_str().expect("UTF-8"), true).1;
    assert!(!is_gone(pid), "without a watchdog the server goes on");
    let server = LocalPostgres::start(&settings).expect("start");
    assert!(is_gone(pid));
    assert_eq!(psql(&server, "select 1"), "1");
}

#[test]
fn killed_server_is_noticed_and_recovers() {
    let scratch = Scratch::new();
    // Otherwise what was committed just before may be lost, as promised.
    let settings = Settings { durable: true, ..scratch.settings("data") };
    let server = LocalPostgres::start(&settings).expect("first start");
    psql(&server, "create table t (n int); insert into t values (7)");
    kill(raw(server.pid()), Signal::SIGKILL).expect("kill");
    wait_until("the end is noticed", || !server.is_running());
    server.stop().expect("nothing left to stop");
    let server = LocalPostgres::start(&settings).expect("second start");
    assert_eq!(psql(&server, "select n from t"), "7");
}

#[test]
fn throw_away_is_removed() {
    for explicit in [true, false] {
        let server = LocalPostgres::throw_away().expect("start");
        let (folder, pid) = (server.data_dir().to_path_buf(), server.pid());
        assert!(server.socket_dir().starts_with(&folder));
        assert_eq!(psql(&server, "show max_connections"), "300");
        assert_eq!(psql(&server, "show fsync"), "off");
        if explicit {
            server.stop().expect("stop");
        } else {
            drop(server);
        }
        assert!(!folder.exists());
        assert!(is_gone(pid));
    }
}

#[test]
fn throw_away_vanishes_with_its_process() {
    for kill in [true, false] {
        let (folder, pid) = run_helper("throw-away", kill);
        wait_until("the folder is removed", || !folder.exists());
        wait_until("the server has ended", || is_gone(pid));
    }
}

/// Runs the helper below in a process of its own until it has a server, then kills it or lets it exit.
fn run_helper(what: &str, kill: bool) -> (PathBuf, u32) {
    let (_, module) = module_path!().split_once("::").expect("a module in a crate");
    let mut child = Command::new(env::current_exe().expect("test binary"))
        .args(["--exact", "--nocapture", &format!("{module}::helper")])
        .env(HELPER, what)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("test binary runs");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    let line = output
        .lines()
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("SERVER ")?.1.to_owned()))
        .expect("the helper starts a server");
    let (pid, folder) = line.split_once(' ').expect("two fields");
    assert!(Path::new(folder).exists());
    if kill {
        child.kill().expect("kill");
    } else {
        drop(child.stdin.take());
    }
    assert_eq!(child.wait().expect("wait").success(), !kill);
    (PathBuf::from(folder), pid.parse().expect("a number"))
}

/// No test by itself: the process that ends without running destructors.
#[test]
fn helper() {
    let Ok(what) = env::var(HELPER) else { return };
    let server = match what.as_str() {
        "throw-away" => LocalPostgres::throw_away(),
        data_dir => LocalPostgres::start(&Settings { durable: false, ..Settings::new(data_dir) }),
    }
    .expect("start");
    let mut stdout = io::stdout();
    writeln!(stdout, "SERVER {} {}", server.pid(), server.data_dir().display()).expect("write");
    stdout.flush().expect("flush");
    let mut line = String::new();
    io::stdin().read_line(&mut line).expect("read");
    process::exit(0);
}
