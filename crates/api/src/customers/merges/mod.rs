//! Making one of two customers, and two of one again.

pub mod merging;
pub mod routes;
pub mod service;
pub mod undoing;
pub mod views;
