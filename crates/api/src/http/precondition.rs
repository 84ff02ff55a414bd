//! `If-Match`: change only what the caller has seen.

use super::catalog::Code;
use super::context::RequestContext;
use super::problem::Problem;

/// Which version the caller wants to change.
#[derive(Clone, Debug, Default)]
pub enum IfMatch {
    /// The caller doesn't say.
    #[default]
    Absent,
    /// `*`: whatever there is.
    Any,
    /// One of these.
    Versions(Vec<i32>),
}

impl IfMatch {
    /// The version that a request names.
    ///
    /// # Errors
    /// A problem when the header is not an ETag of ours.
    pub fn of(context: &RequestContext) -> Result<IfMatch, Problem> {
        match context.if_match.as_deref() {
            None => Ok(IfMatch::Absent),
            Some(text) if text.trim() == "*" => Ok(IfMatch::Any),
            Some(text) => {
                let versions: Option<Vec<i32>> = text.split(',').map(|tag| version_of(tag.trim())).collect();
                versions.map(IfMatch::Versions).ok_or_else(|| {
                    Problem::new(Code::InvalidHeader)
                        .with("header", "If-Match")
                        .with("reason", "expected an ETag such as \"3\"")
                })
            }
        }
    }

    /// A version that stands in a body.
    pub fn version(version: Option<i32>) -> IfMatch {
        version.map_or(IfMatch::Absent, |version| IfMatch::Versions(vec![version]))
    }

    /// Whether the caller expects the record to be there.
    pub fn is_given(&self) -> bool {
        !matches!(self, IfMatch::Absent)
    }

    /// Lets the current version pass.
    ///
    /// # Errors
    /// A problem that names the current version when the caller has another one.
    pub fn check(&self, current: i32) -> Result<(), Problem> {
        match self {
            IfMatch::Versions(versions) if !versions.contains(&current) => {
                Err(Problem::new(Code::VersionMismatch)
                    .with("expected", versions.clone())
                    .with("current_version", current)
                    .member("current_version", current))
            }
            _ => Ok(()),
        }
    }
}

fn version_of(tag: &str) -> Option<i32> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
