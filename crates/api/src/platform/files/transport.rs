//! Content of files on its way between the store and the disk of who works with it: never as a whole in memory.

use std::fs::File;
use std::io::{Read, Write};

use actix_web::web::{self, Bytes};
use futures_util::StreamExt;
use object_store::ObjectStoreExt;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use super::store::{FileStore, place};
use crate::platform::jobs::JobFailed;

fn failed(error: &dyn std::fmt::Display) -> JobFailed {
    JobFailed::for_now(format!("the file store: {error}"))
}

/// Puts a file into the store, from where it stands. Returns its size and SHA-256.
///
/// # Errors
/// Those of the store and of the disk.
pub(crate) async fn put(
    store: &FileStore,
    tenant_id: Uuid,
    id: Uuid,
    file: File,
) -> Result<(u64, [u8; 32]), JobFailed> {
    let mut writer = store.writer(tenant_id, id);
    let (mut file, mut size, mut hash) = (file, 0, Sha256::new());
    loop {
        let read = web::block(move || {
            let mut piece = vec![0; 256 << 10];
            file.read(&mut piece).map(|length| {
                piece.truncate(length);
                (file, piece)
            })
        });
        let read = read.await.map_err(|error| failed(&error))?;
        let (rest, piece) = read.map_err(|error| failed(&error))?;
        file = rest;
        if piece.is_empty() {
            break;
        }
        size += piece.len() as u64;
        hash.update(&piece);
        writer.put(Bytes::from(piece)).await.map_err(|error| failed(&error))?;
    }
    writer.shutdown().await.map_err(|error| failed(&error))?;
    Ok((size, hash.finalize().into()))
}

/// Brings a file of the company's to the disk, where it can be read from any place. It is gone with what is returned.
///
/// # Errors
/// Those of the store and of the disk; for good when the content isn't there.
pub(crate) async fn fetch(store: &FileStore, tenant_id: Uuid, id: Uuid) -> Result<NamedTempFile, JobFailed> {
    let found = store.objects().get(&place(tenant_id, id)).await.map_err(|error| match error {
        object_store::Error::NotFound { .. } => JobFailed::for_good("the content of the file is gone"),
        error => failed(&error),
    })?;
    let mut copy = NamedTempFile::new().map_err(|error| failed(&error))?;
    let mut pieces = found.into_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| failed(&error))?;
        let written = web::block(move || copy.write_all(&piece).map(|()| copy)).await;
        copy = written.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    }
    Ok(copy)
}
