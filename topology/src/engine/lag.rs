//! How far behind a stream is, told once a second.

use crate::{
    log::{Place, Stream},
    metrics as names,
};
use metrics::gauge;
use std::time::{Duration, Instant};

/// Asking costs some microseconds a partition; nobody looks more often.
const EVERY: Duration = Duration::from_secs(1);

/// Keeps a gauge of what one stream has not read.
#[derive(Debug, Default)]
pub struct LagGauge(Option<Instant>);

impl LagGauge {
    /// Tells `ims_lag_records` when it is time.
    pub fn tell(&mut self, name: &str, stream: &mut dyn Stream) {
        self.tell_of(names::LAG, name, stream, |_| true);
    }

    /// Tells what is unread in these places when it is time.
    pub fn tell_of(
        &mut self,
        metric: &'static str,
        name: &str,
        stream: &mut dyn Stream,
        counts: impl Fn(&Place) -> bool,
    ) {
        if self.0.is_none_or(|told| told.elapsed() >= EVERY) {
            self.0 = Some(Instant::now());
            let unread = stream.lag();
            let records: i64 = unread.iter().filter(|(place, _)| counts(place)).map(|(_, records)| records).sum();
            gauge!(metric, "stream" => name.to_owned()).set(records as f64);
        }
    }
}
