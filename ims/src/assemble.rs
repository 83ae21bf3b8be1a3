//! Builds a deployment from its configuration: log, backends, workers.

use crate::{
    config::{Config, LogKind, StateKind, StoreConfig},
    log::{open_log, open_schemas},
};
use anyhow::Context;
use connectors::{
    cipher::Cipher,
    claims::{MemoryClaims, SqliteClaims},
    reference::{FileReference, ReferenceError},
    simulator::Simulator,
    sqlite::{Retention, SqliteSink, StoreError},
};
use processors::{
    ingest,
    night::Night,
    outcome,
    ports::{Away, Claim, Claims, Clock, Provider, Receipts, ReferenceSource, Sink},
    ring::Rings,
};
use schemas::{AnalyzeLog, History, Lane, Report, Schemas, TrackId, topics::Partitions};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};
use topology::{
    assembly::{Backends, Parts},
    engine::{BatchLimits, Decoder, Runtime, Worker},
    graph::{Node, Role, chain},
    log::{
        Log,
        memory::{MemoryLog, Settings as MemorySettings},
    },
    send::{Allowance, BreakerSettings, SenderSettings},
};

/// Time as the machine has it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        now_ms()
    }
}

/// Unix milliseconds.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

/// Claims that every ingest stream of the process shares.
#[derive(Clone, Default)]
struct SharedClaims(Arc<Mutex<MemoryClaims>>);

impl Claims for SharedClaims {
    fn claim(&mut self, claims: &[Claim], now_ms: i64) -> Result<Vec<Option<TrackId>>, Away> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).claim(claims, now_ms)
    }
}

/// Each store has a file of its own beside the configured one: one writer never waits for another.
fn store_file(store: &Path, what: &str) -> PathBuf {
    let stem = store.file_stem().map_or_else(|| "ims".into(), |s| s.to_string_lossy());
    store.with_file_name(format!("{stem}-{what}.sqlite"))
}

/// What deletes old rows of the stores that these roles write; None: nothing is ever deleted.
pub fn retention(config: &StoreConfig, roles: &[Role]) -> Result<Option<Retention>, StoreError> {
    if config.retention_days == 0 {
        return Ok(None);
    }
    let keep = Duration::from_secs(u64::from(config.retention_days) * 24 * 3600);
    let mut retention = Retention::new(Arc::new(SystemClock), keep);
    for role in roles {
        match role {
            Role::Store => retention.history(&store_file(&config.file, "history"))?,
            Role::Reports => retention.reports(&store_file(&config.file, "reports"))?,
            Role::Analyzer => retention.analysis(&store_file(&config.file, "analysis"))?,
            _ => {}
        }
    }
    Ok(Some(retention))
}

/// The embedded backends of one process.
struct Embedded {
    state: Option<PathBuf>,
    claims: SharedClaims,
    store: PathBuf,
    cipher: Arc<Cipher>,
    simulator: Arc<Simulator>,
}

fn away(dependency: &'static str) -> impl Fn(StoreError) -> Away {
    move |error| Away { dependency, cause: error.to_string() }
}

impl Embedded {
    fn file(&self, what: &str) -> PathBuf {
        store_file(&self.store, what)
    }
}

impl Backends for Embedded {
    fn claims(&self) -> Result<Box<dyn Claims>, Away> {
        Ok(match &self.state {
            Some(path) => Box::new(SqliteClaims::open(path).map_err(away("state"))?),
            None => Box::new(self.claims.clone()),
        })
    }

    fn provider(&self, _role: Role, _lane: Lane) -> Result<Box<dyn Provider>, Away> {
        Ok(self.simulator.provider())
    }

    fn receipts(&self) -> Result<Box<dyn Receipts>, Away> {
        Ok(self.simulator.receipts())
    }

    fn history(&self) -> Result<Box<dyn Sink<History>>, Away> {
        let sink = SqliteSink::history(&self.file("history"), Arc::clone(&self.cipher));
        Ok(Box::new(sink.map_err(away("store"))?))
    }

    fn reports(&self) -> Result<Box<dyn Sink<Report>>, Away> {
        Ok(Box::new(SqliteSink::reports(&self.file("reports")).map_err(away("store"))?))
    }

    fn analysis(&self) -> Result<Box<dyn Sink<AnalyzeLog>>, Away> {
        Ok(Box::new(SqliteSink::analysis(&self.file("analysis")).map_err(away("store"))?))
    }
}

/// A deployment in this process: its log and what its workers share.
pub struct Deployment {
    parts: Parts,
    reference: Arc<FileReference>,
    finish_within: Duration,
}

impl Deployment {
    /// Puts the parts together, on the configured log; nothing runs yet.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let log = match config.log.kind {
            LogKind::Memory => Arc::new(memory_log(config)?),
            LogKind::Kafka => open_log(config)?,
        };
        Self::on(config, log)
    }

    /// The same on a log that is open already.
    pub fn on(config: &Config, log: Arc<dyn Log>) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let rings = Arc::new(Rings::new(config.rings)?);
        let (schemas, schema_source) = open_schemas(config)?;
        let reference = Arc::new(open_reference(config)?);
        let mut simulator = config.simulator.clone();
        simulator.request_log = simulator.request_log.filter(|path| !path.as_os_str().is_empty());
        let simulator = Simulator::open(simulator, Arc::clone(&clock))
            .with_context(|| format!("simulator.request_log = {:?}", config.simulator.request_log))?;
        let cipher = Arc::new(Cipher::from_file(&config.store.file.with_extension("key"))?);
        let state = (config.state.kind == StateKind::Sqlite).then(|| config.state.file.clone());
        let store = config.store.file.clone();
        let backends = Embedded { state, claims: SharedClaims::default(), store, cipher, simulator };
        let allowance = Allowance::new(Arc::clone(&clock), BreakerSettings::default());
        let limits = BatchLimits { records: config.engine.batch_records, ..BatchLimits::default() };
        let parts = Parts {
            log,
            cluster: config.deployment.cluster,
            schemas,
            schema_source,
            clock,
            reference: Arc::clone(&reference) as Arc<dyn ReferenceSource>,
            night: Night::default(),
            rings,
            ingest: ingest::Settings::default(),
            patience: outcome::Patience::default(),
            allowance,
            paces: config.retry,
            sender: SenderSettings::default(),
            limits,
            backends: Box::new(backends),
        };
        Ok(Self { parts, reference, finish_within: Duration::from_millis(config.engine.stop_within_ms) })
    }

    /// The log.
    pub fn log(&self) -> &dyn Log {
        &*self.parts.log
    }

    /// Reads what stands in the log.
    pub fn decoder(&self) -> Decoder {
        self.parts.decoder()
    }

    /// The schema ids in use.
    pub fn schemas(&self) -> Arc<Schemas> {
        Arc::clone(&self.parts.schemas)
    }

    /// The reference data, which may be reloaded while streams run.
    pub fn reference(&self) -> Arc<FileReference> {
        Arc::clone(&self.reference)
    }

    /// The worker of one stream.
    pub fn worker(&self, node: &Node) -> anyhow::Result<Box<dyn Worker>> {
        self.parts.worker(node).with_context(|| node.name())
    }

    /// Starts the streams of some roles.
    pub fn start(&self, roles: &[Role]) -> anyhow::Result<Runtime> {
        Ok(Runtime::start(self.parts.workers(&chain()?, roles)?, self.finish_within)?)
    }
}

/// The reference data that the configuration names, or the demo's.
pub fn open_reference(config: &Config) -> Result<FileReference, ReferenceError> {
    match config.reference.file.as_os_str().is_empty() {
        true => FileReference::demo(),
        false => FileReference::open(&config.reference.file),
    }
}

fn memory_log(config: &Config) -> anyhow::Result<MemoryLog> {
    let (rings, configured) = (Rings::new(config.rings)?, config.kafka.partitions);
    Ok(MemoryLog::new(Arc::new(SystemClock), MemorySettings::default(), move |topic| match topic.partitions() {
        Partitions::Configured => configured,
        Partitions::Slots(ring) => rings.size(ring).slots as i32,
        Partitions::One => 1,
    }))
}
