//! The change feed: what other programs need to keep a copy up to date.

pub mod routes;
mod service;
mod stream;
mod streams;
pub mod views;

pub use streams::Streams;
