//! Taking records out, as a file.

mod columns;
pub mod routes;
pub mod running;
pub mod views;
mod writing;

pub(crate) use columns::label;
pub(crate) use writing::defused;
