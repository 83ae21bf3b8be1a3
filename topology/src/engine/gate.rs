//! Stops a stream whose records turn into dead letters by the hundred: a bad deploy, not a bad record.

use super::Halt;
use std::collections::VecDeque;

/// The share of dead letters of internal topics within a minute.
#[derive(Debug, Default)]
pub struct Gate {
    /// (when, records, dead letters) of each batch of the last minute.
    batches: VecDeque<(i64, usize, usize)>,
    records: usize,
    dead: usize,
}

impl Gate {
    const WINDOW_MS: i64 = 60_000;
    const AT_LEAST: usize = 200;
    const PERCENT: usize = 5;

    /// Notes a batch; whether more than 5 % of at least 200 records within 60 s are dead letters.
    pub fn shuts(&mut self, now_ms: i64, records: usize, dead: usize) -> bool {
        self.batches.push_back((now_ms, records, dead));
        self.records += records;
        self.dead += dead;
        while let Some(&(at, records, dead)) = self.batches.front()
            && at <= now_ms - Self::WINDOW_MS
        {
            self.batches.pop_front();
            self.records -= records;
            self.dead -= dead;
        }
        self.records >= Self::AT_LEAST && self.dead * 100 > self.records * Self::PERCENT
    }

    /// Why a stream stops whose records cannot be read.
    pub fn unreadable(stream: &str) -> Halt {
        Self::halt(stream, "read: a faulty release or schema?")
    }

    /// Why a step stops that sets too many of its records aside.
    pub fn unprocessable(stream: &str) -> Halt {
        Self::halt(stream, "processed: a faulty release or schema?")
    }

    /// Why a stream stops whose store takes too few of its records.
    pub fn unstorable(stream: &str) -> Halt {
        Self::halt(stream, "stored: a faulty release, or a store of another version?")
    }

    fn halt(stream: &str, what: &str) -> Halt {
        let reason = format!(
            "more than 5 % of the records of the last minute cannot be {what} Nothing of this batch was committed; \
             mend it and start again"
        );
        Halt::new(stream, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::Gate;

    #[test]
    fn a_few_dead_letters_pass_and_a_flood_shuts() {
        let mut gate = Gate::default();
        assert!(!gate.shuts(0, 199, 199), "fewer than 200 records prove nothing");
        let mut gate = Gate::default();
        assert!(!gate.shuts(0, 200, 10), "5 % is allowed");
        assert!(gate.shuts(1, 1, 1), "more is not");
    }

    #[test]
    fn what_is_older_than_a_minute_is_forgotten() {
        let mut gate = Gate::default();
        assert!(gate.shuts(0, 200, 100));
        assert!(!gate.shuts(60_000, 200, 0));
    }
}
