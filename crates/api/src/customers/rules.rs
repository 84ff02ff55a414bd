//! What schemas can't say of a customer's file, for every field at once.

use chrono::NaiveDate;
use fulcrum_domain::values::{CreditCode, Email, Phone, Website};
use fulcrum_persistence::Json;

use crate::http::catalog::FieldCode;
use crate::http::problem::Problem;
use crate::http::wire::ExternalIdView;

/// A text that passed its check, in its canonical form; what couldn't be read is left as it was, for the check
/// to have refused.
pub fn canonical<T: ToString, E>(
    text: Option<String>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<String> {
    text.map(|text| parse(&text).map(|value| value.to_string()).unwrap_or(text))
}

/// Canonical form of a credit code.
pub fn credit_code(text: Option<String>) -> Option<String> {
    canonical(text, |text| CreditCode::parse(text).map(|code| code.as_str().to_owned()))
}

/// Canonical form of a telephone number.
pub fn phone(text: Option<String>, region: &str) -> Option<String> {
    canonical(text, |text| Phone::parse(text, region).map(|phone| phone.as_str().to_owned()))
}

/// Canonical form of a mail address.
pub fn email(text: Option<String>) -> Option<String> {
    canonical(text, |text| Email::parse(text).map(|email| email.as_str().to_owned()))
}

/// Canonical form of a web address.
pub fn website(text: Option<String>) -> Option<String> {
    canonical(text, |text| Website::parse(text).map(|website| website.as_str().to_owned()))
}

/// External ids as they are stored beside a record.
pub fn stored_external_ids(stored: &Json) -> Vec<ExternalIdView> {
    stored.read().unwrap_or_default()
}

/// Nobody is born tomorrow, in the actor's time zone.
///
/// # Errors
/// 422 at `/born_on`.
pub fn born_already(born_on: Option<NaiveDate>, tx: &fulcrum_persistence::Tx) -> Result<(), Problem> {
    let today = tx.now.with_timezone(&tx.actor.time_zone).date_naive();
    match born_on {
        Some(day) if day > today => Err(Problem::field("/born_on", FieldCode::InTheFuture)),
        _ => Ok(()),
    }
}

/// A filter of the form `system:id`.
pub fn external_id_filter(texts: &[String]) -> Vec<(String, String)> {
    texts
        .iter()
        .filter_map(|text| text.split_once(':'))
        .map(|(system, id)| (system.to_owned(), id.to_owned()))
        .collect()
}
