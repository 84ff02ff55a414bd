//! What schemas can't say of a customer's file, for every field at once.

use chrono::NaiveDate;
use fulcrum_domain::values::text::clean_line;
use fulcrum_domain::values::{CreditCode, Email, Money, Phone, ValueError, Website};
use fulcrum_persistence::platform::external_ids::ExternalId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::catalog::FieldCode;
use crate::http::problem::{FieldError, Problem};

/// Collects what is wrong with the texts of a body.
pub struct Checks<'b> {
    body: &'b Value,
    errors: Vec<FieldError>,
}

impl<'b> Checks<'b> {
    /// For a body.
    pub fn of(body: &'b Value) -> Checks<'b> {
        Checks { body, errors: Vec::new() }
    }

    /// Checks the text at a top-level field, if there is one.
    pub fn text<T, E: ValueError>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, E>) -> &mut Self {
        if let Some(text) = self.body[name].as_str()
            && let Err(error) = parse(text)
        {
            self.errors.push(FieldError::of_value(format!("/{name}"), &error));
        }
        self
    }

    /// Checks the text under `key` in every entry of a list.
    pub fn each<T, E: ValueError>(
        &mut self,
        list: &str,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> &mut Self {
        for (index, entry) in self.body[list].as_array().into_iter().flatten().enumerate() {
            if let Some(text) = entry[key].as_str()
                && let Err(error) = parse(text)
            {
                self.errors.push(FieldError::of_value(format!("/{list}/{index}/{key}"), &error));
            }
        }
        self
    }

    /// Checks that the texts at these fields say something when they are cleaned.
    pub fn not_blank(&mut self, names: &[&str]) -> &mut Self {
        for name in names {
            if self.body[*name].as_str().is_some_and(|text| !text.is_empty() && clean_line(text).is_empty()) {
                self.errors.push(FieldError::new(format!("/{name}"), FieldCode::Blank));
            }
        }
        self
    }

    /// The same for each entry of lists.
    pub fn none_blank(&mut self, lists: &[&str]) -> &mut Self {
        for list in lists {
            for (index, entry) in self.body[*list].as_array().into_iter().flatten().enumerate() {
                if entry.as_str().is_some_and(|text| !text.is_empty() && clean_line(text).is_empty()) {
                    self.errors.push(FieldError::new(format!("/{list}/{index}"), FieldCode::Blank));
                }
            }
        }
        self
    }

    /// Checks that a birthday lies where birthdays lie; that it isn't in the future is known only later.
    pub fn birthday(&mut self, name: &str) -> &mut Self {
        let day = self.body[name].as_str().and_then(|text| text.parse::<NaiveDate>().ok());
        self.when(day.is_some_and(|day| day < earliest_birthday()), || {
            FieldError::new(format!("/{name}"), FieldCode::Invalid)
        })
    }

    /// Checks that no external id is listed twice.
    pub fn external_ids(&mut self) -> &mut Self {
        let mut seen = Vec::new();
        for (index, entry) in self.body["external_ids"].as_array().into_iter().flatten().enumerate() {
            if seen.contains(&entry) {
                self.errors.push(FieldError::new(format!("/external_ids/{index}"), FieldCode::Duplicate));
            }
            seen.push(entry);
        }
        self
    }

    /// Checks an amount of money.
    pub fn money(&mut self, name: &str) -> &mut Self {
        let money = &self.body[name];
        if let (Some(amount), Some(currency)) = (money["amount"].as_str(), money["currency"].as_str())
            && let Err(error) = Money::new(amount, currency)
        {
            self.errors.push(FieldError::of_value(format!("/{name}/{}", error.field()), &error));
        }
        self
    }

    /// Adds an error when something holds.
    pub fn when(&mut self, wrong: bool, error: impl FnOnce() -> FieldError) -> &mut Self {
        if wrong {
            self.errors.push(error());
        }
        self
    }

    /// What was found.
    pub fn found(&mut self) -> Vec<FieldError> {
        std::mem::take(&mut self.errors)
    }
}

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

/// The id of a record in another system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExternalId)]
pub struct ExternalIdView {
    /// Name of the other system.
    #[schema(min_length = 1, max_length = 60, pattern = "^[A-Za-z0-9._-]+$", example = "erp")]
    pub system: String,
    /// The id there.
    #[schema(min_length = 1, max_length = 200, example = "KD-10023")]
    pub external_id: String,
}

impl From<ExternalIdView> for ExternalId {
    fn from(view: ExternalIdView) -> ExternalId {
        ExternalId { system: view.system, external_id: view.external_id }
    }
}

/// External ids as they are stored beside a record.
pub fn stored_external_ids(stored: &Value) -> Vec<ExternalIdView> {
    serde_json::from_value(stored.clone()).unwrap_or_default()
}

/// External ids for their own table.
pub fn external_ids(stored: &Value) -> Vec<ExternalId> {
    stored_external_ids(stored).into_iter().map(ExternalId::from).collect()
}

/// Birthdays before this are slips.
fn earliest_birthday() -> NaiveDate {
    NaiveDate::from_ymd_opt(1900, 1, 1).unwrap_or_default()
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
