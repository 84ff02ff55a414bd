//! Contacts: the people at a customer.

pub mod routes;
pub mod searching;
pub mod service;
pub mod views;
