//! What programs may want to know of the contract.

pub mod routes;
