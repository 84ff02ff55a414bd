//! Telling people: in their inbox, by mail at once or once a day, and by whoever listens to webhooks.

pub(crate) mod digest;
pub(crate) mod mail;
mod notify;
mod post;
pub mod preference_views;
pub(crate) mod preferences;
pub mod routes;
pub(crate) mod service;
pub(crate) mod texts;
pub mod views;

pub use notify::{NewNotification, Notified, notify};
pub(crate) use post::sends_mail;
