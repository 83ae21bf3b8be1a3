//! Moments, as people and programs are told them.

use jiff::Timestamp;

/// ISO 8601 in UTC, to the millisecond; a time that no calendar has is the number it is.
pub fn iso(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| format!("{at:.3}"))
}
