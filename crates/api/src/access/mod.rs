//! The organisation: departments, users, roles, API clients, and why somebody may do something.

pub mod api_clients;
pub mod api_keys;
pub mod company;
pub mod decisions;
pub mod departments;
pub mod grants;
pub mod roles;
pub mod users;
