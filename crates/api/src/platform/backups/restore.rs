//! Bringing a backup back, into an installation in which there is nothing.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Component, Path};

use fulcrum_persistence::dumps;
use tokio::io::AsyncWriteExt;

use super::make::{Source, sum_of};
use super::{DUMP, FILES, FORMAT, MANIFEST, Manifest, Report, SUMS};
use crate::platform::files::FileStore;

/// Checks a backup and brings it into an empty database and the file store. The database is brought up to this program by who
/// calls this.
///
/// # Errors
/// A sentence for a person; the database is as empty as it was then, and marked: it takes another restore, and nothing else.
pub(crate) async fn restore(
    into: &Source<'_>,
    folder: &Path,
    files_are_there: bool,
    report: Report<'_>,
) -> Result<Manifest, String> {
    let Source { url, pg_bin, files } = *into;
    let (manifest, names) = check(folder, report)?;
    if !dumps::is_empty(url).map_err(|error| error.to_string())? {
        return Err(
            "the database is not empty: a backup is brought back into an empty one, so that nothing is lost"
                .into(),
        );
    }
    let store = |error: object_store::Error| format!("the file store: {error}");
    if !files_are_there
        && !dumps::is_unfinished(url).map_err(|error| error.to_string())?
        && !files.is_empty().await.map_err(store)?
    {
        return Err(
            "the file store is not empty: perhaps another database needs what is in it. Name another one \
                    (--data, --file-store), or say --files-are-there when these are the files of the backup"
                .into(),
        );
    }
    // From here on nobody works with it until it is finished, and it can be begun again.
    dumps::begin_restore(url).map_err(|error| error.to_string())?;
    if !files_are_there {
        // Files that the database doesn't know of are removed some day; the other way round they would be missing.
        put_files(files, folder, &names, report).await?;
    }
    dumps::clear(url).map_err(|error| error.to_string())?;
    let mut done = 0;
    report("tables", 0, 0);
    let brought = dumps::restore(url, pg_bin, &folder.join(DUMP), || {
        done += 1;
        report("tables", done, done)
    });
    let finished = brought.map_err(|error| error.to_string()).and_then(|()| {
        report("event log", 0, 0);
        dumps::begin_epoch(url).map_err(|error| error.to_string())
    });
    if let Err(error) = finished {
        // Half an installation is none.
        dumps::clear(url)
            .map_err(|second| format!("{error}; and then the database could not be emptied: {second}"))?;
        return Err(error);
    }
    let epoch = dumps::epoch(url).map_err(|error| error.to_string())?;
    files.own(epoch).await.map_err(store)?;
    Ok(manifest)
}

/// Compares everything with its checksum, before anything is done. Returns what there is.
fn check(folder: &Path, report: Report<'_>) -> Result<(Manifest, Vec<String>), String> {
    let said = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let sums = folder.join(SUMS);
    let lines = BufReader::new(File::open(&sums).map_err(|error| said(&sums, error))?).lines();
    let lines: Vec<String> = lines.collect::<Result<_, _>>().map_err(|error| said(&sums, error))?;
    let (mut known, mut names) = (0, Vec::new());
    for (number, line) in lines.iter().enumerate() {
        let (sum, name) =
            line.split_once("  ").ok_or_else(|| format!("{}: can't be read", sums.display()))?;
        if Path::new(name).components().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(format!("{}: {name} lies outside of the backup", sums.display()));
        }
        let path = folder.join(name);
        is_plain(folder, Path::new(name)).map_err(|error| said(&path, error))?;
        if sum_of(&path).map_err(|error| said(&path, error))? != sum {
            return Err(format!("{}: it is not what was written: the checksum differs", path.display()));
        }
        known += u32::from([DUMP, MANIFEST].contains(&name));
        names.push(name.to_owned());
        report("checksums", number as u64 + 1, lines.len() as u64);
    }
    if known != 2 {
        return Err(format!("{}: it doesn't name {DUMP} and {MANIFEST}", sums.display()));
    }
    let path = folder.join(MANIFEST);
    let text = fs::read(&path).map_err(|error| said(&path, error))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let files = names.iter().filter(|name| name.starts_with(FILES)).count() as u64;
    if files != manifest.files {
        return Err(format!("{}: {files} of {} files are there", sums.display(), manifest.files));
    }
    match manifest.format {
        FORMAT => Ok((manifest, names)),
        other => Err(format!("{}: this program doesn't know the form {other}", path.display())),
    }
}

/// Refuses what leads elsewhere: a backup may come from somebody else's hands.
fn is_plain(folder: &Path, name: &Path) -> std::io::Result<()> {
    let mut path = folder.to_owned();
    for part in name.components() {
        path.push(part);
        if path.symlink_metadata()?.is_symlink() {
            return Err(std::io::Error::other("it is a link to something else"));
        }
    }
    match path.is_file() {
        true => Ok(()),
        false => Err(std::io::Error::other("it is no file")),
    }
}

/// Puts the files in their places, those that have a checksum.
async fn put_files(
    files: &FileStore,
    folder: &Path,
    names: &[String],
    report: Report<'_>,
) -> Result<(), String> {
    let mine = names.iter().filter_map(|name| {
        let (tenant_id, id) = name.strip_prefix(FILES)?.trim_start_matches('/').split_once('/')?;
        Some((folder.join(name), tenant_id.parse().ok()?, id.parse().ok()?))
    });
    let mine: Vec<_> = mine.collect();
    for (number, (path, tenant_id, id)) in mine.iter().enumerate() {
        let said = |error: std::io::Error| format!("{}: {error}", path.display());
        let mut writer = files.writer(*tenant_id, *id);
        let mut content = File::open(path).map_err(said)?;
        let mut piece = vec![0; 1 << 20];
        loop {
            match content.read(&mut piece).map_err(said)? {
                0 => break,
                read => writer.write_all(&piece[..read]).await.map_err(said)?,
            }
        }
        writer.shutdown().await.map_err(said)?;
        report("files", number as u64 + 1, mine.len() as u64);
    }
    Ok(())
}
