//! Korea's clock and days. It has had no summer time since 1988, so it is arithmetic: UTC + 9 h.

use jiff::civil::{Date, date};

/// How far it is ahead of UTC, milliseconds.
pub const AHEAD_MS: i64 = 9 * 3_600_000;
/// A day, milliseconds.
pub const DAY_MS: i64 = 24 * 3_600_000;

/// The day in Korea.
pub fn day_of(now_ms: i64) -> Date {
    let days = i32::try_from((now_ms + AHEAD_MS).div_euclid(DAY_MS)).unwrap_or(i32::MAX);
    date(1970, 1, 1).saturating_add(jiff::Span::new().days(days.clamp(-700_000, 2_900_000)))
}

/// Days from 1970-01-01.
pub fn days_since_1970(day: Date) -> i32 {
    date(1970, 1, 1).until(day).map_or(0, |span| span.get_days())
}

/// The midnight at which a day begins, Unix milliseconds.
pub fn begins_ms(day: Date) -> i64 {
    i64::from(days_since_1970(day)) * DAY_MS - AHEAD_MS
}
