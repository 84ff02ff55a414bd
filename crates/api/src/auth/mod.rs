//! Signing in: keys, tokens, passwords, and the endpoints around them.

pub mod api_keys;
pub mod form;
pub mod keys;
pub mod me;
pub mod passwords;
pub mod refresh;
pub mod routes;
pub mod service;
pub mod throttle;
pub mod tokens;
pub mod views;
