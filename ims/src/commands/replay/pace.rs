//! How fast records are brought.

use anyhow::Context;
use bytes::Bytes;
use std::{
    thread,
    time::{Duration, Instant},
};
use topology::log::{Outgoing, Producer};

/// Parts of a second in which what is due then goes together.
const PARTS: u32 = 10;
/// Records that go together at most.
const MOST: usize = 1_000;
/// Bytes of values that go together at most.
const MOST_BYTES: usize = 1 << 20;

/// Records that go together, some at a time and no faster than ordered; each with what is to be told of it.
pub struct Paced<'p, T> {
    /// None: nothing is brought.
    producer: Option<&'p mut dyn Producer>,
    pace: Pace,
    records: Vec<Outgoing>,
    told: Vec<T>,
    bytes: usize,
}

impl<'p, T> Paced<'p, T> {
    /// So many a second, at least one.
    pub fn new(producer: Option<&'p mut dyn Producer>, rate: u32) -> Self {
        Self { producer, pace: Pace::new(rate), records: Vec::new(), told: Vec::new(), bytes: 0 }
    }

    /// Adds one; brings those that are together when they are enough, and tells `each` of them.
    pub fn push(&mut self, record: Outgoing, tell: T, each: &mut dyn FnMut(T)) -> anyhow::Result<()> {
        self.bytes += record.value.as_ref().map_or(0, Bytes::len);
        self.records.push(record);
        self.told.push(tell);
        match self.records.len() >= self.pace.chunk() || self.bytes >= MOST_BYTES {
            true => self.flush(each),
            false => Ok(()),
        }
    }

    /// Brings those that are together.
    pub fn flush(&mut self, each: &mut dyn FnMut(T)) -> anyhow::Result<()> {
        if let (Some(producer), false) = (&mut self.producer, self.records.is_empty()) {
            thread::sleep(self.pace.wait());
            let count = self.records.len();
            producer.append(&self.records).with_context(|| {
                format!("of the last {count} records some may have been brought, of those before all were")
            })?;
            self.pace.brought(count);
        }
        self.told.drain(..).for_each(each);
        self.records.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// So many a second, evenly: what was missed while the log was slow is not caught up in a burst.
#[derive(Debug)]
struct Pace {
    rate: u32,
    next: Instant,
}

impl Pace {
    /// So many a second, at least one.
    fn new(rate: u32) -> Self {
        Self { rate: rate.max(1), next: Instant::now() }
    }

    /// Records that go together.
    fn chunk(&self) -> usize {
        ((self.rate / PARTS) as usize).clamp(1, MOST)
    }

    /// How long until more may go.
    fn wait(&self) -> Duration {
        self.wait_at(Instant::now())
    }

    /// So many went.
    fn brought(&mut self, count: usize) {
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
