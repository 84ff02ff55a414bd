//! Customers and their contacts.

pub mod contacts;
pub mod custom_field_indexes;
pub mod custom_fields;
#[allow(clippy::module_inception)]
pub mod customers;
pub mod duplicates;
pub mod field_standards;
pub mod handovers;
pub mod merges;
pub mod overview;
pub mod tags;
