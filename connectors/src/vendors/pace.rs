//! Calls that are no sends (polls, acknowledgements, uploads): a vendor allows all of us so many a second, and each
//! process keeps to its part of them.

use processors::reference::Vendor;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep, sleep_until};

/// The part of what a vendor allows to all of us that this process has now, 0 to 1: the parts of all processes are
/// never more than 1 together.
pub type Part = Arc<dyn Fn(&Vendor) -> f64 + Send + Sync>;

/// How often a process without a part looks whether it has one.
const LOOK: Duration = Duration::from_secs(1);

/// The calls of one process to one vendor, each in its turn.
pub struct Pace {
    per_second: f64,
    /// When the newest turn was, or will be.
    newest: Mutex<Instant>,
}

impl Pace {
    /// So many a second of all processes together. Nothing is saved up before the first.
    pub fn new(per_second: u32) -> Self {
        Self { per_second: f64::from(per_second), newest: Mutex::new(Instant::now()) }
    }

    /// Waits for a turn. Turns are never closer than this process's part of the rate allows, so that they come in no
    /// bursts; without a part there are none.
    pub async fn turn(&self, part: impl Fn() -> f64) {
        loop {
            let rate = part() * self.per_second;
            if rate > 0.0 {
                return sleep_until(self.next(Duration::from_secs_f64(1.0 / rate), Instant::now())).await;
            }
            sleep(LOOK).await;
        }
    }

    /// Waits for a turn that comes by then. False: there is none, and none is taken from those behind.
    pub async fn turn_by(&self, until: Instant, part: impl Fn() -> f64) -> bool {
        let rate = part() * self.per_second;
        let turn = (rate > 0.0).then(|| self.next_by(until, Duration::from_secs_f64(1.0 / rate), Instant::now()));
        let Some(turn) = turn.flatten() else { return false };
        sleep_until(turn).await;
        true
    }

    fn next_by(&self, until: Instant, apart: Duration, now: Instant) -> Option<Instant> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (*newest + apart).max(now);
        (next <= until).then(|| {
            *newest = next;
            next
        })
    }

    fn next(&self, apart: Duration, now: Instant) -> Instant {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        *newest = (*newest + apart).max(now);
        *newest
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").field("per_second", &self.per_second).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_apart_and_a_minute_without_calls_buys_one() {
        let (pace, apart) = (Pace::new(5), Duration::from_millis(400));
        let begun = *pace.newest.lock().unwrap();
        for turn in 1..=10 {
            assert_eq!(pace.next(apart, begun) - begun, apart * turn, "whoever calls meanwhile");
        }
        let later = begun + Duration::from_secs(60);
        assert_eq!(pace.next(apart, later), later);
        assert_eq!(pace.next(apart, later), later + apart);
    }

    #[test]
    fn who_cannot_wait_for_a_turn_takes_none_from_those_behind() {
        let (pace, apart) = (Pace::new(5), Duration::from_millis(400));
        let begun = *pace.newest.lock().unwrap();
        for _ in 0..1_000 {
            assert_eq!(pace.next_by(begun + apart / 2, apart, begun), None);
        }
        assert_eq!(pace.next_by(begun + apart, apart, begun), Some(begun + apart));
        assert_eq!(pace.next(apart, begun), begun + apart * 2);
    }
}
