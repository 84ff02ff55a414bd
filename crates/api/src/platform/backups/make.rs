//! Making a backup.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use fulcrum_persistence::dumps;
use futures_util::StreamExt;
use object_store::{ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};

use super::{DUMP, FILES, FORMAT, MANIFEST, Manifest, PARTIAL, Report, STOPPED, SUMS, WANTED, kept};
use crate::platform::files::views::hex;
use crate::platform::files::{FileStore, at, private_folder};

/// What is copied.
pub(crate) struct Source<'a> {
    /// libpq URL of the database.
    pub(crate) url: &'a str,
    /// Folder with PostgreSQL's programs.
    pub(crate) pg_bin: Option<&'a Path>,
    /// The files.
    pub(crate) files: &'a FileStore,
}

/// Makes a backup in a new folder below `parent` and returns that. Until it is complete its name ends in `.partial`.
///
/// # Errors
/// A sentence for a person; what was begun is removed.
pub(crate) async fn make(
    source: &Source<'_>,
    parent: &Path,
    prefix: &str,
    now: DateTime<Utc>,
    report: Report<'_>,
) -> Result<PathBuf, String> {
    let folder = parent.join(format!("{prefix}{}", now.format("%Y%m%dT%H%M%SZ")));
    let partial = PathBuf::from(format!("{}{PARTIAL}", folder.display()));
    let said = |error: std::io::Error| format!("{}: {error}", partial.display());
    private_folder(parent, true).map_err(said)?;
    let inside = |store: &Path| Some(parent.canonicalize().ok()?.starts_with(store.canonicalize().ok()?));
    if source.files.folder().and_then(inside) == Some(true) {
        return Err(format!(
            "{} lies in the file store: the next backup would hold this one",
            parent.display()
        ));
    }
    if folder.exists() {
        return Err(format!("{} is there already", folder.display()));
    }
    // The one before, whose files need not be written once more.
    let before = kept(parent, WANTED).ok().and_then(|kept| kept.into_iter().next());
    // Whoever comes second at the same second doesn't write into the same folder.
    private_folder(&partial, false).map_err(said)?;
    let made = fill(source, &partial, before.as_deref(), now, report).await;
    let placed = made.and_then(|()| {
        sync_folder(&partial).map_err(said)?;
        fs::rename(&partial, &folder).map_err(said)?;
        sync_folder(parent).map_err(said)
    });
    match placed {
        Ok(()) => Ok(folder),
        Err(error) => {
            let _ = fs::remove_dir_all(&partial);
            Err(error)
        }
    }
}

/// So that what is in a folder is there after the power has gone.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

async fn fill(
    source: &Source<'_>,
    folder: &Path,
    before: Option<&Path>,
    now: DateTime<Utc>,
    report: Report<'_>,
) -> Result<(), String> {
    let said = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut sums = BufWriter::new(File::create(folder.join(SUMS)).map_err(said)?);
    let dump = folder.join(DUMP);
    let tables = dumps::tables(source.url).map_err(|error| error.to_string())?.max(0) as u64;
    let mut done = 0;
    report("tables", 0, tables);
    dumps::dump(source.url, source.pg_bin, &dump, || {
        done += 1;
        report("tables", done, tables.max(done))
    })
    .map_err(|error| error.to_string())?;
    writeln!(sums, "{}  {DUMP}", sum_of(&dump).map_err(said)?).map_err(said)?;
    let (count, bytes) = copy_files(source.files, folder, before, &mut sums, report).await?;
    let manifest = Manifest {
        format: FORMAT,
        begun_at: now,
        fulcrum: env!("CARGO_PKG_VERSION").into(),
        files: count,
        file_bytes: bytes,
    };
    let text = serde_json::to_vec_pretty(&manifest).map_err(|error| error.to_string())?;
    let mut file = File::create(folder.join(MANIFEST)).map_err(said)?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(said)?;
    writeln!(sums, "{}  {MANIFEST}", hex(&Sha256::digest(&text))).map_err(said)?;
    let sums = sums.into_inner().map_err(|error| error.to_string())?;
    sums.sync_all().map_err(said)?;
    File::open(&dump).and_then(|dump| dump.sync_all()).map_err(said)
}

async fn copy_files(
    files: &FileStore,
    folder: &Path,
    before: Option<&Path>,
    sums: &mut impl Write,
    report: Report<'_>,
) -> Result<(u64, u64), String> {
    let said = |error: std::io::Error| format!("{}: {error}", folder.display());
    let store = |error: object_store::Error| format!("the file store: {error}");
    let known = before.map(sums_of).unwrap_or_default();
    let (mut count, mut bytes) = (0, 0);
    let mut listed = files.objects().list(None);
    report("files", 0, 0);
    while let Some(object) = listed.next().await {
        let object = object.map_err(store)?;
        if at(&object.location).is_none() {
            // Not the content of a file.
            continue;
        }
        let name = format!("{FILES}/{}", object.location);
        let to = folder.join(&name);
        if let Some(parent) = to.parent() {
            private_folder(parent, true).map_err(said)?;
        }
        let linked = match (before, known.get(&name)) {
            (Some(before), Some(sum)) => link(&before.join(&name), &to, sum),
            _ => None,
        };
        let sum = match linked {
            Some(sum) => sum,
            None => match files.objects().get(&object.location).await {
                Ok(found) => {
                    let mut file = File::create(&to).map_err(said)?;
                    let mut pieces = found.into_stream();
                    while let Some(piece) = pieces.next().await {
                        file.write_all(&piece.map_err(store)?).map_err(said)?;
                    }
                    file.sync_all().map_err(said)?;
                    sum_of(&to).map_err(said)?
                }
                // Removed since it was listed: the database didn't know of it any more.
                Err(object_store::Error::NotFound { .. }) => continue,
                Err(error) => return Err(store(error)),
            },
        };
        writeln!(sums, "{sum}  {name}").map_err(said)?;
        count += 1;
        bytes += object.size;
        if !report("files", count, count) {
            return Err(STOPPED.into());
        }
    }
    Ok((count, bytes))
}

/// The checksums of a backup, by name.
fn sums_of(backup: &Path) -> HashMap<String, String> {
    let text = fs::read_to_string(backup.join(SUMS)).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once("  "));
    lines.map(|(sum, name)| (name.to_owned(), sum.to_owned())).collect()
}

/// Content never changes: what the backup before has is the same, and one copy on the disk is enough, as long as it is still what was
/// written.
fn link(from: &Path, to: &Path, sum: &str) -> Option<String> {
    let whole = sum_of(from).ok().filter(|found| found == sum)?;
    fs::hard_link(from, to).ok().map(|()| whole)
}

/// The SHA-256 of a file, in hexadecimal.
pub(super) fn sum_of(path: &Path) -> std::io::Result<String> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    let (mut hash, mut piece) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&piece[..read]),
        }
    }
}
