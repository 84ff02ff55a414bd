//! Keys of API clients.

pub mod routes;
pub mod service;
pub mod views;
