//! From when to when, by whole minutes.

use crate::exit::usage;
use jiff::Timestamp;
use std::{ops::Range, str::FromStr};

const MINUTE_MS: i64 = 60_000;

/// A time, or how long ago it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Unix milliseconds.
    At(i64),
    /// Milliseconds before now.
    Ago(i64),
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "write a time with its zone, as 2026-03-02T09:00+09:00, or how long ago, as 90m, 6h, 2d";
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::At(at.as_millisecond()));
        }
        let minutes = match text.char_indices().last().map(|(at, unit)| (&text[..at], unit)) {
            Some((number, 'm')) => (number, 1),
            Some((number, 'h')) => (number, 60),
            Some((number, 'd')) => (number, 24 * 60),
            _ => return Err(WRONG),
        };
        let number: i64 = minutes.0.parse::<u16>().map_err(|_| WRONG)?.into();
        Ok(Self::Ago(number * minutes.1 * MINUTE_MS))
    }
}

impl Moment {
    fn ms(self, now_ms: i64) -> i64 {
        match self {
            Self::At(at_ms) => at_ms,
            Self::Ago(ms) => now_ms - ms,
        }
    }
}

/// The minutes that have a part in the span.
pub fn between(from: Moment, to: Moment, now_ms: i64) -> anyhow::Result<Range<i64>> {
    let (from_ms, to_ms) = (from.ms(now_ms), to.ms(now_ms));
    if from_ms >= to_ms {
        return Err(usage("--from is not before --to: nothing lies between them"));
    }
    let floor = |ms: i64| ms - ms.rem_euclid(MINUTE_MS);
    Ok(floor(from_ms)..floor(to_ms - 1) + MINUTE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_772_413_230_000; // 2026-03-02T01:00:30Z

    #[test]
    fn moments_are_times_or_how_long_ago() {
        let of = |text: &str| text.parse::<Moment>();
        assert_eq!(of("2026-03-02T10:00+09:00"), Ok(Moment::At(1_772_413_200_000)));
        assert_eq!(of("2026-03-02T01:00:00Z"), Ok(Moment::At(1_772_413_200_000)));
        assert_eq!(of("90m"), Ok(Moment::Ago(5_400_000)));
        assert_eq!(of("2d"), Ok(Moment::Ago(172_800_000)));
        for wrong in ["", "h", "-1h", "1", "1w", "2026-03-02T10:00", "99999d", "시간"] {
            assert!(of(wrong).is_err_and(|told| told.contains("+09:00")), "{wrong:?}");
        }
    }

    #[test]
    fn the_span_has_every_minute_that_was_meant() {
        let hour = between(Moment::Ago(3_600_000), Moment::Ago(0), NOW_MS).unwrap();
        assert_eq!(hour, NOW_MS - 30_000 - 3_600_000..NOW_MS + 30_000);
        let whole = between(Moment::At(0), Moment::At(120_000), NOW_MS).unwrap();
        assert_eq!(whole, 0..120_000);
        assert!(between(Moment::At(NOW_MS), Moment::Ago(0), NOW_MS).is_err());
    }
}
