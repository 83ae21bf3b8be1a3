//! Lets records gather until the next transaction is worth it.

use std::time::{Duration, Instant};

/// Least time between two transactions while they are small. What comes after a pause is dealt with at once.
#[derive(Debug)]
pub struct Pace {
    least: Duration,
    /// When a small one was committed last.
    small: Option<Instant>,
}

impl Pace {
    /// Zero: as often as there is something.
    pub fn new(least: Duration) -> Self {
        Self { least, small: None }
    }

    /// One was committed.
    pub fn committed(&mut self, small: bool) {
        self.small = small.then(Instant::now);
    }

    /// Waits until it is time for the next, within the caller's patience.
    pub fn wait(&mut self, patience: Duration) {
        if let Some(small) = self.small.take() {
            std::thread::sleep(self.least.saturating_sub(small.elapsed()).min(patience));
        }
    }
}
