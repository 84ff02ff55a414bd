//! Tasks: what somebody has to do.

pub(crate) mod clock;
mod occurrences;
pub mod routes;
pub mod service;
mod telling;
pub mod views;

pub(crate) use clock::escalate_after;
