//! What people do all day.

pub mod activities;
pub mod tasks;
