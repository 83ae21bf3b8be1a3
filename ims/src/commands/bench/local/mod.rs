//! The whole chain in this process: every role, embedded backends, the simulator's vendors.

mod ends;
mod load;
mod vendors;

use super::usage::Measured;
use crate::{
    assemble::{self, Deployment},
    config::{AnalysisKind, Config, LogKind, ReferenceKind, StateKind},
};
use connectors::simulator::Spread;
use ends::Ends;
use load::PreparedLoad;
use metrics_exporter_prometheus::PrometheusBuilder;
use schemas::{
    Topic,
    topics::{Cleanup, Partitions},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use topology::graph::Role;

/// Messages under way at most: the load waits for the chain, as a door would. Enough for all that wait for receipts at
/// 50,000 a second.
const UNDER_WAY: u64 = 20_000;
/// Bytes that the log may hold for the load to go on, beside what waits in DELAY and what is open: above what it keeps
/// of old records some group, for example a store, lags behind.
const LOG_BYTES: u64 = 64 << 20;
/// Requests appended at once.
const APPENDED: usize = 500;
/// How often ends are counted and requests appended.
const LOOK: Duration = Duration::from_millis(5);
/// How long nothing may end before what is open is left: no answer, no receipt.
const QUIET: Duration = Duration::from_secs(3);

/// Runs the bench.
pub fn run(config: &Config, messages: usize) -> anyhow::Result<serde_json::Value> {
    let folder = tempfile::tempdir()?;
    let mut config = config.clone();
    config.log.kind = LogKind::Memory;
    config.state.kind = StateKind::Memory;
    config.store.file = folder.path().join("store.sqlite");
    config.store.url.clear();
    config.analysis.kind = AnalysisKind::Sqlite;
    config.reference.kind = ReferenceKind::File;
    config.registry.url.clear();
    config.kafka.partitions = 3;
    config.simulator.every_vendor.receipts.delay_ms = Spread { median: 300.0, p99: 1_500.0 };
    // Each throttled answer makes a vendor wait for a second, which is a rate of 2,000 a second; of a lane whose oldest
    // request is not answered no more than a window is read.
    config.simulator.every_vendor.throttled_share = 0.0;
    config.simulator.every_vendor.no_answer_share = 0.0;
    config.reference.file = vendors::quick(folder.path())?;
    PrometheusBuilder::new().install_recorder()?;
    let mut load = PreparedLoad::prepare(&folder.path().join("load"), messages)?;
    let messages = load.messages();

    let (started, whole) = (Instant::now(), Measured::begin());
    let log = assemble::memory_log(&config)?;
    let deployment = Deployment::on(&config, Arc::new(log.clone()))?;
    deployment.check(&config, &Role::ALL)?;
    let runtime = deployment.start(&Role::ALL)?;
    let mut producer = deployment.log().producer()?;
    let mut ends = Ends::new(deployment.log())?;
    let (mut fed, mut steady, mut cost) = (0, None, None);
    let (mut batch, mut last) = (Vec::new(), (0, started));
    while ends.count() < messages && last.1.elapsed() < QUIET && !runtime.stopping() {
        while fed < messages && fed - ends.count().min(fed) < UNDER_WAY && log.bytes(passes) < LOG_BYTES {
            fed += load.next(APPENDED, &mut batch)?;
            producer.append(&batch)?;
        }
        std::thread::sleep(LOOK);
        ends.look(started)?;
        // The first tenth fills the chain, and after the last request it runs dry.
        if steady.is_none() && ends.count() >= messages / 10 {
            steady = Some((Measured::begin(), load::cpu(), ends.count()));
        }
        if fed == messages
            && cost.is_none()
            && let Some((measured, load_cpu, before)) = steady.take()
        {
            let mut chain = measured.end(ends.count() - before);
            chain.cpu_us_per_message -= (load::cpu() - load_cpu).as_secs_f64() * 1e6 / chain.messages.max(1) as f64;
            cost = Some(chain);
            steady = None;
        }
        if ends.count() > last.0 {
            last = (ends.count(), Instant::now());
        }
    }
    runtime.stop();
    runtime.join()?;
    Ok(serde_json::json!({
        "bench": "local",
        "messages": messages,
        "first_delivered_seconds": ends.first_delivered().map(|after| after.as_secs_f64()),
        "steady": cost,
        "ended": ends.by_state(),
        "not_ended": messages - ends.count().min(messages),
        "peak_mb": whole.end(messages).peak_mb,
    }))
}

/// Whether records of a topic go once all have read them.
fn passes(topic: Topic) -> bool {
    topic.cleanup() != Cleanup::Compact && !matches!(topic.partitions(), Partitions::Slots(_))
}
