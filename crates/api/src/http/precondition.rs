//! `If-Match`: change only what the caller has seen.

use super::catalog::Code;
use super::context::RequestContext;
use super::problem::Problem;

/// The version that the caller wants to change; `None` when it doesn't say.
#[derive(Clone, Debug, Default)]
pub struct IfMatch(Option<Vec<i32>>);

impl IfMatch {
    /// The version that a request names.
    ///
    /// # Errors
    /// A problem when the header is not an ETag of ours.
    pub fn of(context: &RequestContext) -> Result<IfMatch, Problem> {
        match context.if_match.as_deref() {
            None => Ok(IfMatch(None)),
            Some(text) if text.trim() == "*" => Ok(IfMatch(None)),
            Some(text) => {
                let versions: Option<Vec<i32>> = text.split(',').map(|tag| version_of(tag.trim())).collect();
                versions.map(|versions| IfMatch(Some(versions))).ok_or_else(|| {
                    Problem::new(Code::InvalidHeader)
                        .with("header", "If-Match")
                        .with("reason", "expected an ETag such as \"3\"")
                })
            }
        }
    }

    /// A version that stands in a body.
    pub fn version(version: Option<i32>) -> IfMatch {
        IfMatch(version.map(|version| vec![version]))
    }

    /// Lets the current version pass.
    ///
    /// # Errors
    /// A problem that names the current version when the caller has another one.
    pub fn check(&self, current: i32) -> Result<(), Problem> {
        match &self.0 {
            Some(versions) if !versions.contains(&current) => Err(Problem::new(Code::VersionMismatch)
                .with("expected", versions.clone())
                .with("current_version", current)
                .member("current_version", current)),
            _ => Ok(()),
        }
    }
}

fn version_of(tag: &str) -> Option<i32> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
