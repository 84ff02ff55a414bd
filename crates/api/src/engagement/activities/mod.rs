//! Activities: calls, mails, visits, meetings, notes.

pub mod figures;
pub mod routes;
pub mod service;
pub mod views;
