//! Customers and their contacts.

mod words;

pub use words::{ContactLabel, CustomerKind, DecisionRole, Grade, LifecycleStage};
