//! Giving customers, or a whole book of them, to another owner.

pub mod giving;
pub mod routes;
pub mod service;
pub mod undoing;
pub mod views;
