//! Watches for anomalies: reads the newest minutes, judges, keeps what has begun and ended.

use super::{Analysis, Asked};
use processors::anomaly::{Anomaly, Watch};
use processors::ports::Away;

const MINUTE_MS: i64 = 60_000;
/// A new watcher learns the norm by spans of this length: a question that a store answers in a moment.
const LESSON_MS: i64 = 15 * MINUTE_MS;

/// Beside the sinks, in any number of processes: all of them see the same.
pub struct Watcher {
    analysis: Box<dyn Analysis>,
    watch: Watch,
    /// Up to where the norm of before the first turn is learnt; None: not begun.
    learnt_ms: Option<i64>,
    is_ready: bool,
    /// Until when all recent minutes are read again: after the store was away they fill late.
    late_until_ms: i64,
}

/// What a turn found.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// What has begun and what has ended.
    pub news: Vec<Anomaly>,
    /// What lasts.
    pub open: Vec<Anomaly>,
    /// Activities that were left out so far, because their series would have been one too many.
    pub unwatched: u64,
}

impl Watcher {
    /// Asks nothing yet.
    pub fn new(analysis: Box<dyn Analysis>) -> Self {
        Self { analysis, watch: Watch::default(), learnt_ms: None, is_ready: false, late_until_ms: i64::MIN }
    }

    /// Looks at what happened. The first turn reads a day, the others two or three minutes.
    pub fn turn(&mut self, now_ms: i64) -> Result<Seen, Away> {
        let seen = self.try_turn(now_ms);
        if seen.is_err() {
            self.late_until_ms = now_ms + Watch::FRESH_MS;
        }
        seen
    }

    fn try_turn(&mut self, now_ms: i64) -> Result<Seen, Away> {
        let minute_ms = now_ms - now_ms.rem_euclid(MINUTE_MS);
        let recent_ms = minute_ms - Watch::RECENT_MS;
        let all = self.learn(recent_ms)? || now_ms <= self.late_until_ms;
        let mut at_ms = if all { recent_ms } else { minute_ms - Watch::FRESH_MS };
        while at_ms <= minute_ms {
            self.watch.take(at_ms, &self.analysis.activities(at_ms..at_ms + MINUTE_MS)?);
            at_ms += MINUTE_MS;
        }
        let known = self.analysis.anomalies(&Asked::all(now_ms - Watch::REMEMBERED_MS..now_ms + 1))?;
        let news = self.watch.judge(now_ms, &known);
        self.analysis.note(&news)?;
        let open = self.analysis.anomalies(&Asked::all(now_ms..now_ms + 1))?;
        let open = open.into_iter().filter(|anomaly| anomaly.closed_ms.is_none()).collect();
        Ok(Seen { news, open, unwatched: self.watch.unwatched() })
    }

    /// Learns what was before, once; whether this was it.
    fn learn(&mut self, upto_ms: i64) -> Result<bool, Away> {
        if self.is_ready {
            return Ok(false);
        }
        let mut at_ms = *self.learnt_ms.get_or_insert(upto_ms - Watch::LEARNT_MS);
        while at_ms < upto_ms {
            let span_ms = at_ms..upto_ms.min(at_ms + LESSON_MS);
            at_ms = span_ms.end;
            self.watch.learn(span_ms.clone(), &self.analysis.activities(span_ms)?);
            self.learnt_ms = Some(at_ms);
        }
        self.is_ready = true;
        Ok(true)
    }
}
