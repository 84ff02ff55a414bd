//! Automations: what the system does by itself when something happens or a time comes.

mod actions;
mod asking;
pub(crate) mod clock;
mod deciding;
mod facts;
pub mod routes;
pub(crate) mod running;
pub(crate) mod service;
mod stopping;
mod templates;
mod trying;
pub mod views;

pub(crate) use asking::asking;
pub(crate) use running::revive;
