//! A batch added up in memory: most of its events share a few counters.

use super::phase::{Phase, ended};
use processors::{callback::outcome, histogram::bucket_of, ports::Logged};
use rustc_hash::FxHashMap;
use schemas::{AnalyzeLog, Channel, Lane, LogEvent, Origin, State};

/// What is counted together: events of one minute that are alike.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Counter<'e> {
    pub minute_ms: i64,
    pub event: LogEvent,
    pub channel: Channel,
    pub priority: Lane,
    pub username: &'e str,
    pub vendor: &'e str,
    pub state: State,
    pub origin: Origin,
    pub code: &'e str,
}

/// What is measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Measured<'e> {
    pub minute_ms: i64,
    pub channel: Channel,
    pub priority: Lane,
    pub username: &'e str,
    pub vendor: &'e str,
}

/// What followed from calls of customers' endpoints, counted together.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Outcome<'e> {
    pub minute_ms: i64,
    pub channel: Channel,
    pub username: &'e str,
    pub outcome: &'e str,
}

/// Counters, and histograms: how many by phase and bucket.
#[derive(Debug, Default)]
pub(super) struct Tally<'e> {
    pub counters: FxHashMap<Counter<'e>, i64>,
    pub latencies: FxHashMap<Measured<'e>, FxHashMap<(Phase, i64), i64>>,
    pub calls: FxHashMap<Outcome<'e>, i64>,
}

impl<'e> Tally<'e> {
    pub(super) fn of(batch: &'e [Logged<AnalyzeLog>]) -> Self {
        let mut tally = Self::default();
        // A report that is told once more by a replay was counted when it was told first.
        let own = batch.iter().map(|logged| &logged.record).filter(|event| event.replay.is_empty());
        for event in own {
            let minute_ms = event.at - event.at.rem_euclid(60_000);
            let AnalyzeLog { channel, priority, ref username, ref vendor, .. } = *event;
            let counter = Counter {
                minute_ms,
                event: event.event,
                channel,
                priority,
                username,
                vendor,
                state: event.state,
                origin: event.origin,
                code: &event.code,
            };
            *tally.counters.entry(counter).or_default() += 1;
            if event.event == LogEvent::Callback {
                let outcome = outcome(&event.outcome, &event.code, event.attempt);
                *tally.calls.entry(Outcome { minute_ms, channel, username, outcome }).or_default() += 1;
            }
            for (phase, ms) in ended(event) {
                let measured = Measured { minute_ms, channel, priority, username, vendor };
                let buckets = tally.latencies.entry(measured).or_default();
                *buckets.entry((phase, bucket_of(ms))).or_default() += 1;
            }
        }
        tally
    }
}
