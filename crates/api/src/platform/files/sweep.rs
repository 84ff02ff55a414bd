//! Removing what belongs to nothing: files that were never linked, and content that nobody knows of.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use actix_web::web;
use chrono::{DateTime, TimeDelta, Utc};
use fulcrum_persistence::platform::{changes, files as store};
use fulcrum_persistence::{QueryStats, StoreError};
use futures_util::StreamExt;
use object_store::ObjectStore;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::store::at;
use crate::App;
use crate::platform::jobs::{Context, Job, JobFailed, Priority};

/// How long a file may belong to nothing. Uploads that take longer than that don't exist.
const GRACE: TimeDelta = TimeDelta::hours(24);
/// Files that are looked at together.
const AT_ONCE: usize = 500;

/// Removes what belongs to nothing, once a day.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sweep {}

impl Job for Sweep {
    const KIND: &'static str = "platform.file_sweep";
    const PRIORITY: Priority = Priority::Later;
    const MAX_ATTEMPTS: i32 = 3;
}

pub(crate) async fn run(context: Context, _: Sweep) -> Result<(), JobFailed> {
    let before = context.app.db.clock().now() - GRACE;
    if !is_ours(&context).await? {
        return Ok(());
    }
    if let Some(folder) = context.app.files.folder().map(Path::to_owned) {
        web::block(move || remove_leftovers(&folder, before))
            .await
            .map_err(|error| JobFailed::for_now(error.to_string()))?;
    }
    loop {
        let orphans = context.write(move |tx| Ok(store::forget_orphans(tx, before, AT_ONCE as i64)?)).await?;
        // Known to nobody any more; if this ends here, the content is found below another day.
        for (tenant_id, id) in &orphans {
            context.app.files.remove(*tenant_id, *id).await;
        }
        if orphans.len() < AT_ONCE {
            break;
        }
    }
    remove_unknown(&context.app, before).await
}

/// Removes content that nobody knows of.
async fn remove_unknown(app: &web::Data<App>, before: DateTime<Utc>) -> Result<(), JobFailed> {
    let objects = app.files.objects().clone();
    let mut pieces = objects.list(None).chunks(AT_ONCE);
    while let Some(piece) = pieces.next().await {
        let mut old = Vec::new();
        for object in piece {
            let object = object.map_err(|error| JobFailed::for_now(format!("the file store: {error}")))?;
            if object.last_modified < before {
                old.extend(at(&object.location));
            }
        }
        let known = known(app, old.clone()).await?;
        for (tenant_id, id) in old.into_iter().filter(|key| !known.contains(key)) {
            tracing::info!(file = %id, tenant = %tenant_id, "content that nobody knows of is removed");
            app.files.remove(tenant_id, id).await;
        }
    }
    Ok(())
}

/// Whether the store belongs to this database. One that is led to another database's store, by a slip or because a backup was tried
/// out, must not take for orphans what that one knows.
async fn is_ours(context: &Context) -> Result<bool, JobFailed> {
    let epoch = context.write(|tx| Ok(changes::epoch(tx)?)).await?;
    let failed = |error: object_store::Error| JobFailed::for_now(format!("the file store: {error}"));
    match context.app.files.owner().await.map_err(failed)? {
        Some(owner) if owner == epoch => Ok(true),
        Some(_) => {
            tracing::warn!("the file store belongs to another database: nothing in it is removed");
            Ok(false)
        }
        None => {
            context.app.files.own(epoch).await.map_err(failed)?;
            Ok(true)
        }
    }
}

/// What uploads left that were under way when the process was killed: object_store keeps them beside their place, with a `#`, and
/// doesn't list them.
fn remove_leftovers(folder: &Path, before: DateTime<Utc>) {
    for tenant in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        for file in std::fs::read_dir(tenant.path()).into_iter().flatten().flatten() {
            if !file.file_name().to_string_lossy().contains('#') {
                continue;
            }
            let changed = file.metadata().and_then(|known| known.modified()).map(DateTime::<Utc>::from);
            if changed.is_ok_and(|changed| changed < before) {
                let _ = std::fs::remove_file(file.path());
            }
        }
    }
}

async fn known(app: &web::Data<App>, keys: Vec<(Uuid, Uuid)>) -> Result<HashSet<(Uuid, Uuid)>, StoreError> {
    let installation = crate::platform::jobs::system_of(Uuid::nil());
    let stats = Arc::new(QueryStats::default());
    let found = app.db.read(&installation, &stats, move |tx| store::known(tx, &keys)).await?;
    Ok(found.into_iter().collect())
}
