//! Human-readable numbers such as `C2026000001`.

use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;

/// One series of numbers: a letter for the kind of record and a year.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Series(String);

impl Series {
    /// The series of the year that `now` falls into in the tenant's time zone.
    pub fn of_year(letter: char, now: DateTime<Utc>, time_zone: Tz) -> Series {
        Series(format!("{letter}{:04}", now.with_timezone(&time_zone).year()))
    }

    /// The number at a position: at least six digits, more when a year needs more than a million.
    pub fn number(&self, position: i64) -> String {
        format!("{}{position:06}", self.0)
    }

    /// The stored key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_turns_at_midnight_of_the_tenant_and_a_million_is_no_wall() {
        let now = "2026-12-31T17:00:00Z".parse::<DateTime<Utc>>().unwrap();
        assert_eq!(Series::of_year('C', now, chrono_tz::Asia::Shanghai).number(1), "C2027000001");
        assert_eq!(Series::of_year('C', now, Tz::UTC).number(1_234_567), "C20261234567");
    }
}
