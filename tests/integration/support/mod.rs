//! What tests stand on.

mod app;
mod client;
pub mod database;
pub mod jobs;
pub mod mail_server;
pub mod receiver;

pub use app::{
    FILE_LIMIT, NOTHING_KEPT, Options, TestApp, contract, database_settings, new_folder, outside,
    outside_with_mail, settings,
};
pub use client::{Client, Reply};

use serde_json::{Value, json};

/// A company that is right in every way.
pub fn company(name: &str) -> Value {
    json!({ "kind": "company", "name": name })
}

/// The codes of a problem's errors, by pointer.
pub fn codes(problem: &Value) -> Vec<(String, String)> {
    let errors = problem["errors"].as_array().expect("a problem has errors");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let mut codes: Vec<_> =
        errors.iter().map(|error| (text(&error["pointer"]), text(&error["code"]))).collect();
    codes.sort();
    codes
}
