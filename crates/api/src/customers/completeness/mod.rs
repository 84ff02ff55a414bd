//! How complete the files of customers are, and what they have to hold.

pub mod figures;
pub mod keeping;
pub mod measuring;
pub mod routes;
pub mod service;
pub mod views;
