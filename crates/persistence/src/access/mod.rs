//! Tenants, the organisation, and who may sign in.

pub mod api_clients;
pub mod api_keys;
pub mod departments;
pub mod login_failures;
pub mod roles;
pub(crate) mod scope;
pub mod sessions;
pub mod tenants;
pub mod users;
