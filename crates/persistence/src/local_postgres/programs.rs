//! Finding the programs of an installed PostgreSQL.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{LocalPostgresError, OLDEST_VERSION};

/// The folder of the programs, when they are in an unusual place.
const ENVIRONMENT_VARIABLE: &str = "FULCRUM_PG_BIN";

/// An installed PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    pub(super) bin_dir: PathBuf,
    /// The major version.
    pub(super) version: u32,
}

impl Programs {
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.bin_dir.join(name)
    }
}

/// The programs to use for the data in `pgdata`, which the major version `existing` made, if it is there.
pub(super) fn find(
    explicit: Option<&Path>,
    existing: Option<u32>,
    pgdata: &Path,
) -> Result<Programs, LocalPostgresError> {
    let from_environment =
        env::var_os(ENVIRONMENT_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let named = match (explicit, &from_environment) {
        (Some(dir), _) => Some(("the configuration", dir)),
        (None, Some(dir)) => Some((ENVIRONMENT_VARIABLE, dir.as_path())),
        (None, None) => None,
    };
    // A place that somebody named is the place: going on to another one would only hide their mistake.
    let found =
        match named {
            Some((origin, dir)) => vec![inspect(dir).map_err(|reason| {
                LocalPostgresError::UnusablePrograms { origin, dir: dir.to_path_buf(), reason }
            })?],
            None => search(),
        };
    choose(found, existing, pgdata)
}

/// The folder of the programs of a major version, else of the newest, if there are any.
pub(super) fn of_version(version: u32) -> Option<PathBuf> {
    let wanted = find(None, Some(version), Path::new("")).or_else(|_| find(None, None, Path::new("")));
    wanted.ok().map(|programs| programs.bin_dir)
}

/// The version that the data needs, else the newest.
pub(super) fn choose(
    found: Vec<Programs>,
    existing: Option<u32>,
    pgdata: &Path,
) -> Result<Programs, LocalPostgresError> {
    if found.is_empty() {
        return Err(LocalPostgresError::NotInstalled { oldest: OLDEST_VERSION });
    }
    let list = found
        .iter()
        .map(|programs| format!("{} in {}", programs.version, programs.bin_dir.display()))
        .collect::<Vec<_>>()
        .join(", ");
    let mut best: Option<Programs> = None;
    for programs in found.into_iter().filter(|programs| programs.version >= OLDEST_VERSION) {
        // The earlier place wins among equals: the PATH says what its owner prefers.
        if existing.is_none_or(|version| version == programs.version)
            && best.as_ref().is_none_or(|best| programs.version > best.version)
        {
            best = Some(programs);
        }
    }
    best.ok_or_else(|| match existing {
        Some(needed) if needed >= OLDEST_VERSION => {
            LocalPostgresError::OtherVersion { pgdata: pgdata.to_path_buf(), needed, found: list }
        }
        _ => LocalPostgresError::TooOld { oldest: OLDEST_VERSION, found: list },
    })
}

/// Everything installed, each place once.
fn search() -> Vec<Programs> {
    let mut found: Vec<Programs> = Vec::new();
    for dir in path_places().into_iter().chain(pg_config_place()).chain(usual_places()) {
        if let Ok(programs) = inspect(&dir)
            && !found.iter().any(|known| known.bin_dir == programs.bin_dir)
        {
            found.push(programs);
        }
    }
    found
}

/// Where `initdb` in the PATH really is: often a link out of a folder that holds not all of the programs.
fn path_places() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places = Vec::new();
    for dir in env::split_paths(&path).filter(|dir| dir.is_absolute()) {
        if let Ok(initdb) = fs::canonicalize(dir.join("initdb")) {
            places.extend(initdb.parent().map(Path::to_path_buf));
            places.push(dir);
        }
    }
    places
}

fn pg_config_place() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(text.trim_end_matches('\n')))
}

fn usual_places() -> Vec<PathBuf> {
    // A parent, what the names of the folders in it begin with, and the way on from there.
    const PLACES: [(&str, &str, &str); 9] = [
        ("/usr/lib/postgresql", "", "bin"),                      // Debian, Ubuntu
        ("/usr", "pgsql-", "bin"),                               // Red Hat, packages of postgresql.org
        ("/usr/lib", "postgresql", "bin"),                       // SUSE
        ("/usr/libexec", "postgresql", ""),                      // Alpine
        ("/opt/homebrew/opt", "postgresql", "bin"),              // Homebrew, Apple silicon
        ("/usr/local/opt", "postgresql", "bin"),                 // Homebrew, Intel
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"), // Homebrew, Linux
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"), // Postgres.app
        ("/Library/PostgreSQL", "", "bin"),                      // macOS, EnterpriseDB's installer
    ];
    let mut places = Vec::new();
    for (parent, prefix, rest) in PLACES {
        let Ok(entries) = fs::read_dir(parent) else { continue };
        for entry in entries.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()) {
                places.push(entry.path().join(rest));
            }
        }
    }
    // Red Hat's and Arch's own packages, should the PATH be empty (a service manager's may be).
    places.extend(["/usr/bin", "/usr/local/bin"].map(PathBuf::from));
    places
}

/// The programs in one folder, or what is wrong with it.
fn inspect(dir: &Path) -> Result<Programs, String> {
    let dir = fs::canonicalize(dir).map_err(|error| format!("it cannot be used: {error}"))?;
    for name in ["initdb", "postgres", "pg_ctl"] {
        if !dir.join(name).is_file() {
            return Err(format!("there is no `{name}` in it"));
        }
    }
    let postgres = dir.join("postgres");
    let output = Command::new(&postgres)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("its `postgres` does not run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match major_version(&text) {
        Some(version) => Ok(Programs { bin_dir: dir, version }),
        None => Err(format!("its `postgres --version` says nothing useful: {:?}", text.trim())),
    }
}

/// 15 from `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, 18 from `postgres (PostgreSQL) 18beta1`.
pub(super) fn major_version(text: &str) -> Option<u32> {
    let word = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let end = word.find(|character: char| !character.is_ascii_digit()).unwrap_or(word.len());
    word[..end].parse().ok()
}
