//! Phone numbers, stored in the form of ITU-T E.164.

use std::fmt;

use phonenumber::country::Id;
use phonenumber::metadata::DATABASE;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

use super::{ValueError, text};

/// A phone number in E.164: a plus, the country code, the national number; valid by Google's numbering plan data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^\\+[1-9][0-9]{3,16}$", max_length = 18, example = "+8613800138000")]
pub struct Phone(String);

/// Why a text is no phone number.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)] // the messages say it
pub enum PhoneError {
    #[error("not a phone number")]
    NotANumber,
    #[error("no such number in the numbering plan")]
    Invalid,
    #[error("extensions are not stored: leave it out")]
    ExtensionNotSupported,
    #[error("no region {region:?}")]
    UnknownRegion { region: String },
}

impl ValueError for PhoneError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotANumber => "phone_not_a_number",
            Self::Invalid => "phone_invalid",
            Self::ExtensionNotSupported => "extension_not_supported",
            Self::UnknownRegion { .. } => "unknown_region",
        }
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::UnknownRegion { region } => vec![("region", region.clone())],
            _ => Vec::new(),
        }
    }
}

impl Phone {
    /// Takes a number as people write it: spaces, dashes, dots, slashes, parentheses and full-width forms are fine.
    /// Without a country code it belongs to `default_region` (ISO 3166-1 alpha-2, such as `CN`).
    ///
    /// # Errors
    /// See [`PhoneError`]. An extension is refused rather than dropped, so that nobody loses it unseen.
    pub fn parse(input: &str, default_region: &str) -> Result<Self, PhoneError> {
        let region: Id = default_region
            .parse()
            .map_err(|_| PhoneError::UnknownRegion { region: default_region.to_owned() })?;
        parse(input, Some(region))
    }

    /// The number in E.164, such as `+8613800138000`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Country code and national number without the plus.
    pub fn digits(&self) -> &str {
        &self.0[1..]
    }
}

fn parse(input: &str, region: Option<Id>) -> Result<Phone, PhoneError> {
    let mut dialled = dialled(input)?;
    if let Some(rest) = dialled.strip_prefix("00").filter(|_| region.is_some_and(dials_abroad_with_00)) {
        dialled = format!("+{rest}");
    }
    // Given a region as well, the library would strip that region's trunk prefix from any country's number: the 0
    // of an Italian one is part of it.
    let region = region.filter(|_| !dialled.starts_with('+'));
    let number = phonenumber::parse(region, &dialled).map_err(|_| PhoneError::Invalid)?;
    if !number.is_valid() {
        return Err(PhoneError::Invalid);
    }
    Ok(Phone(format!("+{}{}", number.code().value(), number.national())))
}

fn dials_abroad_with_00(region: Id) -> bool {
    let prefix = DATABASE.by_id(region.as_ref()).and_then(|metadata| metadata.international_prefix());
    prefix.is_some_and(|prefix| prefix.as_str() == "00" || prefix.as_str().starts_with("00|"))
}

/// Reduces the text to what is dialled, digits with or without a plus. Only this reaches the library, which would
/// read letters as a keypad's digits and ignore what stands around a number.
fn dialled(input: &str) -> Result<String, PhoneError> {
    let mut dialled = String::new();
    let mut letters = String::new();
    for c in input.trim().nfkc().filter(|c| !text::is_invisible(*c)) {
        match c {
            '0'..='9' => dialled.push(c),
            '+' if dialled.is_empty() => dialled.push(c),
            ' ' | '-' | '.' | '/' | '(' | ')' | '\u{2010}'..='\u{2015}' | '\u{2212}' => {}
            _ => letters.extend(c.to_lowercase()),
        }
    }
    let is_extension = matches!(letters.as_str(), "ext" | "extn" | "extension" | "x" | "#" | "," | ";ext=")
        || matches!(letters.as_str(), "转" | "轉" | "转接" | "分机" | "分機" | "内线" | "转分机");
    match () {
        _ if is_extension && dialled.len() > 1 => Err(PhoneError::ExtensionNotSupported),
        _ if !letters.is_empty() || dialled.trim_start_matches('+').is_empty() => Err(PhoneError::NotANumber),
        // No numbering plan has more; the library is spared texts of any length.
        _ if dialled.len() > 24 => Err(PhoneError::Invalid),
        _ => Ok(dialled),
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Only the international form, because nothing here knows the region.
impl TryFrom<String> for Phone {
    type Error = PhoneError;
    fn try_from(input: String) -> Result<Self, PhoneError> {
        parse(&input, None)
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cn(input: &str) -> Result<String, PhoneError> {
        Phone::parse(input, "CN").map(String::from)
    }

    #[test]
    fn chinese_numbers() {
        for mobile in [
            "13800138000",
            "138 0013 8000",
            "138-0013-8000",
            "+86 138 0013 8000",
            "８６－１３８００１３８０００",
            "008613800138000",
            "8613800138000",
            "＋86（138）00138000",
            "\u{202d}13800138000\u{202c}",
        ] {
            assert_eq!(cn(mobile).as_deref(), Ok("+8613800138000"), "{mobile}");
        }
        for (input, stored) in [
            ("010-62345678", "+861062345678"),
            ("(0755) 2345 6789", "+8675523456789"),
            ("+86 (0)10 6234 5678", "+861062345678"),
            ("0571 — 8765 4321", "+8657187654321"),
            ("400-810-8888", "+864008108888"),
            ("+1 (650) 253-0000", "+16502530000"),
            ("+44 (0)20 7946 0958", "+442079460958"),
            ("+39 06 6982 1234", "+390669821234"),
            ("0039 06 6982 1234", "+390669821234"),
            ("+852 2123 4567", "+85221234567"),
        ] {
            assert_eq!(cn(input).as_deref(), Ok(stored), "{input}");
        }
    }

    #[test]
    fn other_regions() {
        assert_eq!(Phone::parse("(650) 253-0000", "US").unwrap().digits(), "16502530000");
        assert_eq!(Phone::parse("13800138000", "US"), Err(PhoneError::Invalid));
        assert_eq!(Phone::parse("1", "XX"), Err(PhoneError::UnknownRegion { region: "XX".into() }));
    }

    #[test]
    fn refusals() {
        for extension in
            ["010-62345678 转 801", "010-62345678转801", "+1 650 253 0000 ext. 12", "010-62345678#801"]
        {
            assert_eq!(cn(extension), Err(PhoneError::ExtensionNotSupported), "{extension}");
        }
        for text in
            ["", "+", "李娜", "1-800-FLOWERS", "13800138000 or 13900139000", "tel:+8613800138000", "1+1"]
        {
            assert_eq!(cn(text), Err(PhoneError::NotANumber), "{text}");
        }
        for number in ["110", "1380013800", "23456789", "138001380001", "+999123456789", "010-62345678-801"] {
            assert_eq!(cn(number), Err(PhoneError::Invalid), "{number}");
        }
        assert_eq!(cn(&"1".repeat(10_000)), Err(PhoneError::Invalid));
    }

    #[test]
    fn json_is_international() {
        let phone: Phone = serde_json::from_str("\"+86 13800138000\"").unwrap();
        assert_eq!(serde_json::to_string(&phone).unwrap(), "\"+8613800138000\"");
        assert!(serde_json::from_str::<Phone>("\"13800138000\"").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(input in "\\PC*") {
            let _ = cn(&input);
        }

        #[test]
        fn stored_form_parses_to_itself(input in "(\\+(86|1|44|49|39|81))?[0-9]{7,12}") {
            if let Ok(phone) = Phone::parse(&input, "CN") {
                prop_assert_eq!(Phone::try_from(phone.to_string()), Ok(phone));
            }
        }
    }
}
