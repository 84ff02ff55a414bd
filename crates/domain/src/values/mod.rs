//! Value types: each is valid from the moment it exists, so that nobody downstream checks it again.
//!
//! They are made by `parse` or `new` from what a person typed, and hold the one canonical form of it.

pub mod addresses;
pub mod credit_code;
pub mod email;
pub mod industry;
pub mod money;
pub mod phone;
pub mod text;
pub mod website;

pub use credit_code::{CreditCode, CreditCodeError};
pub use email::{Email, EmailError};
pub use industry::IndustrySection;
pub use money::{Money, MoneyError, MoneyInput};
pub use phone::{Phone, PhoneError};
pub use website::{Website, WebsiteError};

/// What the API needs to turn a refused value into an entry of a problem's `errors`.
///
/// `Display` of the error is an English sentence for logs; the sentence for people is made from code and params.
pub trait ValueError: std::error::Error {
    /// Stable word in snake_case; part of the API's contract.
    fn code(&self) -> &'static str;

    /// Values for the placeholders of the localised sentence.
    fn params(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
