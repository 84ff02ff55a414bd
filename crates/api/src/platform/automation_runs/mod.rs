//! What became of automations, each time that they were asked.

pub mod routes;
pub(crate) mod service;
pub mod views;
