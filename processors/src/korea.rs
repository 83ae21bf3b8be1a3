//! Korea's clock and days. It has had no summer time since 1988, so it is arithmetic: UTC + 9 h.

use jiff::{
    Span,
    civil::{Date, date},
};

/// How far it is ahead of UTC, milliseconds.
pub const AHEAD_MS: i64 = 9 * 3_600_000;
/// A day, milliseconds.
pub const DAY_MS: i64 = 24 * 3_600_000;

/// Days from 1970-01-01 to the day of a moment, and how much of that day is over, milliseconds.
pub fn clock(at_ms: i64) -> (i64, i64) {
    let ahead_ms = at_ms.saturating_add(AHEAD_MS);
    (ahead_ms.div_euclid(DAY_MS), ahead_ms.rem_euclid(DAY_MS))
}

/// The day of any moment; None: no calendar has it.
pub fn calendar_day(at_ms: i64) -> Option<Date> {
    date(1970, 1, 1).checked_add(Span::new().try_days(clock(at_ms).0).ok()?).ok()
}

/// The day now. A clock beyond all calendars shows one so far off that years may still be added to it.
pub fn day_of(now_ms: i64) -> Date {
    let (days, _) = clock(now_ms);
    date(1970, 1, 1).saturating_add(Span::new().days(days.clamp(-700_000, 2_900_000)))
}

/// The midnight before or at a moment, Unix milliseconds.
pub fn midnight_ms(at_ms: i64) -> i64 {
    at_ms.saturating_sub(clock(at_ms).1)
}

/// Days from 1970-01-01.
pub fn days_since_1970(day: Date) -> i32 {
    date(1970, 1, 1).until(day).map_or(0, |span| span.get_days())
}

/// The midnight at which a day begins, Unix milliseconds.
pub fn begins_ms(day: Date) -> i64 {
    i64::from(days_since_1970(day)) * DAY_MS - AHEAD_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_fifteen_hours_of_utc_before_1970_and_after() {
        let days = [("2026-03-11", 1_773_154_800_000), ("1970-01-01", -32_400_000), ("1969-12-31", -118_800_000)];
        for (day, midnight) in days {
            let day: Date = day.parse().unwrap();
            assert_eq!(begins_ms(day), midnight);
            for (at_ms, of_day_ms) in [(midnight, 0), (midnight + 1, 1), (midnight + DAY_MS - 1, DAY_MS - 1)] {
                let days = i64::from(days_since_1970(day));
                assert_eq!((clock(at_ms), midnight_ms(at_ms)), ((days, of_day_ms), midnight), "{day}");
                assert_eq!((day_of(at_ms), calendar_day(at_ms)), (day, Some(day)));
            }
        }
    }

    #[test]
    fn a_moment_that_no_calendar_has_is_said_to_be_none_and_a_clock_that_shows_it_stops_nobody() {
        for (at_ms, year) in [(i64::MAX, 9_909), (i64::MIN, 53)] {
            assert_eq!((calendar_day(at_ms), day_of(at_ms).year()), (None, year));
            assert!(midnight_ms(at_ms).abs_diff(at_ms) < DAY_MS.unsigned_abs());
        }
    }
}
