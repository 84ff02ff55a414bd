//! Customers and their contacts.

pub mod completeness;
pub mod custom_fields;
pub mod duplicates;
mod words;

pub use words::{ContactLabel, CustomerKind, DecisionRole, Grade, LifecycleStage};
