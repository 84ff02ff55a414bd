//! What every area stands on: the event log, metadata, health.

pub mod events;
pub mod health;
pub mod metadata;
