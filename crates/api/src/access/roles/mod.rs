//! Roles.

pub mod routes;
pub mod service;
pub mod views;
