//! Addresses of web sites.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::{Host, Url};
use utoipa::ToSchema;

use super::ValueError;

/// Longest address, in characters after normalisation.
const MAX_LENGTH: usize = 500;

/// An absolute http or https address in the form of the WHATWG URL standard: lower-case ASCII host, no default
/// port, a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = "uri", max_length = 500, example = "https://www.example.com/")]
pub struct Website(String);

/// Why a text is no address of a web site.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)] // the messages say it
pub enum WebsiteError {
    #[error("not a web address")]
    Invalid,
    #[error("only http and https")]
    Scheme,
    #[error("no user name or password inside the address")]
    Credentials,
    #[error("the host has to be a full name such as www.example.com")]
    Host,
    #[error("a web address has at most {MAX_LENGTH} characters")]
    TooLong,
}

impl ValueError for WebsiteError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid => "website_invalid",
            Self::Scheme => "website_scheme",
            Self::Credentials => "website_credentials",
            Self::Host => "website_host",
            Self::TooLong => "website_too_long",
        }
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::TooLong => vec![("max", MAX_LENGTH.to_string())],
            _ => Vec::new(),
        }
    }
}

impl Website {
    /// Takes an address as people type it: without a scheme it is an https one.
    ///
    /// # Errors
    /// See [`WebsiteError`]; the host needs a dot, which IPv4 addresses have and IPv6 addresses have not.
    pub fn parse(input: &str) -> Result<Self, WebsiteError> {
        let input = input.trim();
        // The URL parser silently drops tabs and line breaks, and copes with any length: neither is meant here.
        if input.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(WebsiteError::Invalid);
        }
        if input.chars().count() > MAX_LENGTH {
            return Err(WebsiteError::TooLong);
        }
        let url = Url::parse(&with_scheme(input)?).map_err(|_| WebsiteError::Invalid)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(WebsiteError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(WebsiteError::Credentials);
        }
        if !url.host().is_some_and(is_full) {
            return Err(WebsiteError::Host);
        }
        // An international path grows when it is percent-encoded.
        if url.as_str().len() > MAX_LENGTH { Err(WebsiteError::TooLong) } else { Ok(Self(url.into())) }
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `example.com:8080` must not be taken for a scheme, `mailto:li@example.com` must.
fn with_scheme(input: &str) -> Result<String, WebsiteError> {
    if input.contains("://") && !input.starts_with("://") {
        return Ok(input.to_owned());
    }
    if let Some((before, after)) = input.split_once(':') {
        let word = !before.is_empty() && before.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if word && !after.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(WebsiteError::Scheme);
        }
    }
    Ok(format!("https://{}", input.trim_start_matches("//")))
}

fn is_full(host: Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name.contains('.') && name.split('.').all(|label| !label.is_empty())
        }
        Host::Ipv4(_) => true,
        Host::Ipv6(_) => false,
    }
}

impl fmt::Display for Website {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Website {
    type Error = WebsiteError;
    fn try_from(input: String) -> Result<Self, WebsiteError> {
        Self::parse(&input)
    }
}

impl From<Website> for String {
    fn from(website: Website) -> Self {
        website.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(input: &str) -> Result<String, WebsiteError> {
        Website::parse(input).map(String::from)
    }

    #[test]
    fn canonical_form() {
        assert_eq!(parsed(" www.Example.COM ").unwrap(), "https://www.example.com/");
        assert_eq!(parsed("HTTP://example.com:80/a?b#c").unwrap(), "http://example.com/a?b#c");
        assert_eq!(parsed("example.com:8080/x").unwrap(), "https://example.com:8080/x");
        assert_eq!(parsed("//example.com").unwrap(), "https://example.com/");
        assert_eq!(parsed("例子.中国/关于").unwrap(), "https://xn--fsqu00a.xn--fiqs8s/%E5%85%B3%E4%BA%8E");
        assert_eq!(parsed("http://a.cn/?to=http://b.cn").unwrap(), "http://a.cn/?to=http://b.cn");
    }

    #[test]
    fn refusals() {
        use WebsiteError::*;
        for bad in ["ftp://example.com", "mailto:li@example.com", "javascript:alert(1)", "https:example.com"]
        {
            assert_eq!(parsed(bad), Err(Scheme), "{bad}");
        }
        for bad in ["localhost", "https://localhost:8080", "https://[::1]/", "a..com", "example."] {
            assert_eq!(parsed(bad), Err(Host), "{bad}");
        }
        for bad in ["", "https://", "exam ple.com", "a.com/\tb", "https://%zz.com"] {
            assert_eq!(parsed(bad), Err(Invalid), "{bad:?}");
        }
        assert_eq!(parsed("https://li:secret@example.com"), Err(Credentials));
        assert_eq!(parsed("li@example.com"), Err(Credentials));
        assert_eq!(parsed(&format!("a.com/{}", "关".repeat(200))), Err(TooLong));
        assert_eq!(parsed(&format!("a.com/{}", "b".repeat(500))), Err(TooLong));
    }

    proptest! {
        #[test]
        fn parsing_twice_changes_nothing(input in "(https?://)?[a-zA-Z0-9.例-]{1,20}(:[0-9]{1,4})?(/\\PC{0,12})?") {
            if let Ok(website) = Website::parse(&input) {
                prop_assert_eq!(Website::parse(website.as_str()), Ok(website));
            }
        }
    }
}
