//! The same interface where there is no private PostgreSQL: it can be named, but never be had.

use std::convert::Infallible;
use std::path::Path;

use super::{LocalPostgresError, Settings};

/// A running private server; on this platform there never is one.
#[derive(Debug)]
pub struct LocalPostgres(Infallible);

impl LocalPostgres {
    /// Always [`LocalPostgresError::Unsupported`].
    pub fn start(_: &Settings) -> Result<Self, LocalPostgresError> {
        Err(LocalPostgresError::Unsupported)
    }

    /// Always [`LocalPostgresError::Unsupported`].
    pub fn throw_away() -> Result<Self, LocalPostgresError> {
        Err(LocalPostgresError::Unsupported)
    }

    /// Never called.
    pub fn url(&self, _: &str) -> String {
        match self.0 {}
    }

    /// Never called.
    pub fn url_of_running(_: &Path, _: &str) -> Option<String> {
        None
    }

    /// Never called: there is none.
    pub fn data_dir(&self) -> &Path {
        match self.0 {}
    }

    /// Never called.
    pub fn socket_dir(&self) -> &Path {
        match self.0 {}
    }

    /// Never called.
    pub fn bin_dir(&self) -> &Path {
        match self.0 {}
    }

    /// Never called.
    pub fn version(&self) -> u32 {
        match self.0 {}
    }

    /// Never called.
    pub fn pid(&self) -> u32 {
        match self.0 {}
    }

    /// Never called.
    pub fn is_running(&self) -> bool {
        match self.0 {}
    }

    /// Never called.
    pub fn stop(self) -> Result<(), LocalPostgresError> {
        match self.0 {}
    }
}
