//! What people do all day: activities and tasks.

mod words;

pub use words::{ActivityItemKind, ActivityKind, ActivityOutcome, Direction, ParticipantKind};
