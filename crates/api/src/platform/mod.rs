//! What every area stands on: the event log, the change feed, jobs, metadata, health.

pub mod changes;
pub mod events;
pub mod health;
pub mod jobs;
pub mod metadata;
