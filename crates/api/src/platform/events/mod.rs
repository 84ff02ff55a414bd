//! The event log.

pub mod routes;
pub mod views;
