//! Where things are in the data folder, and the folder of the socket.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use super::account::Account;
use super::{LocalPostgresError, lock};

/// The server listens on this socket only; the number is part of the socket's name.
pub(super) const PORT: u16 = 5432;

/// The longest path of a socket on any Unix (macOS: 104 bytes with the end mark; Linux: 108).
const LONGEST_SOCKET_PATH: usize = 103;

/// Paths below one data folder.
#[derive(Debug)]
pub(super) struct Folders {
    /// Absolute and without symbolic links, so that two names of one folder look the same.
    pub(super) data_dir: PathBuf,
    /// What PostgreSQL calls its data directory.
    pub(super) pgdata: PathBuf,
    pub(super) log: PathBuf,
    /// Made by us or empty: then we may open it up for the server's user.
    pub(super) ours: bool,
}

impl Folders {
    /// Makes the data folder when it is missing.
    pub(super) fn prepare(data_dir: &Path) -> Result<Self, LocalPostgresError> {
        // Read first: afterwards everything looks like ours.
        let ours = match fs::read_dir(data_dir) {
            Ok(mut entries) => entries.next().is_none() || data_dir.join(lock::FILE_NAME).exists(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(LocalPostgresError::io("read the data folder", data_dir)(error)),
        };
        DirBuilder::new()
            .recursive(true)
            .mode(data_dir_mode())
            .create(data_dir)
            .map_err(LocalPostgresError::io("make the data folder", data_dir))?;
        let data_dir = fs::canonicalize(data_dir)
            .map_err(LocalPostgresError::io("resolve the data folder", data_dir))?;
        Ok(Self { pgdata: data_dir.join("postgres"), log: data_dir.join("postgres.log"), data_dir, ours })
    }

    /// Makes the private folder of the socket: in the data folder, unless its path is too long for a socket.
    pub(super) fn socket_dir(&self, account: &Account) -> Result<PathBuf, LocalPostgresError> {
        let name = format!("fulcrum-{}-{:016x}", account.uid(), fnv1a(self.data_dir.as_os_str().as_bytes()));
        let temp = fs::canonicalize(std::env::temp_dir()).unwrap_or_else(|_| PathBuf::from("/tmp"));
        let inside = self.data_dir.join("run");
        let dir = if fits(&inside) {
            inside
        } else {
            let dir = [temp, PathBuf::from("/tmp")]
                .into_iter()
                .map(|temp| temp.join(&name))
                .find(|dir| fits(dir))
                .unwrap_or_else(|| Path::new("/tmp").join(&name));
            if let Some(parent) = dir.parent() {
                account.check_reach(parent, false)?;
            }
            dir
        };
        make_private(&dir, account)?;
        Ok(dir)
    }
}

/// As root, the server's user has to pass through the data folder, but needs not look around in it.
pub(super) fn data_dir_mode() -> u32 {
    if geteuid().is_root() { 0o711 } else { 0o700 }
}

fn fits(dir: &Path) -> bool {
    let bytes = dir.join(format!(".s.PGSQL.{PORT}")).into_os_string();
    // Both the server's setting and libpq's `host` are lists, parted by commas.
    bytes.len() <= LONGEST_SOCKET_PATH && !bytes.as_bytes().contains(&b',')
}

/// Whoever can enter this folder is trusted by the server. In a temporary folder, somebody else may have been
/// there first, so what exists is only taken when it cannot have been theirs.
fn make_private(dir: &Path, account: &Account) -> Result<(), LocalPostgresError> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => account.give(dir)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(LocalPostgresError::io("make the folder", dir)(error)),
    }
    let unsafe_dir = |reason: String| LocalPostgresError::UnsafeSocketDir { dir: dir.to_path_buf(), reason };
    let metadata = fs::symlink_metadata(dir).map_err(LocalPostgresError::io("look at", dir))?;
    if !metadata.is_dir() {
        return Err(unsafe_dir("it is not a folder".to_owned()));
    }
    if metadata.uid() == geteuid().as_raw() {
        // Ours, but not handed over yet: a run that was cut off right here.
        account.give(dir)?;
    } else if metadata.uid() != account.uid() {
        return Err(unsafe_dir(format!("it belongs to user number {}", metadata.uid())));
    }
    fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(LocalPostgresError::io("close", dir))
}

/// A hash that stays the same from one build to the next, unlike the standard library's.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Percent-encodes everything that could mean something in a URL.
pub(super) fn percent_encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte))
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
