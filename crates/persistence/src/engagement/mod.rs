//! What people do all day.

pub mod activities;
pub mod activity_figures;
