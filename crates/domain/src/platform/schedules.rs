//! When something is done again and again.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use thiserror::Error;

/// A cron pattern in a time zone. Where clocks go forward, a fixed time that doesn't exist is done at the next one that
/// does; where they go back, a fixed time is done once.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Cron,
    time_zone: Tz,
}

/// Why something is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)] // the messages say it
pub enum ScheduleError {
    #[error("expected minute, hour, day of month, month and day of week: {0}")]
    Pattern(String),
    #[error("there is no day on which this happens")]
    Never,
}

impl Schedule {
    /// Takes a pattern of five fields such as `30 2 * * MON-FRI`; names of days and months, `L`, `W` and `#` as Vixie cron
    /// and its successors have them.
    ///
    /// # Errors
    /// [`ScheduleError`], also for what can never happen after `now`, such as 30 February.
    pub fn new(pattern: &str, time_zone: Tz, now: DateTime<Utc>) -> Result<Schedule, ScheduleError> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
        let cron = parser.parse(pattern).map_err(|error| ScheduleError::Pattern(error.to_string()))?;
        let schedule = Schedule { cron, time_zone };
        schedule.after(now).map(|_| schedule).ok_or(ScheduleError::Never)
    }

    /// The first time after an instant.
    pub fn after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = instant.with_timezone(&self.time_zone);
        self.cron.find_next_occurrence(&local, false).ok().map(|next| next.with_timezone(&Utc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    fn next(pattern: &str, zone: Tz, after: &str) -> String {
        let schedule = Schedule::new(pattern, zone, at(after)).expect("a schedule");
        schedule.after(at(after)).expect("a time").to_rfc3339()
    }

    #[test]
    fn in_the_zone_of_the_company() {
        assert_eq!(
            next("30 2 * * *", Tz::Asia__Shanghai, "2027-03-01T00:00:00Z"),
            "2027-03-01T18:30:00+00:00"
        );
        assert_eq!(
            next("0 9 * * MON", Tz::Asia__Shanghai, "2027-03-01T01:00:00Z"),
            "2027-03-08T01:00:00+00:00"
        );
    }

    #[test]
    fn when_clocks_change() {
        let berlin = Tz::Europe__Berlin;
        // 28 March 2027, 02:30 doesn't exist.
        assert_eq!(next("30 2 * * *", berlin, "2027-03-27T12:00:00Z"), "2027-03-28T01:00:00+00:00");
        // 31 October 2027, 02:30 is there twice, and counts once.
        let first = next("30 2 * * *", berlin, "2027-10-30T12:00:00Z");
        assert_eq!(first, "2027-10-31T00:30:00+00:00");
        assert_eq!(next("30 2 * * *", berlin, &first), "2027-11-01T01:30:00+00:00");
    }

    #[test]
    fn what_never_happens_is_refused() {
        let refused =
            |pattern: &str| Schedule::new(pattern, Tz::UTC, at("2027-03-01T00:00:00Z")).unwrap_err();
        assert_eq!(refused("0 0 30 2 *"), ScheduleError::Never);
        for bad in [
            "",
            "* * * *",
            "61 * * * *",
            "0 25 * * *",
            "every day",
            "0 0 * * * * *",
            "0 0 1 1 * 2020",
            "* * * * * *\0",
        ] {
            assert!(matches!(refused(bad), ScheduleError::Pattern(_)), "{bad}");
        }
    }
}
