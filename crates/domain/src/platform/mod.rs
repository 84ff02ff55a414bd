//! What every area stands on.

mod numbers;
mod retries;
mod schedules;
pub mod search_terms;

pub use numbers::Series;
pub use retries::backoff;
pub use schedules::{Schedule, ScheduleError};
