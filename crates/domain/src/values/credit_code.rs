//! The unified social credit code (统一社会信用代码) of Chinese organisations, GB 32100-2015.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

use super::ValueError;

/// The standard's characters in the order of their values: no I, O, S, V, Z.
const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
const LENGTH: usize = 18;
const MODULUS: usize = 31;

/// A unified social credit code in upper case, its check character verified (GB 32100-2015).
///
/// Position 1 is the registering authority, 2 the kind of organisation, 3–8 the administrative division
/// (digits, GB/T 2260), 9–17 the organisation code (GB 11714), 18 the check character. Authorities and kinds are
/// not held against a list: the standard's amendments keep adding to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(
    value_type = String,
    pattern = "^[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}$",
    min_length = 18,
    max_length = 18,
    example = "91330100799655058B"
)]
pub struct CreditCode(String);

/// Why a text is no unified social credit code. Positions count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)] // the messages say it
pub enum CreditCodeError {
    #[error("a unified social credit code has {expected} characters, not {actual}")]
    Length { expected: usize, actual: usize },
    #[error("'{character}' is not allowed at position {position}")]
    Character { position: usize, character: char },
    #[error("the check character should be {expected}")]
    CheckDigit { expected: char },
}

impl ValueError for CreditCodeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Length { .. } => "credit_code_length",
            Self::Character { .. } => "credit_code_character",
            Self::CheckDigit { .. } => "credit_code_check_digit",
        }
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Length { expected, actual } => {
                vec![("expected", expected.to_string()), ("actual", actual.to_string())]
            }
            Self::Character { position, character } => {
                vec![("position", position.to_string()), ("character", character.to_string())]
            }
            Self::CheckDigit { expected } => vec![("expected", expected.to_string())],
        }
    }
}

impl CreditCode {
    /// Takes a code as people write it: surrounding white space, lower case and full-width forms are accepted.
    ///
    /// # Errors
    /// [`CreditCodeError`] names the first thing wrong: length, then characters, then the check character.
    pub fn parse(input: &str) -> Result<Self, CreditCodeError> {
        let code = normalise(input);
        let values = values(&code, LENGTH)?;
        let expected = check_character(&values[..LENGTH - 1]);
        if code.ends_with(expected) { Ok(Self(code)) } else { Err(CreditCodeError::CheckDigit { expected }) }
    }

    /// Completes the first 17 characters with their check character; for demo and test data.
    ///
    /// # Errors
    /// [`CreditCodeError::Length`] or [`CreditCodeError::Character`].
    pub fn from_body(body: &str) -> Result<Self, CreditCodeError> {
        let mut code = normalise(body);
        let check = check_character(&values(&code, LENGTH - 1)?);
        code.push(check);
        Ok(Self(code))
    }

    /// The 18 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn normalise(input: &str) -> String {
    input.trim().nfkc().collect::<String>().to_ascii_uppercase()
}

fn values(code: &str, expected: usize) -> Result<Vec<usize>, CreditCodeError> {
    let actual = code.chars().count();
    if actual != expected {
        return Err(CreditCodeError::Length { expected, actual });
    }
    let value = |(at, character): (usize, char)| {
        let in_division = (2..8).contains(&at);
        ALPHABET
            .find(character)
            .filter(|_| !in_division || character.is_ascii_digit())
            .ok_or(CreditCodeError::Character { position: at + 1, character })
    };
    code.chars().enumerate().map(value).collect()
}

/// GB 32100-2015 after GB/T 17710: weights 3^(i-1) mod 31, check value (31 - sum mod 31) mod 31.
fn check_character(body: &[usize]) -> char {
    let mut weight = 1;
    let mut sum = 0;
    for value in body {
        sum += value * weight;
        weight = weight * 3 % MODULUS;
    }
    char::from(ALPHABET.as_bytes()[(MODULUS - sum % MODULUS) % MODULUS])
}

impl fmt::Display for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CreditCode {
    type Error = CreditCodeError;
    fn try_from(input: String) -> Result<Self, CreditCodeError> {
        Self::parse(&input)
    }
}

impl From<CreditCode> for String {
    fn from(code: CreditCode) -> Self {
        code.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &str = "[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{9}";

    #[test]
    fn complete_codes() {
        // Codes in the form companies publish; each satisfies the formula.
        for code in ["91330100799655058B", "914403001922038216", "9144030071526726XG"] {
            assert_eq!(CreditCode::parse(code).map(String::from), Ok(code.to_owned()));
        }
    }

    #[test]
    fn accepts_what_people_paste() {
        let code = CreditCode::parse(" ９１３３０１００７９９６５５０５８ｂ\u{3000}").unwrap();
        assert_eq!(code.as_str(), "91330100799655058B");
        assert_eq!(serde_json::to_string(&code).unwrap(), "\"91330100799655058B\"");
    }

    #[test]
    fn refusals_say_where() {
        use CreditCodeError::*;
        let err = |s: &str| CreditCode::parse(s).unwrap_err();
        assert_eq!(err(""), Length { expected: 18, actual: 0 });
        assert_eq!(err("9133010079965505B"), Length { expected: 18, actual: 17 });
        assert_eq!(err("91330100799655O58B"), Character { position: 15, character: 'O' });
        assert_eq!(err("91A30100799655058B"), Character { position: 3, character: 'A' });
        assert_eq!(err("913301007996550588"), CheckDigit { expected: 'B' });
        assert_eq!(err("913301007996550588").params(), [("expected", "B".to_owned())]);
    }

    proptest! {
        #[test]
        fn completed_bodies_parse(body in BODY) {
            let code = CreditCode::from_body(&body).unwrap();
            prop_assert_eq!(CreditCode::parse(code.as_str()), Ok(code));
        }

        // 31 is prime and no weight is a multiple of it, so a single change always moves the sum.
        #[test]
        fn every_single_change_is_refused(body in BODY, at in 0..LENGTH, other in "[0-9A-Z]") {
            let mut code = String::from(CreditCode::from_body(&body).unwrap());
            let is_same = code[at..=at] == other;
            code.replace_range(at..=at, &other);
            prop_assert_eq!(CreditCode::parse(&code).is_ok(), is_same);
        }

        // Neighbouring weights differ by a factor of 3, the last two by 28 to 1: every swap moves the sum too.
        #[test]
        fn every_adjacent_transposition_is_refused(body in BODY, at in 0..LENGTH - 1) {
            let mut code = String::from(CreditCode::from_body(&body).unwrap()).into_bytes();
            let is_same = code[at] == code[at + 1];
            code.swap(at, at + 1);
            prop_assert_eq!(CreditCode::parse(std::str::from_utf8(&code).unwrap()).is_ok(), is_same);
        }

        #[test]
        fn never_panics(input in "\\PC*") {
            let _ = CreditCode::parse(&input);
        }
    }
}
