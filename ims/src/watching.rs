//! Watches for anomalies beside the analyzer's stream: as records in the store, as metrics, as lines of the log.

use crate::{assemble, beside::Beside, stores::AnalysisStore};
use connectors::analysis::{Seen, Watcher};
use metrics::{counter, gauge};
use processors::anomaly::{Anomaly, Kind};
use schemas::Channel;
use std::{collections::BTreeSet, io, time::Duration};
use topology::{
    graph::Role,
    metrics::{ANOMALIES, ANOMALIES_OPEN, UNWATCHED},
};

/// Between two turns: what begins at any time is to be seen within two minutes.
const EVERY: Duration = Duration::from_secs(15);

/// Watches, when the roles of this process include the analyzer.
pub fn begin(store: AnalysisStore, roles: &[Role]) -> io::Result<Option<Beside>> {
    if !roles.contains(&Role::Analyzer) {
        return Ok(None);
    }
    let (mut watcher, mut told) = (None, Told::default());
    let turn = move || {
        turn(&store, &mut watcher, &mut told);
        EVERY
    };
    Beside::start("anomalies", turn).map(Some)
}

fn turn(store: &AnalysisStore, watcher: &mut Option<Watcher>, told: &mut Told) {
    let seen = match watcher {
        Some(watcher) => watcher.turn(assemble::now_ms()),
        None => store.reader().and_then(|reader| watcher.insert(Watcher::new(reader)).turn(assemble::now_ms())),
    };
    match seen {
        Ok(seen) => told.tell(&seen),
        // The analyzer's stream says on /health/ready what it waits for.
        Err(error) => tracing::warn!(%error, "anomalies cannot be watched now: trying again in 15 seconds"),
    }
}

/// What was told as metrics.
#[derive(Debug, Default)]
struct Told(BTreeSet<(Kind, String, Channel)>);

impl Told {
    fn tell(&mut self, Seen { news, open, unwatched }: &Seen) {
        counter!(UNWATCHED).absolute(*unwatched);
        for anomaly in news {
            let end = if anomaly.closed_ms.is_some() { "ended" } else { "began" };
            counter!(ANOMALIES, "kind" => anomaly.kind.as_str(), "event" => end).increment(1);
            line(anomaly, end);
        }
        let place = |anomaly: &Anomaly| (anomaly.kind, anomaly.series.vendor.clone(), anomaly.series.channel);
        let now: BTreeSet<_> = open.iter().map(place).collect();
        for (kind, vendor, channel) in self.0.union(&now) {
            let is_here = |anomaly: &&Anomaly| {
                (anomaly.kind, &anomaly.series.vendor, anomaly.series.channel) == (*kind, vendor, *channel)
            };
            let count = open.iter().filter(is_here).count();
            let (kind, vendor, channel) = (kind.as_str(), vendor.clone(), channel.as_str());
            gauge!(ANOMALIES_OPEN, "kind" => kind, "vendor" => vendor, "channel" => channel).set(count as f64);
        }
        self.0 = now;
    }
}

fn line(anomaly: &Anomaly, end: &'static str) {
    let Anomaly { kind, series, share, norm, events, slow_ms, .. } = anomaly;
    let customer = if series.username.is_empty() { "all" } else { &series.username };
    let (kind, vendor, channel) = (kind.as_str(), &series.vendor, series.channel.as_str());
    tracing::warn!(kind, vendor, channel, customer, share, norm, events, slow_ms, "an anomaly {end}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use processors::anomaly::Series;

    #[test]
    fn metrics_tell_what_lasts_and_what_began() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let series = |username: &str| Series { vendor: "a".into(), channel: Channel::Mt, username: username.into() };
        let open = |username| Anomaly {
            kind: Kind::Failures,
            series: series(username),
            opened_ms: 60_000,
            closed_ms: None,
            share: 0.3,
            norm: 0.01,
            events: 100,
            slow_ms: None,
        };
        let page = |seen: &Seen, told: &mut Told| {
            metrics::with_local_recorder(&recorder, || told.tell(seen));
            recorder.handle().render()
        };
        let (both, mut told) = (vec![open(""), open("x")], Told::default());
        let text = page(&Seen { news: both.clone(), open: both.clone(), unwatched: 7 }, &mut told);
        assert!(text.contains(r#"ims_anomalies_open{kind="FAILURES",vendor="a",channel="MT"} 2"#), "{text}");
        assert!(text.contains(r#"ims_anomalies_total{kind="FAILURES",event="began"} 2"#), "{text}");
        assert!(text.contains("ims_anomalies_unwatched_total 7"), "{text}");
        let ended = both.into_iter().map(|anomaly| Anomaly { closed_ms: Some(120_000), ..anomaly }).collect();
        let text = page(&Seen { news: ended, open: vec![], unwatched: 7 }, &mut told);
        assert!(text.contains(r#"ims_anomalies_open{kind="FAILURES",vendor="a",channel="MT"} 0"#), "{text}");
        assert!(text.contains(r#"ims_anomalies_total{kind="FAILURES",event="ended"} 2"#), "{text}");
    }
}
