//! The backup of every night.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::make::Source;
use super::{NIGHTLY, PARTIAL, kept, make};
use crate::platform::jobs::{Context, Job, JobFailed, Priority};

/// Makes a backup and removes those that are too many.
#[derive(Serialize, Deserialize)]
pub(crate) struct Nightly {}

impl Job for Nightly {
    const KIND: &'static str = "platform.backup";
    const PRIORITY: Priority = Priority::Later;
    // The next night brings the next one.
    const MAX_ATTEMPTS: i32 = 3;
}

pub(crate) async fn run(context: Context, _: Nightly) -> Result<(), JobFailed> {
    let Some(plan) = context.app.backups.clone() else {
        return Err(JobFailed::for_now("this worker keeps no backups"));
    };
    let (files, url, now) =
        (context.app.files.clone(), context.database_url.clone(), context.app.db.clock().now());
    let stopping = context.stopping.clone();
    // It reads and writes a lot: not where requests and other jobs wait for it.
    let made = actix_web::web::block(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        remove_leftovers(&plan.folder);
        let source = Source { url: &url, pg_bin: plan.pg_bin.as_deref(), files: &files };
        let goes_on: super::Report = &mut |_, _, _| !*stopping.borrow();
        let made = runtime.block_on(make(&source, &plan.folder, NIGHTLY, now, goes_on))?;
        remove_old(&plan.folder, plan.keep)?;
        Ok::<_, String>(made)
    })
    .await
    .map_err(|error| JobFailed::for_now(error.to_string()))?;
    let folder = made.map_err(JobFailed::for_now)?;
    tracing::info!(folder = %folder.display(), "a backup is made");
    Ok(())
}

/// One that nobody has written to for so long was killed.
const DEAD: Duration = Duration::from_secs(24 * 3600);

/// What a backup left that was killed.
fn remove_leftovers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let changed = entry.metadata().and_then(|known| known.modified());
        let dead = changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|since| since > DEAD));
        if name.starts_with(NIGHTLY) && name.ends_with(PARTIAL) && dead {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn remove_old(folder: &Path, keep: usize) -> Result<(), String> {
    let said = |error: std::io::Error| format!("{}: {error}", folder.display());
    for old in kept(folder, NIGHTLY).map_err(said)?.into_iter().skip(keep) {
        fs::remove_dir_all(&old).map_err(said)?;
    }
    Ok(())
}
