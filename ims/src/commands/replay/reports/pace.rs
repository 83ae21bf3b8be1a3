//! How fast reports are brought.

use std::time::{Duration, Instant};

/// Parts of a second in which what is due then goes together.
const PARTS: u32 = 10;
/// Records that go together at most.
const MOST: usize = 1_000;

/// So many a second, evenly: what was missed while the log was slow is not caught up in a burst.
#[derive(Debug)]
pub struct Pace {
    rate: u32,
    next: Instant,
}

impl Pace {
    /// So many a second, at least one.
    pub fn new(rate: u32) -> Self {
        Self { rate: rate.max(1), next: Instant::now() }
    }

    /// Records that go together.
    pub fn chunk(&self) -> usize {
        ((self.rate / PARTS) as usize).clamp(1, MOST)
    }

    /// How long until more may go.
    pub fn wait(&self) -> Duration {
        self.wait_at(Instant::now())
    }

    /// So many went.
    pub fn brought(&mut self, count: usize) {
        self.brought_at(count, Instant::now());
    }

    fn wait_at(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }

    fn brought_at(&mut self, count: usize, now: Instant) {
        self.next = self.next.max(now) + Duration::from_secs_f64(count as f64 / f64::from(self.rate));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds until so many are brought, when each append takes so long.
    fn takes(rate: u32, count: usize, append: Duration) -> f64 {
        let mut pace = Pace::new(rate);
        let begun = pace.next;
        let (mut now, mut left) = (begun, count);
        while left > 0 {
            now += pace.wait_at(now);
            let some = pace.chunk().min(left);
            now += append;
            pace.brought_at(some, now);
            left -= some;
        }
        (now - begun).as_secs_f64()
    }

    #[test]
    fn no_second_has_more_than_its_rate_and_a_slow_log_is_not_made_up_for() {
        let quick = Duration::ZERO;
        assert!((9.9..=10.0).contains(&takes(100, 1_000, quick)), "{}", takes(100, 1_000, quick));
        assert!((98.0..=99.0).contains(&takes(1, 100, quick)), "{}", takes(1, 100, quick));
        assert!(takes(1_000_000, 10_000, quick) < 0.1);
        let slow = takes(100, 100, Duration::from_secs(1));
        assert!((10.0..=11.0).contains(&slow), "ten at a time, {slow}");
    }
}
