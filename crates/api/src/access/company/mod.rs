//! What holds for the company as a whole.

pub mod routes;
pub mod service;
pub mod views;
