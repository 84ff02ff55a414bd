//! Tests that keep the house in order; each of them can fail.

mod contract;
mod demo;
mod deployment;
mod every_operation;
mod house;
mod query_count;
mod schema;
mod search_index;
