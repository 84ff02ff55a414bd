//! What every area stands on: the event log, jobs, metadata, health.

pub mod events;
pub mod health;
pub mod jobs;
pub mod metadata;
