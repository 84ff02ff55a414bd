//! What comes again and again, by the rules of calendars (RFC 5545, 3.3.10).

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use rrule::{Frequency, RRule, RRuleSet, Unvalidated};
use thiserror::Error;

/// How often something can come again: who wants more makes it anew.
pub const MOST_OCCURRENCES: u16 = 1000;

/// Why something is no recurrence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)] // the messages say it
pub enum RecurrenceError {
    #[error("{0}")]
    Rule(String),
    #[error("it comes more than once a day")]
    TooOften,
    #[error("it has no end: give COUNT or UNTIL")]
    Endless,
    #[error("it comes more than {MOST_OCCURRENCES} times")]
    TooMany,
    #[error("it never comes again")]
    Never,
}

/// A rule such as `FREQ=WEEKLY;BYDAY=MO,TH;COUNT=20`, from an instant on, on the calendar of a time zone. It keeps its time of day when
/// clocks change; a day that a month doesn't have is left out (`BYMONTHDAY=-1` is the last one).
#[derive(Clone, Debug)]
pub struct Recurrence(RRuleSet);

impl Recurrence {
    /// Takes the value of an RRULE property.
    ///
    /// # Errors
    /// [`RecurrenceError`]: also for one without end or with more than [`MOST_OCCURRENCES`].
    pub fn parse(rule: &str, start: DateTime<Utc>, time_zone: Tz) -> Result<Recurrence, RecurrenceError> {
        let said = |error: rrule::RRuleError| RecurrenceError::Rule(error.to_string());
        let rule: RRule<Unvalidated> = rule.parse().map_err(said)?;
        if matches!(rule.get_freq(), Frequency::Hourly | Frequency::Minutely | Frequency::Secondly) {
            return Err(RecurrenceError::TooOften);
        }
        if [rule.get_by_hour(), rule.get_by_minute(), rule.get_by_second()]
            .iter()
            .any(|times| times.len() > 1)
        {
            return Err(RecurrenceError::TooOften);
        }
        if rule.get_count().is_none() && rule.get_until().is_none() {
            return Err(RecurrenceError::Endless);
        }
        if rule.get_count().is_some_and(|count| count > u32::from(MOST_OCCURRENCES)) {
            return Err(RecurrenceError::TooMany);
        }
        let start = start.with_timezone(&rrule::Tz::from(time_zone));
        let set = RRuleSet::new(start).rrule(rule.validate(start).map_err(said)?);
        let recurrence = Recurrence(set);
        let times = recurrence.0.clone().all(MOST_OCCURRENCES + 1).dates.len();
        if times > usize::from(MOST_OCCURRENCES) {
            return Err(RecurrenceError::TooMany);
        }
        recurrence.after(start.to_utc()).map(|_| recurrence).ok_or(RecurrenceError::Never)
    }

    /// The first time after an instant; nothing when it has come to its end.
    pub fn after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let times = self.0.clone().all(MOST_OCCURRENCES).dates;
        times.into_iter().map(|time| time.to_utc()).find(|time| *time > instant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    fn of(rule: &str, start: &str, zone: Tz) -> Result<Vec<String>, RecurrenceError> {
        let recurrence = Recurrence::parse(rule, at(start), zone)?;
        let mut times = vec![];
        let mut last = at(start);
        while let Some(next) = recurrence.after(last) {
            times.push(next.format("%m-%dT%H:%M").to_string());
            last = next;
        }
        Ok(times)
    }

    #[test]
    fn it_keeps_its_time_of_day_when_clocks_change() {
        // 28 March 2027: clocks in Berlin go from 02:00 to 03:00.
        let times = of("FREQ=DAILY;COUNT=4", "2027-03-26T08:00:00Z", Tz::Europe__Berlin).expect("times");
        assert_eq!(times, ["03-27T08:00", "03-28T07:00", "03-29T07:00"]);
        // 31 October 2027: from 03:00 to 02:00.
        let times = of("FREQ=DAILY;COUNT=4", "2027-10-29T07:00:00Z", Tz::Europe__Berlin).expect("times");
        assert_eq!(times, ["10-30T07:00", "10-31T08:00", "11-01T08:00"]);
        let times = of("FREQ=DAILY;COUNT=4", "2027-03-26T08:00:00Z", Tz::Asia__Shanghai).expect("times");
        assert_eq!(times, ["03-27T08:00", "03-28T08:00", "03-29T08:00"]);
    }

    #[test]
    fn a_time_that_does_not_exist_is_not_left_out_and_one_that_exists_twice_comes_once() {
        // 02:30 in Berlin.
        let times = of("FREQ=DAILY;COUNT=4", "2027-03-26T01:30:00Z", Tz::Europe__Berlin).expect("times");
        assert_eq!(times.len(), 3, "{times:?}");
        assert_eq!((times[0].as_str(), times[2].as_str()), ("03-27T01:30", "03-29T00:30"));
        assert_eq!(times[1], "03-28T01:30", "{times:?}");
        let times = of("FREQ=DAILY;COUNT=4", "2027-10-29T00:30:00Z", Tz::Europe__Berlin).expect("times");
        assert_eq!(times.len(), 3, "{times:?}");
    }

    #[test]
    fn month_ends() {
        let zone = Tz::Asia__Shanghai;
        let thirty_first = of("FREQ=MONTHLY;COUNT=4", "2027-01-31T02:00:00Z", zone).expect("times");
        assert_eq!(thirty_first, ["03-31T02:00", "05-31T02:00", "07-31T02:00"]);
        let last = of("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=4", "2027-01-31T02:00:00Z", zone).expect("times");
        assert_eq!(last, ["02-28T02:00", "03-31T02:00", "04-30T02:00"]);
        let leap = of("FREQ=YEARLY;COUNT=2", "2028-02-29T02:00:00Z", zone).expect("times");
        assert_eq!(leap, ["02-29T02:00"], "in 2032");
        let until = of("FREQ=WEEKLY;BYDAY=MO,TH;UNTIL=20270312T000000Z", "2027-03-01T02:00:00Z", zone)
            .expect("times");
        assert_eq!(until, ["03-04T02:00", "03-08T02:00", "03-11T02:00"]);
    }

    #[test]
    fn what_is_no_recurrence() {
        let why = |rule: &str| of(rule, "2027-03-01T02:00:00Z", Tz::Asia__Shanghai).expect_err(rule);
        assert_eq!(why("FREQ=DAILY"), RecurrenceError::Endless);
        assert_eq!(why("FREQ=SECONDLY;COUNT=10"), RecurrenceError::TooOften);
        assert_eq!(why("FREQ=DAILY;BYHOUR=1,2,3;COUNT=10"), RecurrenceError::TooOften);
        assert_eq!(why("FREQ=DAILY;COUNT=10000"), RecurrenceError::TooMany);
        assert_eq!(why("FREQ=DAILY;UNTIL=20990101T000000Z"), RecurrenceError::TooMany);
        assert_eq!(why("FREQ=DAILY;COUNT=1"), RecurrenceError::Never);
        for wrong in [
            "",
            "DAILY",
            "FREQ=SOMETIMES;COUNT=2",
            "FREQ=DAILY;COUNT=2;X=1",
            "FREQ=DAILY;INTERVAL=0;COUNT=2",
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3",
            "FREQ=DAILY;COUNT=2\nEXRULE:FREQ=DAILY",
        ] {
            let error = of(wrong, "2027-03-01T02:00:00Z", Tz::Asia__Shanghai);
            assert!(error.is_err(), "{wrong}: {error:?}");
        }
    }
}
