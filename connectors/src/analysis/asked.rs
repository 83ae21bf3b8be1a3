//! What is asked of analysis, whatever keeps it. All spans are Unix milliseconds UTC, from included, to excluded, by whole
//! minutes.

use super::Phase;
use processors::anomaly::{Activity, Anomaly, Series};
use processors::callback::outcome;
use processors::ports::Away;
use schemas::{Channel, Lane, LogEvent, Origin};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;

/// Which events an answer is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// When they happened.
    pub span_ms: Range<i64>,
    /// Of this customer only.
    pub username: Option<String>,
    /// Of this channel only.
    pub channel: Option<Channel>,
    /// Of this vendor only.
    pub vendor: Option<String>,
}

impl Asked {
    /// About everything in a span.
    pub fn all(span_ms: Range<i64>) -> Self {
        Self { span_ms, username: None, channel: None, vendor: None }
    }
}

/// Events of one minute and channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Beginning of the minute, Unix milliseconds.
    pub minute_ms: i64,
    /// The channel.
    pub channel: Channel,
    /// What happened.
    pub event: LogEvent,
    /// How often.
    pub count: i64,
}

/// How long a phase took; each figure is at most 1/16 too high.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency {
    /// The part of the way.
    pub phase: Phase,
    /// The priority.
    pub priority: Lane,
    /// How many were measured.
    pub count: i64,
    /// Half of them took no longer, milliseconds.
    pub p50_ms: i64,
    /// 99 % of them.
    pub p99_ms: i64,
    /// 99.9 % of them.
    pub p999_ms: i64,
}

/// Why steps and requests did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The channel.
    pub channel: Channel,
    /// The vendor; empty when none was asked.
    pub vendor: String,
    /// Whose table the code is of.
    pub origin: Origin,
    /// The code.
    pub code: String,
    /// How often.
    pub count: i64,
}

/// What followed from a customer's calls; a report in a call of several counts as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcomes {
    /// The customer.
    pub username: String,
    /// It knows of them.
    pub told: i64,
    /// Calls that failed and are made again.
    pub again: i64,
    /// The last call failed.
    pub given_up: i64,
    /// Their endpoint answered 410.
    pub disabled: i64,
}

/// Calls of a message that are told at most, the first ones: eleven, and those of replays.
pub const MOST_CALLS: u32 = 1_000;

/// One call of a customer's endpoint, for one of its reports.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Call {
    /// Which message.
    pub track_id: String,
    /// Whose.
    pub username: String,
    /// Of which service key.
    pub service_key: String,
    /// Where it went: scheme, host and port; empty when that is not known.
    pub endpoint: String,
    /// Which call, from 1; a replay begins anew.
    pub attempt: i32,
    /// HTTP status, or why there was none.
    pub code: String,
    /// When it left, Unix milliseconds; None when that was lost with its process.
    pub sent_at: Option<i64>,
    /// When it ended.
    pub at: i64,
    /// What followed: told, again, disabled, given_up.
    pub outcome: String,
    /// When it is made again, at the earliest.
    pub next_at: Option<i64>,
    /// The replay that asked for it; empty for what is told by itself.
    pub replay: String,
}

impl Call {
    /// With what followed, if it was written when that was not said.
    pub(super) fn understood(self) -> Self {
        Self { outcome: outcome(&self.outcome, &self.code, self.attempt).to_owned(), ..self }
    }
}

/// Reads what a sink of ANALYZE-LOG has stored, beside it, on a connection of its own.
pub trait Analysis: Send {
    /// Events per minute and channel, in the order of time.
    fn volumes(&mut self, asked: &Asked) -> Result<Vec<Volume>, Away>;

    /// Percentiles of each phase and priority that was measured, in the order of the way.
    fn latencies(&mut self, asked: &Asked) -> Result<Vec<Latency>, Away>;

    /// Reasons of failed steps and refused requests, the most frequent first, at most `most`.
    fn failures(&mut self, asked: &Asked, most: u32) -> Result<Vec<Failure>, Away>;

    /// What followed from calls of endpoints, by customer: those first of whom most were given up, then who failed most;
    /// at most so many. No vendor has part in them: of one there are none.
    fn outcomes(&mut self, asked: &Asked, most: u32) -> Result<Vec<Outcomes>, Away>;

    /// Every call for a message, in the order in which they ended.
    fn calls(&mut self, track_id: &str) -> Result<Vec<Call>, Away>;

    /// What each series of a vendor, channel and customer did in a span, in no order.
    fn activities(&mut self, span_ms: Range<i64>) -> Result<Vec<Activity>, Away>;

    /// Anomalies that lasted at any time of the span, the oldest first.
    fn anomalies(&mut self, asked: &Asked) -> Result<Vec<Anomaly>, Away>;

    /// Keeps anomalies. One that is kept already stays as it is, but for its end: the first that is told stays.
    fn note(&mut self, anomalies: &[Anomaly]) -> Result<(), Away>;
}

/// Activities as they are put together from counters and histograms.
#[derive(Debug, Default)]
pub(super) struct Activities(BTreeMap<Series, Activity>);

impl Activities {
    pub(super) fn of(&mut self, series: Series) -> &mut Activity {
        let new =
            |series: &Series| Activity { series: series.clone(), requests: 0, failures: 0, durations: Vec::new() };
        self.0.entry(series).or_insert_with_key(new)
    }

    /// All, each bucket of a series once.
    pub(super) fn all(self) -> Vec<Activity> {
        let summed = |mut activity: Activity| {
            activity.durations.sort_unstable();
            activity.durations.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                kept.1 += if same { next.1 } else { 0 };
                same
            });
            activity
        };
        self.0.into_values().map(summed).collect()
    }
}

/// The percentiles of one phase and priority from its buckets, ascending; None when nothing was measured.
pub(super) fn latency(phase: Phase, priority: Lane, buckets: &[(i64, i64)]) -> Option<Latency> {
    let at = |share| processors::histogram::percentile(buckets, share);
    let count = buckets.iter().map(|(_, count)| count).sum();
    Some(Latency { phase, priority, count, p50_ms: at(0.5)?, p99_ms: at(0.99)?, p999_ms: at(0.999)? })
}
