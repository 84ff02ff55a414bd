//! E-mail addresses.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Host;
use utoipa::ToSchema;
use validator::ValidateEmail;

use super::ValueError;

/// Longest address, in characters: a path is at most 256 octets with its angle brackets (RFC 5321, 4.5.3.1.3).
const MAX_LENGTH: usize = 254;

/// An e-mail address by the rules of HTML's `<input type=email>`.
///
/// The local part stays as written, because only its host may say whether case matters. The domain is lower-case
/// ASCII; an international one is stored in its IDNA form (`xn--…`), the one that every mail server takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = "email", max_length = 254, example = "li.na@example.com")]
pub struct Email(String);

/// Why a text is no e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)] // the messages say it
pub enum EmailError {
    #[error("an e-mail address has at most {MAX_LENGTH} characters")]
    TooLong,
    #[error("not an e-mail address")]
    Invalid,
}

impl ValueError for EmailError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "email_too_long",
            Self::Invalid => "email_invalid",
        }
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::TooLong => vec![("max", MAX_LENGTH.to_string())],
            Self::Invalid => Vec::new(),
        }
    }
}

impl Email {
    /// Takes an address with white space around it.
    ///
    /// # Errors
    /// [`EmailError::TooLong`] before or after conversion of the domain, [`EmailError::Invalid`] otherwise.
    pub fn parse(input: &str) -> Result<Self, EmailError> {
        let input = input.trim();
        if input.chars().count() > MAX_LENGTH {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = input.rsplit_once('@').ok_or(EmailError::Invalid)?;
        let address = format!("{local}@{}", ascii_domain(domain)?);
        match address.len() {
            length if length > MAX_LENGTH => Err(EmailError::TooLong),
            _ if address.validate_email() => Ok(Self(address)),
            _ => Err(EmailError::Invalid),
        }
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address in lower case: what two addresses are compared by, and looked up with.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }

    /// What stands after the at-sign.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

fn ascii_domain(domain: &str) -> Result<String, EmailError> {
    // validator 0.21 looks for an address literal anywhere in the domain, and so takes "a b[127.0.0.1]". Nobody's
    // customer is reached at a literal, hence none at all.
    if domain.contains('[') {
        return Err(EmailError::Invalid);
    }
    if domain.is_ascii() {
        return Ok(domain.to_ascii_lowercase());
    }
    match Host::parse(domain) {
        Ok(Host::Domain(ascii)) => Ok(ascii),
        _ => Err(EmailError::Invalid),
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Email {
    type Error = EmailError;
    fn try_from(input: String) -> Result<Self, EmailError> {
        Self::parse(&input)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(input: &str) -> Result<String, EmailError> {
        Email::parse(input).map(String::from)
    }

    #[test]
    fn canonical_form() {
        assert_eq!(parsed(" Li.Na@Example.COM\n").unwrap(), "Li.Na@example.com");
        assert_eq!(Email::parse("Li.Na@Example.com").unwrap().key(), "li.na@example.com");
        assert_eq!(Email::parse("a@QQ.com").unwrap().domain(), "qq.com");
        assert_eq!(parsed("li@例子.中国").unwrap(), "li@xn--fsqu00a.xn--fiqs8s");
        assert_eq!(parsed("li@ｅｘａｍｐｌｅ.com").unwrap(), "li@example.com");
    }

    #[test]
    fn refusals() {
        for bad in ["", "li", "@example.com", "li@", "li na@example.com", "a@b@c.com", "li＠example.com"] {
            assert_eq!(parsed(bad), Err(EmailError::Invalid), "{bad}");
        }
        for bad in ["li@a b[127.0.0.1]", "li@[127.0.0.1]", "li@a\r\nBcc: x[1.1.1.1]", "李@example.com"] {
            assert_eq!(parsed(bad), Err(EmailError::Invalid), "{bad}");
        }
        assert_eq!(parsed(&format!("li@{}", "a.".repeat(126))), Err(EmailError::TooLong));
    }

    proptest! {
        #[test]
        fn parsing_twice_changes_nothing(input in "[a-zA-Z0-9.+_-]{1,20}@[a-zA-Zé例-]{1,20}(\\.[a-zA-Z]{2,9}){1,2}") {
            if let Ok(email) = Email::parse(&input) {
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email));
            }
        }

        #[test]
        fn nothing_unprintable_gets_in(input in any::<String>()) {
            if let Ok(email) = Email::parse(&input) {
                prop_assert!(email.as_str().chars().all(|c| c.is_ascii_graphic()));
            }
        }
    }
}
