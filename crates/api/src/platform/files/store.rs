//! Where the content of files lies: a folder, or S3 and what speaks like it.

use std::path::Path as Folder;
use std::sync::{Arc, Mutex, PoisonError};

use fulcrum_domain::platform::{FILE_TYPES, FileType};
use futures_util::StreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt};
use url::Url;
use uuid::Uuid;

use crate::http::catalog::Code;
use crate::http::problem::Problem;
use crate::settings::OutsideSettings;

/// Bytes that are kept in memory of a file that is coming in: for a folder, and the least that S3 takes as a part.
const PART: usize = 256 << 10;
const S3_PART: usize = 5 << 20;
/// Files that come in at one time, of everybody and of one caller.
const MOST: usize = 100;
const MOST_OF_ONE: usize = 8;

/// Where it is noted whose the store is.
const OWNER: &str = "installation";

/// Where the content of files lies.
#[derive(Clone)]
pub struct FileStore {
    objects: Arc<dyn ObjectStore>,
    /// Where that is, if it is a folder.
    folder: Option<Arc<Folder>>,
    /// Bytes that a file may have.
    pub limit: u64,
    /// Bytes that a spreadsheet may have.
    spreadsheet_limit: u64,
    /// Who is sending one just now, as often as they are.
    coming: Arc<Mutex<Vec<Option<Uuid>>>>,
    /// Endings that are taken; all known ones when there are none.
    endings: Arc<[String]>,
}

impl FileStore {
    /// As the settings say; without a word in a folder of the data folder, which is made when it isn't there.
    ///
    /// # Errors
    /// A sentence for a person.
    pub fn open(settings: &OutsideSettings, data: &Folder) -> Result<FileStore, String> {
        for ending in &settings.file_types {
            if !FILE_TYPES.iter().any(|known| known.extensions.contains(&ending.as_str())) {
                let known: Vec<&str> =
                    FILE_TYPES.iter().flat_map(|known| known.extensions).copied().collect();
                return Err(format!("--file-types: {ending:?} is not one of {}", known.join(", ")));
            }
        }
        let place = match &settings.file_store {
            Some(url) if url.scheme() == "s3" => None,
            Some(url) if url.scheme() == "file" => {
                Some(url.to_file_path().map_err(|()| format!("--file-store {url}: expected file:///path"))?)
            }
            Some(url) => {
                return Err(format!("--file-store {url}: expected s3://bucket/folder or file:///path"));
            }
            None => Some(data.join("files")),
        };
        let objects: Arc<dyn ObjectStore> = match (&place, &settings.file_store) {
            (None, Some(url)) => s3(url)?,
            (place, _) => Arc::new(folder(place.as_deref().unwrap_or(data))?),
        };
        let endings = settings.file_types.clone().into();
        Ok(FileStore {
            objects,
            folder: place.map(Into::into),
            limit: settings.file_limit,
            spreadsheet_limit: settings.spreadsheet_limit.max(settings.file_limit),
            coming: Arc::default(),
            endings,
        })
    }

    /// Bytes that a file of this name may have.
    pub(super) fn limit_of(&self, name: &str) -> u64 {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
        let spreadsheet = matches!(ending.as_str(), "csv" | "tsv" | "xlsx");
        if spreadsheet { self.spreadsheet_limit } else { self.limit }
    }

    /// Whether files of this type are taken here.
    pub(super) fn takes(&self, file_type: &FileType) -> bool {
        self.endings.is_empty()
            || file_type.extensions.iter().any(|ending| self.endings.iter().any(|taken| taken == ending))
    }

    /// The objects.
    pub(crate) fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// Its folder, if it is one.
    pub(crate) fn folder(&self) -> Option<&Folder> {
        self.folder.as_deref()
    }

    /// The database that it belongs to, by its epoch; nobody's yet when there is nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn owner(&self) -> object_store::Result<Option<Uuid>> {
        match self.objects.get(&Path::from(OWNER)).await {
            Ok(found) => {
                Ok(std::str::from_utf8(&found.bytes().await?).ok().and_then(|text| text.parse().ok()))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// From now on it belongs to this database.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn own(&self, epoch: Uuid) -> object_store::Result<()> {
        self.objects.put(&Path::from(OWNER), epoch.to_string().into()).await.map(|_| ())
    }

    /// Whether there is the content of any file in it.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn is_empty(&self) -> object_store::Result<bool> {
        let mut listed = self.objects.list(None);
        while let Some(object) = listed.next().await {
            if at(&object?.location).is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A place for a file that comes in, given back when it is dropped.
    ///
    /// # Errors
    /// 503 when there is none, of all or of this caller's.
    pub(super) fn place_for(&self, who: Option<Uuid>) -> Result<Coming, Problem> {
        let mut coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner);
        let of_one = coming.iter().filter(|other| **other == who).count();
        if coming.len() >= MOST || of_one >= MOST_OF_ONE {
            return Err(Problem::new(Code::Overloaded).retry_after(5));
        }
        coming.push(who);
        Ok(Coming { all: self.coming.clone(), who })
    }

    /// Takes content in, piece by piece. What isn't finished is not there.
    pub(crate) fn writer(&self, tenant_id: Uuid, id: Uuid) -> BufWriter {
        let part = if self.folder.is_some() { PART } else { S3_PART };
        BufWriter::with_capacity(self.objects.clone(), place(tenant_id, id), part).with_max_concurrency(1)
    }

    /// Puts content in its place.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn put(
        &self,
        tenant_id: Uuid,
        id: Uuid,
        content: &'static [u8],
    ) -> object_store::Result<()> {
        self.objects.put(&place(tenant_id, id), content.into()).await.map(|_| ())
    }

    /// Removes content. What isn't there is as good as removed.
    pub(super) async fn remove(&self, tenant_id: Uuid, id: Uuid) {
        match self.objects.delete(&place(tenant_id, id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            // The next sweep finds it.
            Err(error) => tracing::warn!(%error, file = %id, "the content of a file could not be removed"),
        }
    }
}

/// A file that is coming in.
pub(super) struct Coming {
    all: Arc<Mutex<Vec<Option<Uuid>>>>,
    who: Option<Uuid>,
}

impl Drop for Coming {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = all.iter().position(|other| *other == self.who) {
            all.swap_remove(place);
        }
    }
}

/// Where the content of a file lies in the store.
pub(super) fn place(tenant_id: Uuid, id: Uuid) -> Path {
    Path::from_iter([tenant_id.to_string(), id.to_string()])
}

/// Whose content lies at a place, if it is one of ours.
pub(crate) fn at(place: &Path) -> Option<(Uuid, Uuid)> {
    let mut parts = place.parts();
    let (tenant, id) = (parts.next()?, parts.next()?);
    let ids = (tenant.as_ref().parse().ok()?, id.as_ref().parse().ok()?);
    parts.next().is_none().then_some(ids)
}

/// Makes a folder that nobody else may look into: everything that the company knows is in it.
///
/// # Errors
/// Those of the system; when it is there already, unless it may be.
pub(crate) fn private_folder(path: &Folder, may_be_there: bool) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(may_be_there);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn folder(path: &Folder) -> Result<LocalFileSystem, String> {
    let failed = |error: &dyn std::fmt::Display| format!("the folder for files {}: {error}", path.display());
    private_folder(path, true).map_err(|error| failed(&error))?;
    let store = LocalFileSystem::new_with_prefix(path).map_err(|error| failed(&error))?;
    // A file that was answered for is there after the power has gone.
    Ok(store.with_fsync(true))
}

/// Credentials, region and endpoint come from the usual AWS_… variables.
fn s3(url: &Url) -> Result<Arc<dyn ObjectStore>, String> {
    let failed = |error: object_store::Error| format!("--file-store {url}: {error}");
    let bucket = url.host_str().ok_or_else(|| format!("--file-store {url}: there is no bucket"))?;
    let store = AmazonS3Builder::from_env().with_bucket_name(bucket).build().map_err(failed)?;
    Ok(match url.path().trim_matches('/') {
        "" => Arc::new(store),
        prefix => Arc::new(PrefixStore::new(store, prefix)),
    })
}
