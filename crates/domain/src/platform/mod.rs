//! What every area stands on.

mod numbers;
pub mod search_terms;

pub use numbers::Series;
