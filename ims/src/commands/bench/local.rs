//! The whole chain in this process: every role, embedded backends, the simulator's vendors.

use super::usage::Measured;
use crate::{
    assemble::{Deployment, now_ms},
    config::{Config, LogKind, StateKind},
    load::Load,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use schemas::Topic;
use std::time::{Duration, Instant};
use topology::{
    graph::Role,
    ledger,
    log::{Outgoing, Place, Reader},
};

/// Runs the bench.
pub fn run(config: &Config, messages: usize) -> anyhow::Result<serde_json::Value> {
    let folder = tempfile::tempdir()?;
    let mut config = config.clone();
    config.log.kind = LogKind::Memory;
    config.state.kind = StateKind::Memory;
    config.store.file = folder.path().join("store.sqlite");
    config.store.url.clear();
    config.kafka.partitions = 3;
    PrometheusBuilder::new().install_recorder()?;
    let started = Instant::now();
    let deployment = Deployment::new(&config)?;
    let runtime = deployment.start(&Role::ALL)?;
    let measured = Measured::begin();
    let mut producer = deployment.log().producer()?;
    let schemas = deployment.schemas();
    let load: Vec<Outgoing> = Load::new(1, messages, now_ms())
        .map(|wanted| Outgoing {
            topic: Topic::api(wanted.lane),
            partition: None,
            key: Some(wanted.request.message_id.clone().into_bytes().into()),
            value: Some(schemas.encode(&wanted.request).into()),
            headers: vec![],
        })
        .collect();
    for batch in load.chunks(1_000) {
        producer.append(batch)?;
    }
    let mut reader = deployment.log().reader()?;
    let first = until(&mut *reader, 1, started)?;
    // The last ones wait for receipts and schedules: the rate is that of the first nine tenths.
    let most = messages as u64 * 9 / 10;
    until(&mut *reader, most, started)?;
    let cost = measured.end(most);
    runtime.stop();
    runtime.join()?;
    let since = ledger::Checkpoint::default();
    let (books, _) =
        ledger::read(&mut *reader, &deployment.decoder(), config.deployment.cluster, &since, &mut |_, _| {})?;
    Ok(serde_json::json!({
        "bench": "local",
        "first_report_seconds": first.as_secs_f64(),
        "chain": cost,
        "balance": books.balance(),
    }))
}

/// Waits until so many reports stand in the log; how long that took since the start.
fn until(reader: &mut dyn Reader, reports: u64, started: Instant) -> anyhow::Result<Duration> {
    loop {
        let mut count = 0;
        for topic in schemas::Channel::ALL.iter().map(|&channel| Topic::report(channel)) {
            for partition in reader.partitions(topic)? {
                count += reader.bounds(Place { topic, partition })?.1 as u64;
            }
        }
        if count >= reports {
            return Ok(started.elapsed());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
