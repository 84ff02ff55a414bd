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

/// Seconds from each attempt to tell a webhook to the next one; after the tenth attempt it is given up, some three days after the
/// first (<https://www.standardwebhooks.com>, "Deliverability and reliability").
const TELL_AGAIN: [i64; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// How long to wait before a webhook is told again, up to a tenth more or less; `None` when it was told often enough.
///
/// `attempts` counts from 1; `chance` is a random number from 0 to 1.
pub fn tell_again(attempts: u32, chance: f64) -> Option<TimeDelta> {
    let plain = TELL_AGAIN.get(attempts.checked_sub(1)? as usize)?;
    Some(TimeDelta::milliseconds((*plain as f64 * (900.0 + 200.0 * chance.clamp(0.0, 1.0))) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_told_ten_times_in_three_days() {
        assert_eq!(tell_again(1, 0.5), Some(TimeDelta::seconds(5)));
        assert_eq!(tell_again(2, 0.0), Some(TimeDelta::seconds(270)));
        assert_eq!(tell_again(9, 1.0), Some(TimeDelta::seconds(95_040)));
        assert_eq!((tell_again(10, 0.5), tell_again(0, 0.5)), (None, None));
        let whole: TimeDelta = (1..10).filter_map(|attempt| tell_again(attempt, 0.5)).sum();
        assert_eq!(whole.num_hours(), 75);
    }

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
