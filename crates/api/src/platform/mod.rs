//! What every area stands on: the event log, the change feed, jobs, metadata, health.

pub mod automation_runs;
pub mod automations;
pub mod backups;
pub mod changes;
pub mod events;
pub mod exports;
pub mod files;
pub mod filters;
pub(crate) mod following;
pub mod health;
pub mod imports;
pub mod jobs;
pub mod mail;
pub mod metadata;
pub mod notifications;
pub mod operations;
pub mod webhook_deliveries;
pub mod webhooks;
