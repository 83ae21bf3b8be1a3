//! How far behind a stream is, told once a second.

use crate::log::Stream;
use metrics::gauge;

/// Asking costs some microseconds a partition; nobody looks more often.
const EVERY_MS: i64 = 1_000;

/// Keeps a gauge of the records that a stream has not done.
#[derive(Debug, Default)]
pub struct LagGauge(Option<i64>);

impl LagGauge {
    /// Tells what is counted, when it is time.
    pub fn tell(&mut self, metric: &'static str, stream: &str, now_ms: i64, count: impl FnOnce() -> i64) {
        let is_fresh = self.0.is_some_and(|told_ms| (told_ms..told_ms.saturating_add(EVERY_MS)).contains(&now_ms));
        if !is_fresh {
            self.0 = Some(now_ms);
            gauge!(metric, "stream" => stream.to_owned()).set(count() as f64);
        }
    }
}

/// Records that a stream has not read. Whoever commits all that it has read has no others to do.
pub fn unread(stream: &mut dyn Stream) -> i64 {
    stream.lag().into_iter().map(|(_, records)| records).sum()
}
