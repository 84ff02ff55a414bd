//! Customers and their contacts.

pub mod contacts;
#[allow(clippy::module_inception)]
pub mod customers;
pub mod rules;
pub mod timeline;
