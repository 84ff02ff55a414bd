//! Customers and their contacts.

pub mod completeness;
pub mod contacts;
pub mod custom_fields;
#[allow(clippy::module_inception)]
pub mod customers;
pub mod duplicates;
pub mod handovers;
pub mod merges;
pub mod overview;
pub mod rules;
pub mod tags;
pub mod timeline;
