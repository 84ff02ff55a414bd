//! What people do all day.

pub mod activities;
pub mod activity_figures;
pub mod task_clock;
pub mod tasks;
