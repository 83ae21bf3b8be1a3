//! Gives partitions up, and ends.

use super::{Sender, Stage};
use crate::engine::TurnError;
use processors::ports::Clock;
use std::time::{Duration, Instant};

/// Longest look for answers while the end is near.
const LOOK: Duration = Duration::from_millis(20);

/// A moment, by the clock and by the machine: the later of both counts, so that a clock that stands still or is set
/// back holds nobody up.
pub struct Since {
    ms: i64,
    instant: Instant,
}

impl Since {
    pub fn now(clock: &dyn Clock) -> Self {
        Self { ms: clock.now_ms(), instant: Instant::now() }
    }

    pub fn elapsed(&self, clock: &dyn Clock) -> Duration {
        let by_clock = Duration::from_millis(u64::try_from(clock.now_ms() - self.ms).unwrap_or(0));
        by_clock.max(self.instant.elapsed())
    }
}

impl Sender {
    /// While partitions are about to go: gives them up when every answer is in the log, or the patience is over. What
    /// is then still in flight is in doubt for their next owner. Whether they went.
    pub(super) fn part(&mut self) -> Result<bool, TurnError> {
        let Stage::Parting(since) = &self.stage else { return Ok(false) };
        let patience = Duration::from_millis(u64::from(self.settings.revoke_wait_ms));
        if self.flights.ours() > 0 && since.elapsed(&*self.judge.clock) < patience {
            return Ok(false);
        }
        let in_doubt = self.flights.ours();
        tracing::info!(stream = %self.spec.name, in_doubt, "partitions go");
        self.stream.release()?;
        self.forget();
        self.own_nothing();
        Ok(true)
    }

    /// Waits for answers within `limit`, commits, leaves.
    pub(super) fn finish_within(mut self, limit: Duration) {
        self.hold.clear();
        self.batch.clear();
        let begun = Instant::now();
        loop {
            let left = limit.saturating_sub(begun.elapsed());
            self.listen(left.min(LOOK));
            let committed = match self.commit_owed() {
                Ok(_) => self.commit(),
                error => error,
            };
            if let Err(error) = committed {
                tracing::warn!(stream = %self.spec.name, %error, "the last results are not committed: they are in doubt");
                break;
            }
            if self.flights.ours() == 0 || left.is_zero() {
                break;
            }
        }
        self.own_nothing();
        self.stream.leave();
    }
}
