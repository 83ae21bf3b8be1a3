//! All series, judged.

use super::series::{Past, Sum, limit_of, slow_ms};
use super::statistic::{beyond, rise, usual};
use super::{Activity, Anomaly, Kind, Series};
use rustc_hash::FxHashMap;
use std::ops::Range;

const MINUTE_MS: i64 = 60_000;
/// The running minute and the one before it.
const SHORT_MS: i64 = MINUTE_MS;
/// The running minute and the fourteen before it.
const LONG_MS: i64 = 14 * MINUTE_MS;
/// So long it must be near the norm before it counts as ended.
const CALM_MS: i64 = 5 * MINUTE_MS;
/// What lasts longer is the norm.
const LONGEST_MS: i64 = 24 * 60 * MINUTE_MS;
/// Of one customer so many requests a minute count for all customers together: no list of one customer's is taken for the
/// vendor.
const MOST_OF_ONE: u64 = 20;
/// More series are not watched; a kilobyte each at most.
const MOST_SERIES: usize = 100_000;

/// Watches all series of a deployment. Holds what it has been told of the last fifteen minutes, and norms.
#[derive(Debug, Default)]
pub struct Watch {
    series: FxHashMap<Series, Past>,
    /// Activities of series that were one too many.
    unwatched: u64,
    /// When series that are worth nothing were last thrown out, Unix milliseconds.
    swept_ms: i64,
}

impl Watch {
    /// From so long before now on it wants to be told every minute anew: events come late.
    pub const FRESH_MS: i64 = 2 * MINUTE_MS;
    /// So long before now minutes are still judged: a new watch is told of them.
    pub const RECENT_MS: i64 = LONG_MS;
    /// What ended longer ago than this need not be told to [`Watch::judge`].
    pub const REMEMBERED_MS: i64 = 2 * LONG_MS;
    /// How far back a new watch learns the norm from.
    pub const LEARNT_MS: i64 = 24 * 60 * MINUTE_MS;

    /// Takes what a minute holds, in place of what was known of it.
    pub fn take(&mut self, minute_ms: i64, activities: &[Activity]) {
        self.each(activities, |past, sum| past.take(minute_ms, sum));
    }

    /// Learns from what was before [`Watch::RECENT_MS`], oldest first: a span of whole minutes.
    pub fn learn(&mut self, span_ms: Range<i64>, activities: &[Activity]) {
        let minutes = (span_ms.end - span_ms.start) / MINUTE_MS;
        self.each(activities, |past, sum| past.learn(span_ms.end, minutes, sum, |_| false));
    }

    /// How many activities were left out because too many series are watched.
    pub fn unwatched(&self) -> u64 {
        self.unwatched
    }

    fn each(&mut self, activities: &[Activity], mut tell: impl FnMut(&mut Past, Sum)) {
        let mut together: FxHashMap<Series, Sum> = FxHashMap::default();
        for activity in activities {
            let weight = MOST_OF_ONE as f64 / activity.requests.max(MOST_OF_ONE) as f64;
            let all = Series { username: String::new(), ..activity.series.clone() };
            together.entry(all).or_default().add(activity, weight);
        }
        let each = activities.iter().map(|activity| (activity.series.clone(), Sum::from(activity)));
        for (series, sum) in together.into_iter().chain(each) {
            if self.series.len() >= MOST_SERIES && !self.series.contains_key(&series) {
                self.unwatched += 1;
                continue;
            }
            tell(self.series.entry(series).or_default(), sum);
        }
    }

    /// What has begun and what has ended. `known` are the anomalies that last, and those that ended within
    /// [`Watch::REMEMBERED_MS`], whoever saw them.
    pub fn judge(&mut self, now_ms: i64, known: &[Anomaly]) -> Vec<Anomaly> {
        let minute_ms = now_ms - now_ms.rem_euclid(MINUTE_MS);
        let mut by_series: FxHashMap<&Series, Vec<&Anomaly>> = FxHashMap::default();
        for anomaly in known {
            by_series.entry(&anomaly.series).or_default().push(anomaly);
        }
        let mut news = Vec::new();
        for (series, past) in &mut self.series {
            let known = by_series.remove(series).unwrap_or_default();
            past.age(minute_ms - LONG_MS, |kind, at_ms| is_within(&known, kind, at_ms));
            if known.is_empty() && !past.is_active_since(minute_ms - SHORT_MS) {
                continue;
            }
            for kind in Kind::ALL {
                let of_kind = known.iter().filter(|anomaly| anomaly.kind == kind);
                let newest = of_kind.max_by_key(|anomaly| anomaly.opened_ms);
                news.extend(match newest {
                    Some(open) if open.closed_ms.is_none() => ended(past, open, minute_ms),
                    newest => {
                        let closed_ms = newest.and_then(|ended| ended.closed_ms);
                        let floor_ms = closed_ms.map_or(i64::MIN, |at_ms| at_ms - CALM_MS);
                        if newest.is_some_and(|ended| is_new_norm(ended, minute_ms)) {
                            past.forget(kind);
                        }
                        begun(past, kind, series, minute_ms, floor_ms)
                    }
                });
            }
        }
        // Of a series that is not known here, or not any more, nothing is heard either.
        let silent = by_series.into_values().flatten().filter(|anomaly| anomaly.closed_ms.is_none());
        news.extend(silent.filter_map(|open| ended(&Past::default(), open, minute_ms)));
        self.sweep(minute_ms);
        news
    }

    fn sweep(&mut self, minute_ms: i64) {
        if minute_ms - self.swept_ms >= LONG_MS {
            self.swept_ms = minute_ms;
            self.series.retain(|_, past| {
                past.halve(minute_ms - LONG_MS);
                !past.is_worthless()
            });
        }
    }
}

/// Whether a minute belongs to an anomaly: from before it was seen until it began to be calm.
fn is_within(known: &[&Anomaly], kind: Kind, at_ms: i64) -> bool {
    known.iter().any(|anomaly| {
        anomaly.kind == kind
            && at_ms >= anomaly.opened_ms - SHORT_MS
            && anomaly.closed_ms.is_none_or(|closed_ms| at_ms < closed_ms - CALM_MS)
    })
}

fn begun(past: &Past, kind: Kind, series: &Series, minute_ms: i64, floor_ms: i64) -> Option<Anomaly> {
    let (norm, limit) = past.norm(kind);
    let norm = usual(norm)?;
    let window = [SHORT_MS, LONG_MS].into_iter().find_map(|span_ms| {
        let window = past.window(kind, (minute_ms - span_ms).max(floor_ms), limit);
        beyond(kind, norm, window).then_some(window)
    })?;
    Some(Anomaly {
        kind,
        series: series.clone(),
        opened_ms: minute_ms,
        closed_ms: None,
        share: window.share(),
        norm,
        events: window.all as u64,
        slow_ms: (kind == Kind::Latency).then(|| slow_ms(limit)),
    })
}

/// Whether it ended only because it lasted so long: what was usual before is not any more.
fn is_new_norm(ended: &Anomaly, minute_ms: i64) -> bool {
    let lasted_ms = ended.closed_ms.map_or(0, |closed_ms| closed_ms - ended.opened_ms);
    lasted_ms >= LONGEST_MS && ended.closed_ms.is_some_and(|closed_ms| minute_ms - closed_ms <= LONG_MS)
}

/// Judged by what stands in the anomaly, so that every watcher judges alike.
fn ended(past: &Past, open: &Anomaly, minute_ms: i64) -> Option<Anomaly> {
    let kind = open.kind;
    let limit = open.slow_ms.map_or(0, limit_of);
    let is_old = minute_ms - open.opened_ms >= LONGEST_MS;
    let last = past.window(kind, minute_ms - CALM_MS, limit);
    let is_calm = match last.all > 0.0 {
        true => last.share() < open.norm + rise(kind) / 2.0,
        false => !past.is_active_since(minute_ms - LONG_MS),
    };
    let has_ended = is_old || (is_calm && minute_ms - open.opened_ms > CALM_MS);
    has_ended.then(|| Anomaly { closed_ms: Some(minute_ms), ..open.clone() })
}
