//! What people do all day.

pub mod activities;
