//! Copies of the whole installation, made while it works, and brought back.
//!
//! A backup is a folder: `database.dump` (the custom format of `pg_dump`), `files` as in the store, `manifest.json`, and
//! `SHA256SUMS` over all of it, which `sha256sum -c` understands. The database comes first, so every file that it knows of is there.
//! The installation's secret is not in it.

mod make;
mod nightly;
mod restore;

pub(crate) use make::{Source, make};
pub(crate) use nightly::{Nightly, run};
pub(crate) use restore::restore;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What is told of how far it has come: what is being done, how much of it is done, and how much there is. Says whether to go on.
pub(crate) type Report<'a> = &'a mut dyn FnMut(&str, u64, u64) -> bool;

const STOPPED: &str = "it was stopped";

const DUMP: &str = "database.dump";
const FILES: &str = "files";
const MANIFEST: &str = "manifest.json";
const SUMS: &str = "SHA256SUMS";
/// What folders of backups are called, with the time behind it: those that somebody wanted, and those of every night.
pub(crate) const WANTED: &str = "fulcrum-";
const NIGHTLY: &str = "fulcrum-nightly-";
/// What is behind the name of one that isn't complete.
const PARTIAL: &str = ".partial";

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The form of the folder.
    pub(crate) format: u32,
    /// When it was begun: what happened later is not in it.
    pub(crate) begun_at: DateTime<Utc>,
    /// The program that made it.
    pub(crate) fulcrum: String,
    /// Files that it holds.
    pub(crate) files: u64,
    /// Bytes of these.
    pub(crate) file_bytes: u64,
}

/// The form that this program writes, and the only one that there is.
const FORMAT: u32 = 1;

/// Where and how many backups are kept that the installation makes by itself.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Their folder.
    pub folder: PathBuf,
    /// How many of them are kept.
    pub keep: usize,
    /// Folder with PostgreSQL's programs.
    pub pg_bin: Option<PathBuf>,
}

/// The complete backups in a folder whose names begin like this, newest first.
fn kept(folder: &Path, prefix: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(prefix) && !name.ends_with(PARTIAL) && path.join(MANIFEST).is_file() {
            found.push((name.trim_start_matches(NIGHTLY).trim_start_matches(WANTED).to_owned(), path));
        }
    }
    // By the time in the name.
    found.sort_unstable_by(|one, other| other.cmp(one));
    Ok(found.into_iter().map(|(_, path)| path).collect())
}
