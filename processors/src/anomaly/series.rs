//! What is known of one series: its last minutes, and its norm.

use super::statistic::Count;
use super::{Activity, Kind};
use crate::histogram::{bucket_of, longest_of};
use std::collections::VecDeque;

/// Of the store's buckets so many are one here: a quarter of a power of two, in a byte each.
const COARSE: i64 = 4;

/// The norm loses half of its weight in this time.
const HALF_LIFE_MS: i64 = 12 * 3_600_000;
/// So many requests of a minute count for the norm: what one list did is not what is usual.
const MOST_OF_A_MINUTE: f64 = 50.0;

/// How often each duration was met, by coarse bucket, ascending.
#[derive(Debug, Default, Clone)]
struct Durations(Vec<(u8, f32)>);

impl Durations {
    fn add(&mut self, bucket: u8, count: f32) {
        match self.0.binary_search_by_key(&bucket, |(known, _)| *known) {
            Ok(at) => self.0[at].1 += count,
            Err(at) => self.0.insert(at, (bucket, count)),
        }
    }

    fn all(&self) -> f64 {
        self.0.iter().map(|(_, count)| f64::from(*count)).sum()
    }

    /// Those that took longer than the buckets up to `limit`.
    fn count(&self, limit: u8) -> Count {
        let bad = self.0.iter().filter(|(bucket, _)| *bucket > limit).map(|(_, count)| f64::from(*count)).sum();
        Count { all: self.all(), bad }
    }

    /// The last bucket that is not slow: 95 % take no longer.
    fn limit(&self) -> u8 {
        let (all, mut seen) = (self.all(), 0.0);
        let p95 = self.0.iter().find(|(_, count)| {
            seen += f64::from(*count);
            seen >= 0.95 * all
        });
        p95.map_or(0, |(bucket, _)| *bucket)
    }
}

/// What happened in a time, added up.
#[derive(Debug, Default, Clone)]
pub(super) struct Sum {
    outcomes: Count,
    durations: Durations,
}

impl Sum {
    /// Adds an activity, each of its requests counted as so much.
    pub(super) fn add(&mut self, activity: &Activity, weight: f64) {
        let Activity { requests, failures, .. } = activity;
        self.outcomes += Count { all: *requests as f64 * weight, bad: *failures as f64 * weight };
        for (bucket, count) in &activity.durations {
            self.durations.add(coarse(*bucket), (*count as f64 * weight) as f32);
        }
    }

    /// The same, as if it were of so many requests at most.
    fn at_most(mut self, most: f64) -> Self {
        let weight = (most / self.outcomes.all).min(1.0);
        self.outcomes = Count { all: self.outcomes.all * weight, bad: self.outcomes.bad * weight };
        self.durations.0.iter_mut().for_each(|(_, count)| *count *= weight as f32);
        self
    }
}

impl From<&Activity> for Sum {
    fn from(activity: &Activity) -> Self {
        let mut sum = Self::default();
        sum.add(activity, 1.0);
        sum
    }
}

fn coarse(bucket: i64) -> u8 {
    (bucket / COARSE).clamp(0, i64::from(u8::MAX)) as u8
}

/// One minute of a series.
#[derive(Debug)]
struct Minute {
    minute_ms: i64,
    sum: Sum,
}

/// One series.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// The last minutes that had requests, ascending.
    minutes: VecDeque<Minute>,
    norm: Sum,
    /// Until when the norm is halved, Unix milliseconds.
    halved_ms: i64,
}

impl Past {
    /// Takes what a minute holds, in place of what was known of it.
    pub(super) fn take(&mut self, minute_ms: i64, sum: Sum) {
        match self.minutes.binary_search_by_key(&minute_ms, |minute| minute.minute_ms) {
            Ok(at) => self.minutes[at].sum = sum,
            Err(at) => self.minutes.insert(at, Minute { minute_ms, sum }),
        }
    }

    /// Learns what was usual in some minutes.
    pub(super) fn learn(&mut self, at_ms: i64, minutes: i64, sum: Sum, unusual: impl Fn(Kind) -> bool) {
        self.halve(at_ms);
        let sum = sum.at_most(MOST_OF_A_MINUTE * minutes as f64);
        if !unusual(Kind::Failures) {
            self.norm.outcomes += sum.outcomes;
        }
        if !unusual(Kind::Latency) {
            sum.durations.0.into_iter().for_each(|(bucket, count)| self.norm.durations.add(bucket, count));
        }
    }

    /// Moves minutes before `before_ms` into the norm, except what `unusual` says is none of it.
    pub(super) fn age(&mut self, before_ms: i64, unusual: impl Fn(Kind, i64) -> bool) {
        while self.minutes.front().is_some_and(|minute| minute.minute_ms < before_ms) {
            let Some(Minute { minute_ms, sum }) = self.minutes.pop_front() else { return };
            self.learn(minute_ms, 1, sum, |kind| unusual(kind, minute_ms));
        }
    }

    /// Forgets what was usual.
    pub(super) fn forget(&mut self, kind: Kind) {
        match kind {
            Kind::Failures => self.norm.outcomes = Count::default(),
            Kind::Latency => self.norm.durations = Durations::default(),
        }
    }

    /// What was usual, and from which bucket on a request is slow.
    pub(super) fn norm(&self, kind: Kind) -> (Count, u8) {
        match kind {
            Kind::Failures => (self.norm.outcomes, 0),
            Kind::Latency => {
                let limit = self.norm.durations.limit();
                (self.norm.durations.count(limit), limit)
            }
        }
    }

    /// The minutes from `from_ms` on.
    pub(super) fn window(&self, kind: Kind, from_ms: i64, limit: u8) -> Count {
        let mut sum = Count::default();
        for minute in self.minutes.iter().rev().take_while(|minute| minute.minute_ms >= from_ms) {
            sum += match kind {
                Kind::Failures => minute.sum.outcomes,
                Kind::Latency => minute.sum.durations.count(limit),
            };
        }
        sum
    }

    /// Whether anything happened since then.
    pub(super) fn is_active_since(&self, from_ms: i64) -> bool {
        self.minutes.back().is_some_and(|minute| minute.minute_ms >= from_ms)
    }

    /// Whether nothing is known that could ever be judged by.
    pub(super) fn is_worthless(&self) -> bool {
        self.minutes.is_empty() && self.norm.outcomes.all < 1.0 && self.norm.durations.all() < 1.0
    }

    /// Lets the norm fade up to a time.
    pub(super) fn halve(&mut self, at_ms: i64) {
        let since_ms = at_ms - self.halved_ms;
        if since_ms <= 0 {
            return;
        }
        let rest = 0.5f64.powf(since_ms as f64 / HALF_LIFE_MS as f64);
        self.halved_ms = at_ms;
        self.norm.outcomes.all *= rest;
        self.norm.outcomes.bad *= rest;
        self.norm.durations.0.iter_mut().for_each(|(_, count)| *count *= rest as f32);
        self.norm.durations.0.retain(|(_, count)| *count > 1e-3);
    }
}

/// The duration beyond which a request is slow, milliseconds.
pub(super) fn slow_ms(limit: u8) -> i64 {
    longest_of(i64::from(limit) * COARSE + COARSE - 1)
}

/// The bucket of [`slow_ms`].
pub(super) fn limit_of(slow_ms: i64) -> u8 {
    coarse(bucket_of(slow_ms))
}
