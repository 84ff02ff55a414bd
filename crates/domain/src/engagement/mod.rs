//! What people do all day: activities and tasks.

mod recurrence;
mod words;

pub use recurrence::{MOST_OCCURRENCES, Recurrence, RecurrenceError};
pub use words::{
    ActivityItemKind, ActivityKind, ActivityOutcome, Direction, ParticipantKind, TaskPriority, TaskState,
};
