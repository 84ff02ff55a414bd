//! Why somebody may or may not do something.

pub mod routes;
pub mod service;
pub mod views;
