//! Customers.

pub mod choosing;
pub mod input;
pub mod query;
pub mod routes;
pub mod searching;
pub mod service;
mod stored;
pub mod views;
