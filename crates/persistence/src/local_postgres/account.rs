//! The user that the server runs as: ours, except that PostgreSQL refuses to run as root.

use std::env;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{Uid, User, geteuid};

use super::LocalPostgresError;

/// Tried in this order when we are root.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// The server's user.
#[derive(Debug)]
pub(super) struct Account {
    name: String,
    uid: u32,
    /// User and group to switch to; `None` when the server runs as whoever we are.
    switch_to: Option<(u32, u32)>,
}

impl Account {
    /// The user for this PostgreSQL data folder, which may not exist yet.
    pub(super) fn for_data(pgdata: &Path) -> Result<Self, LocalPostgresError> {
        let owner = match fs::metadata(pgdata) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(LocalPostgresError::io("look at", pgdata)(error)),
        };
        let us = geteuid();
        if !us.is_root() {
            return match owner {
                Some(owner) if owner.uid() != us.as_raw() => {
                    Err(other_owner(pgdata, &owner, user_name(us.as_raw())))
                }
                _ => Ok(Self { name: user_name(us.as_raw()), uid: us.as_raw(), switch_to: None }),
            };
        }
        match owner {
            Some(owner) if owner.uid() == 0 => {
                let wanted = CANDIDATES.into_iter().find(|name| matches!(User::from_name(name), Ok(Some(_))));
                Err(other_owner(pgdata, &owner, wanted.unwrap_or("postgres").to_owned()))
            }
            // Data that is there decides: `postgres` may have come into being after `nobody` made it.
            Some(owner) => Ok(Self {
                name: user_name(owner.uid()),
                uid: owner.uid(),
                switch_to: Some((owner.uid(), owner.gid())),
            }),
            None => CANDIDATES
                .into_iter()
                .find_map(|name| User::from_name(name).ok().flatten())
                .map(|user| Self {
                    name: user.name,
                    uid: user.uid.as_raw(),
                    switch_to: Some((user.uid.as_raw(), user.gid.as_raw())),
                })
                .ok_or(LocalPostgresError::NoServerUser),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// A program to be run as this user, in surroundings that do not depend on how we were started.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // Not in our current folder: the server's user may not even be allowed to enter it.
        command.current_dir("/").stdin(Stdio::null()).env("LC_ALL", "C");
        // PGPORT, PGDATA and the like are meant for somebody else's server.
        for (name, _) in env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        if let Some((uid, gid)) = self.switch_to {
            // The standard library drops root's supplementary groups along with this.
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Hands a file or folder over to this user.
    pub(super) fn give(&self, path: &Path) -> Result<(), LocalPostgresError> {
        match self.switch_to {
            Some((uid, gid)) => {
                chown(path, Some(uid), Some(gid)).map_err(LocalPostgresError::io("change the owner of", path))
            }
            None => Ok(()),
        }
    }

    /// Makes sure that this user can get to `dir` (an absolute path without symbolic links). With `open_up`,
    /// `dir` itself is ours to open when it is closed.
    pub(super) fn check_reach(&self, dir: &Path, open_up: bool) -> Result<(), LocalPostgresError> {
        if self.switch_to.is_none() {
            return Ok(());
        }
        let mut way: Vec<&Path> = dir.ancestors().collect();
        way.reverse();
        for folder in way {
            let metadata = fs::metadata(folder).map_err(LocalPostgresError::io("look at", folder))?;
            if self.may_enter(folder, &metadata) {
                continue;
            }
            if !(open_up && folder == dir) {
                return Err(LocalPostgresError::NotTraversable {
                    user: self.name.clone(),
                    folder: folder.to_path_buf(),
                });
            }
            // Entering is all that it takes; what is in the folder still cannot be listed.
            let mut permissions = metadata.permissions();
            permissions.set_mode(permissions.mode() | 0o011);
            fs::set_permissions(folder, permissions).map_err(LocalPostgresError::io("open up", folder))?;
        }
        Ok(())
    }

    fn may_enter(&self, folder: &Path, metadata: &Metadata) -> bool {
        let Some((uid, gid)) = self.switch_to else { return true };
        let bit = match (metadata.uid() == uid, metadata.gid() == gid) {
            (true, _) => 0o100,
            (false, true) => 0o010,
            (false, false) => 0o001,
        };
        // An access control list may allow what the mode denies: in doubt, that user tries.
        metadata.mode() & bit != 0
            || self
                .command(Path::new("/bin/sh"))
                .args(["-c", "test -x \"$0\""])
                .arg(folder)
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
    }
}

fn other_owner(pgdata: &Path, owner: &Metadata, wanted: String) -> LocalPostgresError {
    LocalPostgresError::OtherOwner { pgdata: pgdata.to_path_buf(), owner: user_name(owner.uid()), wanted }
}

/// The number stands in for users without a name, as containers often have them.
fn user_name(uid: u32) -> String {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}
