//! What every endpoint shares: the gate, extractors, answers, problems, the contract.

pub mod allowed;
pub mod answer;
pub mod body;
pub mod catalog;
pub mod checks;
pub mod compression;
pub mod context;
pub mod contract;
pub mod cursor;
pub mod document;
pub mod examples;
pub mod fallback;
pub mod gate;
pub mod idempotency;
pub mod identity;
pub mod locale;
pub mod masking;
pub mod observe;
pub mod precondition;
pub mod problem;
pub mod query;
pub mod rate;
pub mod wire;
