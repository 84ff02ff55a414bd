//! Passwords: argon2id with the library's defaults (19 MiB, 2 passes), which are OWASP's.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::http::catalog::{Code, FieldCode};
use crate::http::problem::Problem;

/// Hashing is meant to be expensive: so many at a time, others wait, so that signing in can't starve the rest.
static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(2, |cores| cores.get())))
});

/// So long somebody who signs in waits for a turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Checked when there is no such account, so that the answer takes as long as for a wrong password.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash("a password that nobody has").unwrap_or_default());

/// Shortest password, in characters (NIST SP 800-63B asks for 8; this is for people who reach customers' data).
pub const SHORTEST: u64 = 10;

/// Hashes a password.
///
/// # Errors
/// An internal problem when hashing fails.
pub fn hash(password: &str) -> Result<String, Problem> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|_| Problem::new(Code::Internal))
}

/// Hashes a password in its turn, off the event loop.
///
/// # Errors
/// An internal problem when hashing fails.
pub async fn hash_in_turn(password: String) -> Result<String, Problem> {
    in_turn(move || hash(&password)).await?
}

/// Whether the password is the one of the hash; without a hash it takes as long and is wrong.
///
/// # Errors
/// An internal problem when the work can't be done.
pub async fn fits_in_turn(password: String, hash: Option<String>) -> Result<bool, Problem> {
    in_turn(move || {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.clone());
        let fits = PasswordHash::new(&hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        fits && known
    })
    .await
}

async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let busy = || Problem::new(Code::Overloaded).retry_after(2);
    let turn = tokio::time::timeout(PATIENCE, TURNS.clone().acquire_owned()).await;
    let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
    let hashing = tokio::task::spawn_blocking(move || {
        // Held to the end, also when nobody waits for the answer any more.
        let _turn = turn;
        work()
    });
    hashing.await.map_err(|_| Problem::new(Code::Internal))
}

/// Refuses what everybody tries first: one character repeated, runs, and the account's own words.
pub fn weakness(password: &str, email: &str) -> Option<FieldCode> {
    let lower = password.to_lowercase();
    let chars: Vec<char> = lower.chars().collect();
    let run = chars.windows(2).all(|pair| pair[1] as i64 - pair[0] as i64 == 1);
    let same = chars.windows(2).all(|pair| pair[0] == pair[1]);
    let account =
        email.split('@').next().is_some_and(|name| name.len() >= 4 && lower.contains(&name.to_lowercase()));
    let common = ["password", "12345678", "qwertyui", "11111111", "00000000", "iloveyou", "admin123"]
        .iter()
        .any(|word| lower.contains(word));
    (run || same || account || common).then_some(FieldCode::WeakPassword)
}

#[cfg(test)]
mod tests {
    use super::weakness;

    #[test]
    fn what_everybody_tries_first_is_refused() {
        for weak in ["abcdefghijkl", "zzzzzzzzzzzz", "Password2026!", "manager-2026"] {
            assert!(weakness(weak, "manager@demo.test").is_some(), "{weak}");
        }
        assert!(weakness("fulcrum-demo", "manager@demo.test").is_none());
    }
}
