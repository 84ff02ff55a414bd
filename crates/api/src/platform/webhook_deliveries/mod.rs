//! What was delivered to webhooks.

pub mod routes;
pub(crate) mod service;
pub mod views;
