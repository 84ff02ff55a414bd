//! What programs may want to know of the contract.

pub mod labels;
pub mod objects;
pub mod routes;
