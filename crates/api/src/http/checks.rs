//! What schemas can't say of a body, for every field at once.

use chrono::NaiveDate;
use fulcrum_domain::values::text::clean_line;
use fulcrum_domain::values::{Money, ValueError};
use serde_json::Value;

use super::catalog::FieldCode;
use super::problem::FieldError;

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

/// Birthdays before this are slips.
fn earliest_birthday() -> NaiveDate {
    NaiveDate::from_ymd_opt(1900, 1, 1).unwrap_or_default()
}
