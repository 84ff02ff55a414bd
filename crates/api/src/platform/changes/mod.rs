//! The change feed: what other programs need to keep a copy up to date.

pub mod routes;
mod service;
pub mod views;
