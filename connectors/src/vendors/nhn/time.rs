//! Times as NHN Cloud writes them: of Korea, without a zone.

use jiff::{Timestamp, civil::DateTime, tz::Offset};

const KOREA: Offset = Offset::constant(9);

/// A time of a parameter, to the second (`yyyy-MM-dd HH:mm:ss`).
pub fn seconds(at_ms: i64) -> String {
    written(at_ms, "%Y-%m-%d%%20%H:%M:%S")
}

/// A time of a parameter, to the minute (`yyyy-MM-dd HH:mm`).
pub fn minutes(at_ms: i64) -> String {
    written(at_ms, "%Y-%m-%d%%20%H:%M")
}

fn written(at_ms: i64, format: &str) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
    KOREA.to_datetime(at).strftime(format).to_string()
}

/// Unix milliseconds of a time in an answer or webhook; None: it is none, or a day alone.
pub fn read(text: &str) -> Option<i64> {
    let at: DateTime = text.parse().ok().filter(|_| text.contains(':'))?;
    Some(KOREA.to_timestamp(at).ok()?.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-02 12:00:00 in Korea.
    const NOON: i64 = 1_772_420_400_000;

    #[test]
    fn times_are_koreas_and_are_read_as_they_are_published() {
        assert_eq!((seconds(NOON), minutes(NOON)), ("2026-03-02%2012:00:00".into(), "2026-03-02%2012:00".into()));
        for text in ["2026-03-02 12:00:00.0", "2026-03-02T12:00:00", "2026-03-02 12:00:00"] {
            assert_eq!(read(text), Some(NOON), "{text}");
        }
        for text in ["2026-03-02", "", "now", "2026-13-02 12:00:00"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
