//! How long to wait before something that failed is tried again.

use chrono::TimeDelta;

const FIRST: TimeDelta = TimeDelta::seconds(5);
const LONGEST: TimeDelta = TimeDelta::hours(6);

/// Exponential backoff with jitter: 5 s after the first failure, twice as long after each further one, at most 6 h, and up
/// to a quarter more or less, so that what failed together doesn't come back together.
///
/// `failures` counts from 1; `chance` is a random number from 0 to 1.
pub fn backoff(failures: u32, chance: f64) -> TimeDelta {
    let doublings = failures.saturating_sub(1).min(20);
    let plain = FIRST.num_milliseconds().saturating_mul(1 << doublings).min(LONGEST.num_milliseconds());
    let jitter = 0.75 + chance.clamp(0.0, 1.0) / 2.0;
    TimeDelta::milliseconds((plain as f64 * jitter) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_a_limit_with_jitter() {
        assert_eq!(backoff(1, 0.5), TimeDelta::seconds(5));
        assert_eq!(backoff(2, 0.5), TimeDelta::seconds(10));
        assert_eq!(backoff(5, 0.0), TimeDelta::seconds(60));
        assert_eq!(backoff(5, 1.0), TimeDelta::seconds(100));
        assert_eq!(backoff(u32::MAX, 0.5), TimeDelta::hours(6));
        assert_eq!(backoff(0, 0.5), TimeDelta::seconds(5));
    }
}
