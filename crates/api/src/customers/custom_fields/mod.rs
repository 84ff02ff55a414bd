//! Fields that a company adds to its records.

pub mod columns;
pub mod keeping;
pub mod routes;
pub mod service;
pub mod values;
pub mod views;
