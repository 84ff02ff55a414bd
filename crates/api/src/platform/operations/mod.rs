//! Long requests: answered with 202 at once, and followed then.

pub(crate) mod finishing;
pub mod routes;
pub(crate) mod service;
mod steps;
pub mod views;

pub use service::begin;
pub use steps::{Step, in_steps};
