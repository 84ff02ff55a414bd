//! Everything about a customer at once: the 360° file.

pub mod routes;
pub mod service;
pub mod views;
