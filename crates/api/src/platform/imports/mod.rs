//! Bringing spreadsheets in: looked at, tried out, written, taken back.

pub(crate) mod analysing;
mod deciding;
mod errors_file;
mod people;
mod reading;
pub mod routes;
mod rows;
pub(crate) mod running;
pub(crate) mod service;
mod steps;
mod targets;
mod templates;
pub(crate) mod undoing;
pub mod views;

pub(crate) use templates::ImportTemplates;
