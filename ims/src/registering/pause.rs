//! How long a dealer that is away is left alone: longer each time.

use super::{LONGEST_WAIT, REST};
use std::time::Duration;

/// Longest wait that a dealer may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(86_400);

/// How long it was left alone last; None: it answered.
#[derive(Default)]
pub struct Pause(Option<Duration>);

impl Pause {
    /// It answered.
    pub fn end(&mut self) {
        self.0 = None;
    }

    /// It did not, or asks to wait so long; how long it is left alone. `every`: from one turn to the next.
    pub fn longer(&mut self, every: Duration, asked: Option<Duration>) -> Duration {
        let longer = self.0.map_or(every.max(REST), |before| before * 2).min(LONGEST_WAIT);
        self.0 = Some(longer);
        longer.max(asked.unwrap_or_default().min(LONGEST_ASKED))
    }
}
