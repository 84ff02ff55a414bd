//! Nobody can give more than they have.

use fulcrum_domain::access::{Actor, DataScope, Permission};

use crate::http::catalog::Code;
use crate::http::problem::Problem;

/// Refuses to hand on permissions or a scope that the actor doesn't have.
///
/// # Errors
/// 403 that names the excess.
pub fn within(actor: &Actor, permissions: &[Permission], scope: DataScope) -> Result<(), Problem> {
    let (missing, scope_fits) = actor.exceeding(permissions, scope);
    if missing.is_empty() && scope_fits {
        return Ok(());
    }
    let mut excess: Vec<String> = missing.iter().map(|permission| permission.word().to_owned()).collect();
    if !scope_fits {
        excess.push(format!("data_scope {scope}"));
    }
    Err(Problem::new(Code::WouldEscalate).with("excess", excess))
}

/// Permissions as they are stored; words that this release doesn't know are left out.
pub fn stored(words: &[String]) -> Vec<Permission> {
    words.iter().filter_map(|word| word.parse().ok()).collect()
}

/// Permissions for storing: each once, in order.
pub fn words(permissions: &[Permission]) -> Vec<String> {
    let mut sorted = permissions.to_vec();
    sorted.sort();
    sorted.dedup();
    sorted.iter().map(|permission| permission.word().to_owned()).collect()
}
