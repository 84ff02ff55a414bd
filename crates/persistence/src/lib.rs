//! What is stored: one file per aggregate with its private rows and queries.
//!
//! [`Db`] is the only door to the database and [`Tx`] what one gets behind it; every query of tenant data
//! starts from a `visible(tx)` that applies tenant and data scope.

pub mod access;
pub mod customers;
mod db;
pub mod dumps;
pub mod engagement;
mod json;
pub mod local_postgres;
pub mod migrations;
pub mod paging;
pub mod platform;
mod schema;

pub use db::{AsStoreError, Clock, Db, DbSettings, QueryStats, StoreError, Tx};
pub use json::Json;
