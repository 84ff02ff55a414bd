//! What people write into the cells of spreadsheets, understood: numbers, days and truths in the ways that they are written in China
//! and elsewhere, with full-width digits and all.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;

use crate::values::text::clean_line;

/// Full-width forms (U+FF01 to U+FF5E) and the ideographic space as their usual ones: for codes, numbers, addresses.
pub fn narrow(text: &str) -> String {
    let folded = text.chars().map(|letter| match letter {
        '\u{3000}' | '\u{a0}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(letter as u32 - 0xfee0).unwrap_or(letter),
        letter => letter,
    });
    clean_line(&folded.collect::<String>())
}

/// The same for letters, digits and spaces only: punctuation such as （） belongs to Chinese names.
pub fn narrow_letters(text: &str) -> String {
    let folded = text.chars().map(|letter| match letter {
        '\u{3000}' | '\u{a0}' => ' ',
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => {
            char::from_u32(letter as u32 - 0xfee0).unwrap_or(letter)
        }
        letter => letter,
    });
    folded.collect()
}

/// A number such as `1,234.50`, `￥12万`, `1.5亿元`; `None` for what is none.
pub fn number(text: &str) -> Option<Decimal> {
    let narrow = narrow(text).replace('−', "-");
    let mut rest = narrow.trim();
    for sign in ["RMB", "CNY", "USD", "EUR", "¥", "￥", "$", "€"] {
        rest = rest.strip_prefix(sign).unwrap_or(rest).trim();
    }
    for unit in ["人民币", "元", "人", "名", "RMB", "CNY", "USD", "EUR"] {
        rest = rest.strip_suffix(unit).unwrap_or(rest).trim();
    }
    let mut factor = Decimal::ONE;
    for (unit, times) in
        [("百万", 1_000_000), ("千万", 10_000_000), ("万", 10_000), ("亿", 100_000_000), ("萬", 10_000)]
    {
        if let Some(shorter) = rest.strip_suffix(unit) {
            (rest, factor) = (shorter.trim(), Decimal::from(times));
            break;
        }
    }
    let digits = without_separators(rest)?;
    Decimal::from_str(&digits).ok()?.checked_mul(factor).map(|number| number.normalize())
}

/// Digits without the commas between thousands; `None` when they stand elsewhere.
fn without_separators(text: &str) -> Option<String> {
    if !text.contains(',') {
        return Some(text.replace(' ', ""));
    }
    let (whole, part) = text.split_once('.').map_or((text, None), |(whole, part)| (whole, Some(part)));
    let groups: Vec<&str> = whole.trim_start_matches('-').split(',').collect();
    let right = groups.iter().enumerate().all(|(place, group)| {
        let digits = group.bytes().all(|letter| letter.is_ascii_digit());
        digits && if place == 0 { (1..=3).contains(&group.len()) } else { group.len() == 3 }
    });
    right.then(|| {
        let sign = if whole.starts_with('-') { "-" } else { "" };
        let part = part.map(|part| format!(".{part}")).unwrap_or_default();
        format!("{sign}{}{part}", groups.concat())
    })
}

/// Yes or no, in the words of spreadsheets.
pub fn truth(text: &str) -> Option<bool> {
    match narrow(text).to_lowercase().as_str() {
        "是" | "有" | "对" | "真" | "yes" | "y" | "true" | "t" | "1" | "√" | "✓" | "✔" | "vip" => {
            Some(true)
        }
        "否" | "无" | "不" | "不是" | "没有" | "假" | "no" | "n" | "false" | "f" | "0" | "×" | "✗" | "x"
        | "-" => Some(false),
        _ => None,
    }
}

/// The day that a spreadsheet counts so many days from the end of 1899 (ECMA-376, part 1, 18.17.4.1, with the 1900 date base).
pub fn day_of_serial(serial: f64) -> Option<NaiveDate> {
    let epoch = NaiveDate::from_ymd_opt(1899, 12, 30)?;
    (1.0..2_958_466.0).contains(&serial).then(|| epoch + TimeDelta::days(serial as i64))
}

/// A day such as `2026-03-05`, `2026/3/5`, `2026.3.5`, `2026年3月5日`, `20260305`, with a time or without. Day and month in an order that
/// can't be told are none.
pub fn day(text: &str) -> Option<NaiveDate> {
    moment(text).map(|moment| moment.date())
}

/// An instant: one with an offset as it is, else in this time zone.
pub fn instant(text: &str, time_zone: Tz) -> Option<DateTime<Utc>> {
    let narrow = narrow(text);
    if let Ok(instant) = DateTime::parse_from_rfc3339(&narrow) {
        return Some(instant.with_timezone(&Utc));
    }
    at(moment(&narrow)?, time_zone)
}

/// The instant of a wall clock: the first one where it comes twice, the next one where it doesn't come.
pub fn at(moment: NaiveDateTime, time_zone: Tz) -> Option<DateTime<Utc>> {
    let found = moment.and_local_timezone(time_zone);
    let later = || (moment + TimeDelta::hours(1)).and_local_timezone(time_zone).earliest();
    found.earliest().or_else(later).map(|instant| instant.with_timezone(&Utc))
}

fn moment(text: &str) -> Option<NaiveDateTime> {
    let narrow = narrow(text);
    if narrow.len() == 8 && narrow.bytes().all(|letter| letter.is_ascii_digit()) {
        return NaiveDate::parse_from_str(&narrow, "%Y%m%d").ok().map(|day| day.and_time(NaiveTime::MIN));
    }
    let marks: String = narrow
        .chars()
        .map(|letter| match letter {
            '年' | '月' | '/' | '.' => '-',
            '日' | '号' | 'T' => ' ',
            '时' | '分' => ':',
            '秒' => ' ',
            letter => letter,
        })
        .collect();
    // A point in the time belongs to the seconds.
    let (day, time) = marks.trim().split_once(' ').unwrap_or((marks.trim(), ""));
    let parts: Vec<&str> = day.trim_end_matches('-').split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    if year.len() != 4 || !(1..=2).contains(&month.len()) || !(1..=2).contains(&day.len()) {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
    let time = time.trim().trim_end_matches(':');
    if time.is_empty() {
        return Some(date.and_time(NaiveTime::MIN));
    }
    let time = time.split('-').next().unwrap_or_default();
    let formats = ["%H:%M:%S", "%H:%M"];
    let time = formats.iter().find_map(|format| NaiveTime::parse_from_str(time, format).ok())?;
    Some(date.and_time(time))
}

/// The parts of a list in one cell.
pub fn list(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in text.split([',', '，', '、', ';', '；', '|', '\n', '\r']).map(clean_line) {
        if !part.is_empty() && !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers() {
        for (text, number_is) in [
            ("1,234.50", Some("1234.5")),
            ("１２３", Some("123")),
            ("￥12万", Some("120000")),
            ("1.5亿元", Some("150000000")),
            ("300 人", Some("300")),
            ("-5", Some("-5")),
            ("1,23", None),
            ("12,345,678", Some("12345678")),
            ("约300", None),
            ("", None),
            ("1E+5", Some("100000")),
        ] {
            assert_eq!(number(text), number_is.map(|text| text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn days() {
        let right = NaiveDate::from_ymd_opt(2026, 3, 5);
        for text in [
            "2026-03-05",
            "2026/3/5",
            "2026.3.5",
            "２０２６年３月５日",
            "20260305",
            "2026-3-5 14:30",
            "2026-03-05T14:30:00",
        ] {
            assert_eq!(day(text), right, "{text}");
        }
        for text in ["3/5/2026", "05.03.26", "2026-13-01", "2026-02-30", "去年", "", "2026年"] {
            assert_eq!(day(text), None, "{text}");
        }
        assert_eq!(day_of_serial(46086.0), right);
        assert_eq!(day_of_serial(46086.75), right);
        assert_eq!(day_of_serial(-1.0), None);
        let shanghai = chrono_tz::Asia::Shanghai;
        assert_eq!(instant("2026-3-5 08:00", shanghai).unwrap().to_rfc3339(), "2026-03-05T00:00:00+00:00");
        assert_eq!(
            instant("2026-03-05T08:00:00Z", shanghai).unwrap().to_rfc3339(),
            "2026-03-05T08:00:00+00:00"
        );
    }

    #[test]
    fn the_rest() {
        assert_eq!(truth("是"), Some(true));
        assert_eq!(truth("Ｎ"), Some(false));
        assert_eq!(truth("也许"), None);
        assert_eq!(list("高潜力、 续约；高潜力\n A"), ["高潜力", "续约", "A"]);
        assert_eq!(narrow("\u{3000}９１３３＠ａ．ｃｏｍ "), "9133@a.com");
        assert_eq!(narrow_letters("科创（杭州）Ａ１"), "科创（杭州）A1");
    }

    proptest! {
        #[test]
        fn nothing_panics(text in any::<String>(), serial in any::<f64>()) {
            let _ = (number(&text), day(&text), truth(&text), list(&text), instant(&text, chrono_tz::Asia::Shanghai), day_of_serial(serial));
        }

        #[test]
        fn what_is_written_is_read(days in 0i64..60000, cents in -1_000_000_000i64..1_000_000_000) {
            let date = NaiveDate::from_ymd_opt(1900, 3, 1).unwrap() + TimeDelta::days(days);
            for text in [date.format("%Y-%m-%d").to_string(), date.format("%Y/%-m/%-d").to_string(), date.format("%Y年%-m月%-d日").to_string(), date.format("%Y%m%d").to_string()] {
                prop_assert_eq!(day(&text), Some(date));
            }
            let amount = Decimal::new(cents, 2).normalize();
            prop_assert_eq!(number(&amount.to_string()), Some(amount));
        }
    }
}
