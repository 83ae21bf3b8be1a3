//! Days and times that a question is about. Days are Korea's.

use crate::korea::{DAY_MS, begins_ms};
use crate::refusal::Refusal;
use crate::rules::field::Field;
use jiff::{Timestamp, civil::Date};
use std::ops::Range;

/// Most days of a question for statistics: a leap year.
pub const LONGEST_DAYS: i64 = 366;
/// Most days of a question for history by time alone, which reads every row in it.
pub const LONGEST_HISTORY_DAYS: i64 = 31;

/// Days from one to another, both included, YYYY-MM-DD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub from: Date,
    /// The last.
    pub to: Date,
}

impl Days {
    /// Reads both ends; both are needed.
    pub fn read(from_at: &Field<'_>, from: Option<&str>, to_at: &Field<'_>, to: Option<&str>) -> Result<Self, Refusal> {
        let read = |at: &Field<'_>, text: Option<&str>| {
            let text = text.ok_or_else(|| Refusal::missing(at, "a question for statistics"))?;
            day(text).ok_or_else(|| not_understood(at, text, "a day as 2026-03-31"))
        };
        let (from, to) = (read(from_at, from)?, read(to_at, to)?);
        let days = to.duration_since(from).as_hours() / 24 + 1;
        if days < 1 {
            return Err(Refusal::bad(to_at, format_args!("{to} is before from, which is {from}")));
        }
        if days > LONGEST_DAYS {
            return Err(Refusal::bad(to_at, format_args!("{days} days from {from}, at most {LONGEST_DAYS}")));
        }
        Ok(Self { from, to })
    }
}

/// A time from one moment to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span(pub Range<i64>);

impl Span {
    /// Reads both ends, each a moment (ISO 8601 with a zone) or a whole day of Korea. Without an end it is now, without
    /// a beginning `longest_days` before the end.
    pub fn read(
        from_at: &Field<'_>,
        from: Option<&str>,
        to_at: &Field<'_>,
        to: Option<&str>,
        longest_days: i64,
        now_ms: i64,
    ) -> Result<Self, Refusal> {
        let moment = |at: &Field<'_>, text: &str, end: bool| {
            let of_day = |day: Date| begins_ms(day) + if end { DAY_MS } else { 0 };
            let exact = || text.parse::<Timestamp>().ok().map(|at| at.as_millisecond());
            let allowed = "a day as 2026-03-31, or a time with its zone as 2026-03-31T09:00:00+09:00";
            day(text).map(of_day).or_else(exact).ok_or_else(|| not_understood(at, text, allowed))
        };
        // Rows of this very moment belong to it.
        let end = to.map_or(Ok(now_ms.saturating_add(1)), |text| moment(to_at, text, true))?;
        let longest_ms = longest_days * DAY_MS;
        let start = from.map_or(Ok(end.saturating_sub(longest_ms)), |text| moment(from_at, text, false))?;
        if start >= end {
            return Err(Refusal::bad(from_at, "is not before to (now, when that is not given)"));
        }
        let got_ms = end.saturating_sub(start);
        if got_ms > longest_ms {
            let days = (got_ms - 1) / DAY_MS + 1;
            return Err(Refusal::bad(from_at, format_args!("{days} days before to, at most {longest_days}")));
        }
        Ok(Self(start..end))
    }
}

/// As in a calendar, four digits of a year and two of the others.
fn day(text: &str) -> Option<Date> {
    let date: Date = (text.len() == 10).then(|| text.parse().ok()).flatten()?;
    (date.year() > 0).then_some(date)
}

fn not_understood(at: &Field<'_>, text: &str, allowed: &str) -> Refusal {
    let got: String = text.chars().take(40).collect();
    Refusal::bad(at, format_args!("got {got:?}, allowed is {allowed}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::field::top;
    use proptest::prelude::*;

    fn days(from: &str, to: &str) -> Result<(String, String), String> {
        let read = Days::read(&top("from"), Some(from), &top("to"), Some(to));
        read.map(|days| (days.from.to_string(), days.to.to_string())).map_err(|refusal| refusal.message)
    }

    fn span(from: Option<&str>, to: Option<&str>) -> Result<Range<i64>, String> {
        Span::read(&top("from"), from, &top("to"), to, 31, NOW).map(|span| span.0).map_err(|refusal| refusal.message)
    }

    /// 2026-03-02 12:00 in Seoul.
    const NOW: i64 = 1_772_420_400_000;

    #[test]
    fn days_are_read_up_to_a_year() {
        assert_eq!(days("2026-03-01", "2026-03-01"), Ok(("2026-03-01".into(), "2026-03-01".into())));
        assert!(days("2024-01-01", "2024-12-31").is_ok(), "a leap year");
        assert_eq!(days("2024-01-01", "2025-01-01").unwrap_err(), "to: 367 days from 2024-01-01, at most 366");
        assert_eq!(days("2026-03-02", "2026-03-01").unwrap_err(), "to: 2026-03-01 is before from, which is 2026-03-02");
        for wrong in ["", "2026-3-1", "20260301", "2026-02-30", "2026-03-01T00:00:00Z", "-00001-01-01", "2026-03-0١"] {
            assert!(days(wrong, "2026-03-01").unwrap_err().contains("allowed is a day as 2026-03-31"), "{wrong}");
        }
        let missing = Days::read(&top("from"), None, &top("to"), Some("2026-03-01")).unwrap_err();
        assert_eq!(missing.code, crate::refusal::Code::Missing);
    }

    #[test]
    fn a_day_is_koreas_and_whole() {
        // 2026-03-01 00:00 to 2026-03-03 00:00 in Seoul.
        assert_eq!(span(Some("2026-03-01"), Some("2026-03-02")), Ok(NOW - 36 * 3_600_000..NOW + 12 * 3_600_000));
        assert_eq!(span(Some("2026-03-02T03:00:00Z"), Some("2026-03-02T12:00:00.001+09:00")), Ok(NOW..NOW + 1));
    }

    #[test]
    fn what_is_not_said_is_the_time_before_now() {
        assert_eq!(span(None, None), Ok(NOW + 1 - 31 * DAY_MS..NOW + 1));
        assert_eq!(span(Some("2026-03-02"), None), Ok(NOW - 12 * 3_600_000..NOW + 1));
    }

    #[test]
    fn spans_have_a_bound_and_a_direction() {
        assert!(span(Some("2026-01-01"), Some("2026-01-31")).is_ok());
        assert_eq!(span(Some("2026-01-01"), Some("2026-02-01")).unwrap_err(), "from: 32 days before to, at most 31");
        assert!(span(Some("2026-03-03"), None).unwrap_err().contains("is not before to"));
        assert!(span(Some("2026-03-02 12:00"), None).unwrap_err().contains("a time with its zone"));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_span_is_longer(from: Option<String>, to: Option<String>, year in "[0-9-]{1,6}", now: i64) {
            let _ = days(&format!("{year}-12-31"), "9999-12-31");
            let from = from.unwrap_or_else(|| format!("{year}-01-01"));
            if let Ok(Span(span)) = Span::read(&top("from"), Some(&from), &top("to"), to.as_deref(), 31, now) {
                prop_assert!(span.start < span.end && span.end - span.start <= 31 * DAY_MS);
            }
            let _ = Span::read(&top("from"), None, &top("to"), Some(&from), 31, now);
        }
    }
}
