//! What every area stands on.

pub mod automation_runs;
pub mod automation_times;
pub mod automations;
pub mod bulk;
pub mod changes;
pub mod events;
pub(crate) mod explain;
pub mod external_ids;
pub mod files;
pub mod idempotency;
pub mod import_rows;
pub mod import_templates;
pub mod imports;
pub mod job_schedules;
pub mod jobs;
pub mod log_places;
pub mod maintenance;
pub mod notification_preferences;
pub mod notifications;
pub(crate) mod numbers;
pub mod operations;
pub mod search;
pub(crate) mod selection;
pub mod webhook_deliveries;
pub mod webhooks;
pub mod workers;
