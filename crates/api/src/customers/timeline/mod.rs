//! What happened with a customer, in one line.

pub mod routes;
mod service;
pub mod views;
