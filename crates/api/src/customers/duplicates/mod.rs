//! Customers that may be the same: asked before one is entered, noted when one is, looked for in the whole book.

pub mod checking;
pub mod flagging;
pub mod indexing;
pub mod routes;
pub mod scanning;
pub mod service;
pub mod views;
