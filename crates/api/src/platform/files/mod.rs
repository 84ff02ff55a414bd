//! Files: what belongs to records and is no text.

mod content;
pub mod routes;
pub(crate) mod service;
mod store;
pub(crate) mod sweep;
pub(crate) mod transport;
mod upload;
pub mod views;

pub(crate) use service::create;
pub use store::FileStore;
pub(crate) use store::{at, private_folder};
pub(crate) use upload::Upload;
