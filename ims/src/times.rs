//! Durations, counted: how long it took for half of them and for 99 of 100.

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

/// Durations in milliseconds, kept as a histogram of three digits that grows with what it is given.
#[derive(Debug)]
pub struct Times(Histogram<u32>);

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new(3).expect("three digits are allowed"))
    }
}

impl Times {
    /// Counts one; what lies before its beginning took no time.
    pub fn add(&mut self, from_ms: i64, to_ms: i64) {
        let ms = u64::try_from(to_ms.saturating_sub(from_ms)).unwrap_or(0);
        if self.0.record(ms).is_err() {
            // Longer than the histogram can grow to, which is half of all times there are.
            self.0.saturating_record(ms);
        }
    }

    /// Median and 99th percentile, milliseconds; None when nothing was measured.
    pub fn quantiles(&self) -> Option<(u64, u64)> {
        (!self.0.is_empty()).then(|| (self.0.value_at_quantile(0.5), self.0.value_at_quantile(0.99)))
    }

    /// As a cell of a table.
    pub fn text(&self) -> String {
        self.quantiles().map_or("-".to_owned(), |(p50, p99)| format!("{p50} / {p99}"))
    }
}

impl Serialize for Times {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Quantiles {
            p50_ms: u64,
            p99_ms: u64,
        }
        self.quantiles().map(|(p50_ms, p99_ms)| Quantiles { p50_ms, p99_ms }).serialize(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_not_taken_for_two_seconds() {
        let mut times = Times::default();
        assert_eq!(times.text(), "-");
        (0..99).for_each(|_| times.add(1_000, 1_100));
        times.add(5_000, 4_000);
        (0..5).for_each(|_| times.add(0, 86_400_000));
        let (p50, p99) = times.quantiles().unwrap();
        assert_eq!(p50, 100);
        assert!((86_300_000..86_500_000).contains(&p99), "{p99}");
    }
}
