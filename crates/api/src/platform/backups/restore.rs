//! Bringing a backup back, into an installation in which there is nothing.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use fulcrum_persistence::dumps;
use tokio::io::AsyncWriteExt;

use super::make::sum_of;
use super::{DUMP, FILES, FORMAT, MANIFEST, Manifest, Report, SUMS};
use crate::platform::files::FileStore;

/// Checks a backup and brings it into an empty database and the file store. The database is brought up to this program by who
/// calls this.
///
/// # Errors
/// A sentence for a person; the database is as empty as it was then.
pub(crate) async fn restore(
    url: &str,
    pg_bin: Option<&Path>,
    files: &FileStore,
    folder: &Path,
    report: Report<'_>,
) -> Result<Manifest, String> {
    let manifest = check(folder, report)?;
    if !dumps::is_empty(url).map_err(|error| error.to_string())? {
        return Err(
            "the database is not empty: a backup is brought back into an empty one, so that nothing is lost"
                .into(),
        );
    }
    // Files that the database doesn't know of are removed some day; the other way round they would be missing.
    put_files(files, &folder.join(FILES), manifest.files, report).await?;
    dumps::clear(url).map_err(|error| error.to_string())?;
    let mut done = 0;
    report("tables", 0, 0);
    let brought = dumps::restore(url, pg_bin, &folder.join(DUMP), || {
        done += 1;
        report("tables", done, done);
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
    Ok(manifest)
}

/// Compares everything with its checksum, before anything is done.
fn check(folder: &Path, report: Report<'_>) -> Result<Manifest, String> {
    let said = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let sums = folder.join(SUMS);
    let lines = BufReader::new(File::open(&sums).map_err(|error| said(&sums, error))?).lines();
    let lines: Vec<String> = lines.collect::<Result<_, _>>().map_err(|error| said(&sums, error))?;
    let mut known = 0;
    for (number, line) in lines.iter().enumerate() {
        let (sum, name) =
            line.split_once("  ").ok_or_else(|| format!("{}: can't be read", sums.display()))?;
        let path = folder.join(name);
        if sum_of(&path).map_err(|error| said(&path, error))? != sum {
            return Err(format!("{}: it is not what was written: the checksum differs", path.display()));
        }
        known += u32::from([DUMP, MANIFEST].contains(&name));
        report("checksums", number as u64 + 1, lines.len() as u64);
    }
    if known != 2 {
        return Err(format!("{}: it doesn't name {DUMP} and {MANIFEST}", sums.display()));
    }
    let path = folder.join(MANIFEST);
    let text = fs::read(&path).map_err(|error| said(&path, error))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    match manifest.format {
        FORMAT => Ok(manifest),
        other => Err(format!("{}: this program doesn't know the form {other}", path.display())),
    }
}

async fn put_files(files: &FileStore, from: &Path, total: u64, report: Report<'_>) -> Result<(), String> {
    let said = |error: std::io::Error| format!("{}: {error}", from.display());
    let mut done = 0;
    report("files", 0, total);
    if !from.exists() {
        return Ok(());
    }
    for tenant in fs::read_dir(from).map_err(said)? {
        let tenant = tenant.map_err(said)?;
        for file in fs::read_dir(tenant.path()).map_err(said)? {
            let file = file.map_err(said)?;
            let ids =
                (tenant.file_name().to_string_lossy().parse(), file.file_name().to_string_lossy().parse());
            let (Ok(tenant_id), Ok(id)) = ids else { continue };
            let mut writer = files.writer(tenant_id, id);
            let mut content = File::open(file.path()).map_err(said)?;
            let mut piece = vec![0; 1 << 20];
            loop {
                match content.read(&mut piece).map_err(said)? {
                    0 => break,
                    read => writer.write_all(&piece[..read]).await.map_err(said)?,
                }
            }
            writer.shutdown().await.map_err(said)?;
            done += 1;
            report("files", done, total.max(done));
        }
    }
    Ok(())
}
