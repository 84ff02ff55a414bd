//! Webhooks: other systems are told of what happens.

mod addresses;
pub(crate) mod deliver;
mod keepers;
mod message;
pub(crate) mod replay;
pub mod routes;
mod selection;
mod sender;
pub(crate) mod service;
mod telling;
pub mod views;
mod wanted;

pub(crate) use deliver::revive;
pub(crate) use message::Message;
pub use sender::Sender;
pub(crate) use service::{create, seal_anew};
pub(crate) use telling::telling;
pub(crate) use wanted::{call, deliver_again};
