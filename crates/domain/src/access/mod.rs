//! Who may do what, and on which records.

mod actor;
mod departments;
mod permissions;
mod roles;

pub use actor::{Actor, Principal};
pub use departments::DepartmentPath;
pub use permissions::{Grant, Permission, permit};
pub use roles::{BUILT_IN_ROLES, BuiltInRole, DataScope};
