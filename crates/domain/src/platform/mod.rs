//! What every area stands on.

pub mod cells;
mod conditions;
mod file_types;
pub mod notifications;
mod numbers;
mod retries;
mod schedules;
pub mod search_terms;

pub use conditions::selecting;
pub use conditions::{Condition, ConditionError, Fault, Field};
pub use file_types::{FILE_TYPES, FileRefused, FileType, file_type};
pub use numbers::Series;
pub use retries::{backoff, tell_again};
pub use schedules::{Schedule, ScheduleError};
