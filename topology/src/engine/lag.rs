//! How far behind a stream is, told once a second.

use crate::{log::Stream, metrics as names};
use metrics::gauge;
use std::time::{Duration, Instant};

/// Asking costs some microseconds a partition; nobody looks more often.
const EVERY: Duration = Duration::from_secs(1);

/// Keeps `ims_lag_records` of one stream.
#[derive(Debug, Default)]
pub struct LagGauge(Option<Instant>);

impl LagGauge {
    /// Tells the lag when it is time.
    pub fn tell(&mut self, name: &str, stream: &mut dyn Stream) {
        if self.0.is_none_or(|told| told.elapsed() >= EVERY) {
            self.0 = Some(Instant::now());
            let records: i64 = stream.lag().iter().map(|(_, records)| records).sum();
            gauge!(names::LAG, "stream" => name.to_owned()).set(records as f64);
        }
    }
}
