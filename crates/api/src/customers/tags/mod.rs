//! The catalogue of tags, and tagging many customers at once.

pub mod renaming;
pub mod routes;
pub mod service;
pub mod tagging;
pub mod views;
