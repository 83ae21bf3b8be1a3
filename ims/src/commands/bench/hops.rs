//! Two hops on Kafka, exactly-once: ingest and router, beside a relay that moves the same bytes and decides nothing.

use super::{
    Topics,
    usage::{Cost, Measured},
};
use crate::{
    assemble::{self, Deployment, now_ms},
    config::{AnalysisKind, Config, LogKind, ReferenceKind},
    log::open_kafka,
};
use anyhow::Context;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use processors::ports::Away;
use schemas::{Channel, Family, Lane, Topic, examples};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use topology::{
    engine::{BatchLimits, Outputs, Runtime, Step, StepWorker, Worker},
    graph::{Node, Role, chain},
    log::{Log, Offsets, Outgoing, Record, StreamSpec, kafka::KafkaLog},
};

/// Moves bytes.
struct Relay {
    to: Topic,
}

impl Step for Relay {
    fn run(&mut self, batch: &[Record], _now_ms: i64, out: &mut Outputs) -> Result<usize, Away> {
        for record in batch {
            let key = std::str::from_utf8(record.key.as_deref().unwrap_or_default()).unwrap_or_default();
            out.value(self.to, None, key, record.value.clone(), vec![]);
        }
        Ok(batch.len())
    }
}

/// A deployment on topics of its own.
pub struct Bench {
    pub deployment: Deployment,
    pub log: Arc<KafkaLog>,
    pub metrics: PrometheusHandle,
    limits: BatchLimits,
    _topics: Topics,
    folder: tempfile::TempDir,
}

impl Bench {
    /// Makes the topics of these nodes, and the relay's.
    pub fn open(config: &Config, nodes: &[&Node], others: &[(&str, Vec<Topic>)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let config = on_its_own(config, folder.path());
        let log = Arc::new(open_kafka(&config)?);
        let mut topics: Vec<Topic> = nodes.iter().flat_map(|n| n.sources.iter().chain(&n.sinks)).copied().collect();
        topics.extend(nodes.iter().flat_map(|n| &n.sources).map(|t| t.dead_letters()));
        topics.extend(others.iter().flat_map(|(_, topics)| topics));
        topics.sort_unstable();
        topics.dedup();
        let names: Vec<String> = nodes.iter().map(|n| n.name()).collect();
        let mut groups: Vec<(&str, &[Topic])> =
            names.iter().zip(nodes).map(|(name, node)| (name.as_str(), node.sources.as_slice())).collect();
        groups.extend(others.iter().map(|(name, topics)| (*name, topics.as_slice())));
        let topics_of_its_own = Topics(open_kafka(&config)?);
        log.admin()?.create(&topics, &groups)?;
        let metrics = PrometheusBuilder::new().install_recorder().context("a recorder for metrics")?;
        let limits = BatchLimits { records: config.engine.batch_records, ..BatchLimits::default() };
        let deployment = Deployment::on(&config, Arc::clone(&log) as Arc<dyn Log>)?;
        Ok(Self { deployment, log, metrics, limits, _topics: topics_of_its_own, folder })
    }

    /// What the simulated vendors were asked.
    pub fn request_log(&self) -> PathBuf {
        request_log(self.folder.path())
    }

    /// A backlog of AT orders on a lane, of another name than those before it: ids must not come twice.
    pub fn fill(&self, name: &str, lane: Lane, messages: u64) -> anyhow::Result<()> {
        let mut producer = self.log.producer()?;
        let mut request = examples::request("at");
        let schemas = self.deployment.schemas();
        for from in (0..messages).step_by(10_000) {
            let records: Vec<Outgoing> = (from..messages.min(from + 10_000))
                .map(|n| {
                    request.message_id = format!("{name}-{n}");
                    let key = Some(request.message_id.clone().into_bytes().into());
                    let value = Some(schemas.encode(&request).into());
                    Outgoing { topic: Topic::api(lane), partition: None, key, value, headers: vec![] }
                })
                .collect();
            producer.append(&records)?;
        }
        Ok(())
    }

    /// The relay's worker.
    fn relay(&self, name: &str, from: Topic, to: Topic) -> anyhow::Result<Box<dyn Worker>> {
        let (offsets, sources) = (Offsets::Log, vec![from]);
        let spec = StreamSpec { name: name.to_owned(), sources, offsets, urgent: false, produces: true };
        let out = Outputs::new(self.deployment.schemas());
        let clock = Arc::new(assemble::SystemClock);
        Ok(Box::new(StepWorker::new(&*self.log, spec, clock, self.limits, out, Relay { to })?))
    }

    /// Records that a stream has taken and committed.
    pub fn taken(&self, stream: &str) -> u64 {
        taken(&self.metrics.render(), stream)
    }

    /// Runs workers until a stream has taken so many records.
    fn until(&self, workers: Vec<Box<dyn Worker>>, stream: &str, messages: u64) -> anyhow::Result<Cost> {
        let measured = Measured::begin();
        let runtime = Runtime::start(workers, Duration::from_secs(5))?;
        while self.taken(stream) < messages && !runtime.stopping() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let cost = measured.end(self.taken(stream));
        runtime.stop();
        runtime.join()?;
        Ok(cost)
    }
}

/// Records that a stream has taken and committed, by a page of metrics.
pub fn taken(metrics: &str, stream: &str) -> u64 {
    let head = format!("ims_records_total{{stream=\"{stream}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&head)).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// The configuration of a deployment that shares nothing with any other, and keeps its files in this folder.
pub fn on_its_own(config: &Config, folder: &Path) -> Config {
    let mut config = config.clone();
    config.log.kind = LogKind::Kafka;
    config.state.file = folder.join("state.sqlite");
    config.store.file = folder.join("store.sqlite");
    config.store.url.clear();
    config.analysis.kind = AnalysisKind::Sqlite;
    config.reference.kind = ReferenceKind::File;
    // How long we take is measured, not what a vendor's bad day costs.
    (config.simulator.every_vendor.throttled_share, config.simulator.every_vendor.no_answer_share) = (0.0, 0.0);
    config.simulator.request_log = Some(request_log(folder));
    config.deployment.name = format!("bench-{}", now_ms());
    config.kafka.partitions = config.kafka.partitions.min(3);
    config.kafka.replication_factor = 1;
    config.kafka.min_insync_replicas = 1;
    config.kafka.topic_prefix = format!("{}-", config.deployment.name);
    config
}

fn request_log(folder: &Path) -> PathBuf {
    folder.join("requests.jsonl")
}

/// Runs the bench.
pub fn run(config: &Config, messages: u64) -> anyhow::Result<serde_json::Value> {
    let topology = chain()?;
    let wanted = |n: &&Node| matches!(n.role, Role::Ingest | Role::Router) && n.lane == Some(Lane::Mass);
    let nodes: Vec<&Node> = topology.nodes().iter().filter(wanted).collect();
    let api = Topic::api(Lane::Mass);
    // Beside the chain's own topics: a channel that the backlog does not use.
    let (middle, end) = (Topic::recv(Channel::Ft, Lane::Ad), Topic::send(Family::Ft, Lane::Ad));
    let bench = Bench::open(config, &nodes, &[("relay-one", vec![api]), ("relay-two", vec![middle])])?;
    bench.fill("backlog", Lane::Mass, messages)?;
    let relays = vec![bench.relay("relay-one", api, middle)?, bench.relay("relay-two", middle, end)?];
    let relay = bench.until(relays, "relay-two", messages)?;
    let workers = nodes.iter().map(|n| bench.deployment.worker(n)).collect::<Result<_, _>>()?;
    let hops = bench.until(workers, "router-MASS", messages)?;
    Ok(serde_json::json!({
        "bench": "hops",
        "relay": relay,
        "chain": hops,
        "cpu_efficiency_beside_relay": relay.cpu_us_per_message / hops.cpu_us_per_message,
        "rate_beside_relay": hops.per_second / relay.per_second,
    }))
}
