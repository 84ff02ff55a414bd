//! What is offered: routes, views, services (use cases), signing in, and the command line.

pub mod access;
mod app;
pub mod auth;
pub mod batch;
pub mod commands;
pub mod customers;
pub mod engagement;
pub mod http;
pub mod platform;
pub mod records;
pub mod server;
pub mod settings;
pub mod subjects;
pub mod telemetry;

pub use app::{App, KnownKey, Outside};
