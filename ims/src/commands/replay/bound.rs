//! Where a replay begins and ends: an offset, or a time.

use jiff::Timestamp;
use std::str::FromStr;
use topology::log::{LogError, Place, Reader};

/// A place in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// An offset.
    Offset(i64),
    /// Unix milliseconds, by the time that the log gave the record.
    Time(i64),
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(offset) = text.parse::<i64>() {
            return if offset < 0 { Err("offsets begin at 0".into()) } else { Ok(Self::Offset(offset)) };
        }
        match text.parse::<Timestamp>() {
            Ok(time) => Ok(Self::Time(time.as_millisecond())),
            Err(_) if ["callback", "topic"].contains(&text) => {
                Err("this is where the range ends; where it goes is said by --to-callback or --to-topic NAME".into())
            }
            Err(_) => Err("neither an offset (12) nor a time with its zone (2026-03-11T09:00:00+09:00)".into()),
        }
    }
}

/// What of a partition lies between two bounds: the first offset, and the one after the last. An offset as the end is
/// included, a time is not.
pub fn range(
    reader: &mut dyn Reader,
    place: Place,
    from: Option<Bound>,
    to: Option<Bound>,
) -> Result<(i64, i64), LogError> {
    let (first, end) = reader.bounds(place)?;
    let mut at = |time| Ok::<_, LogError>(reader.offset_at(place, time)?.unwrap_or(end));
    let from = match from {
        None => first,
        Some(Bound::Offset(offset)) => offset,
        Some(Bound::Time(time)) => at(time)?,
    };
    let to = match to {
        None => end,
        Some(Bound::Offset(offset)) => offset.saturating_add(1),
        Some(Bound::Time(time)) => at(time)?,
    };
    Ok((from.clamp(first, end), to.clamp(first, end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_an_offset_or_a_time_with_its_zone() {
        assert_eq!("12".parse(), Ok(Bound::Offset(12)));
        assert_eq!("2026-03-11T09:00:00+09:00".parse(), Ok(Bound::Time(1_773_187_200_000)));
        assert_eq!("2026-03-11T00:00:00Z".parse(), Ok(Bound::Time(1_773_187_200_000)));
        for wrong in ["-1", "2026-03-11T09:00:00", "yesterday", ""] {
            assert!(wrong.parse::<Bound>().is_err(), "{wrong}");
        }
    }
}
