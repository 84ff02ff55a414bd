//! The event log.

pub mod routes;
pub mod views;
pub(crate) mod vocabulary;
