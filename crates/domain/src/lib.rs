//! What the business means: value types, rules and calculations.
//!
//! No I/O, no clock, no SQL, no HTTP: everything here can be tried with plain values. The areas are the
//! same as in `fulcrum-persistence` and `fulcrum-api`.

pub mod access;
pub mod customers;
pub mod engagement;
pub mod platform;
pub mod values;
mod words;
