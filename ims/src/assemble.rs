//! Builds a deployment from its configuration: log, backends, workers.

pub mod backends;

pub use backends::DOUBTS;

use crate::{
    admin::Senders,
    config::{AnalysisKind, Config, LogKind, ReferenceKind},
    dormancy::Templates,
    exit::usage,
    findings,
    http::{self, Door},
    log::{open_log, open_schemas},
    notices::{Notices, Opens},
    registering::{Profiles, Registration},
    secret,
    stores::{AnalysisStore, Stores},
};
use anyhow::Context;
use backends::{Configured, State};
use connectors::{
    cipher::Cipher,
    files::FileStore,
    history::{HistoryTable, LastUses},
    reference::{
        self, Editor, FileReference, ReferenceError, Reloaded, SqlDeadTokens, SqlPushTokens, SqlReference, SqlRefusals,
        SqlSuppressed,
    },
    reports::{ReportReader, ReportTable},
    simulator::Simulator,
    sql::{Retention, StoreError, Table},
    vendors::{Brings, RedisMessageIds, Registrar, Vendors},
};
use processors::{
    ingest,
    law::Law,
    outcome,
    ports::{Clock, ReferenceSource},
    ring::Rings,
};
use schemas::{Schemas, topics::Partitions};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use topology::{
    assembly::Parts,
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

/// What deletes old rows of the stores that these roles write; None: nothing is ever deleted.
pub fn retention(config: &Config, roles: &[Role]) -> Result<Option<Retention>, StoreError> {
    if config.store.retention_days == 0 {
        return Ok(None);
    }
    let stores = Stores::of(config);
    let keep = Duration::from_secs(u64::from(config.store.retention_days) * 24 * 3600);
    let mut retention = Retention::new(Arc::new(SystemClock), keep);
    for role in roles {
        match role {
            Role::Store => retention.history(&stores.history()?)?,
            Role::Reports => retention.reports(&stores.reports()?)?,
            Role::Analyzer if config.analysis.kind == AnalysisKind::Sqlite => {
                retention.analysis(&stores.file("analysis"))?;
            }
            _ => {}
        }
    }
    // Last: while a long import holds reference data, the others are not kept from it.
    if roles.contains(&Role::Store) && config.reference.kind == ReferenceKind::Sql {
        retention.audit(&stores.reference()?)?;
    }
    Ok(Some(retention))
}

/// A deployment in this process: its log and what its workers share.
pub struct Deployment {
    parts: Arc<Parts>,
    stores: Stores,
    cipher: Arc<Cipher>,
    files: FileStore,
    reference: Arc<dyn Reloaded>,
    vendors: Vendors,
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
        let law = Law::new(&config.ads.law)?;
        let (schemas, schema_source) = open_schemas(config)?;
        if config.reference.kind == ReferenceKind::Sql {
            // First of all: a store of another version is a reason to stop.
            reference::SCHEMA.migrate(&Stores::of(config).reference()?)?;
        }
        let stores = Stores::of(config);
        let cipher = Arc::new(stores.cipher()?);
        let files = stores.files(&config.files, &cipher)?;
        let reference = open_reference_with(config, || Ok(Arc::clone(&cipher)))?;
        let current = reference.current();
        if let Some(group) = current.groups().iter().find(|group| !group.topics.is_empty())
            && config.log.kind == LogKind::Memory
        {
            return Err(usage(format!(
                "routing group {:?} has topics of its own, which log.kind = \"memory\" has not: set \"kafka\"",
                group.name
            )));
        }
        let mut simulator = config.simulator.clone();
        simulator.request_log = simulator.request_log.filter(|path| !path.as_os_str().is_empty());
        let simulator = Simulator::open(simulator, Arc::clone(&clock))
            .with_context(|| format!("simulator.request_log = {:?}", config.simulator.request_log))?;
        let allowance = Allowance::new(Arc::clone(&clock), BreakerSettings::default());
        let shared = Arc::clone(&allowance);
        let mut vendors = open_vendors(config, Arc::<dyn Reloaded>::clone(&reference))
            .sharing(Arc::new(move |vendor| shared.part(vendor)))
            .with_files(files.clone())
            .by_night(law.night.clone());
        if config.reference.kind == ReferenceKind::Sql && vendors.push() {
            vendors = vendors.remembering(Box::new(SqlDeadTokens::open(&stores.reference()?, Arc::clone(&cipher))?));
        }
        if config.reference.kind == ReferenceKind::Sql {
            let editor = Editor::open(&stores.reference()?, Arc::clone(&cipher), config.center)?;
            vendors = vendors.telling(Box::new(SqlRefusals::new(editor)));
        }
        if vendors.mail() {
            let mailboxes = SqlSuppressed::open(&stores.reference()?, Arc::clone(&cipher))?;
            vendors = vendors.suppressing(Box::new(mailboxes));
        }
        let state = State::of(config)?;
        if let State::Redis(settings, deployment) = &state
            && vendors.name_ids()
        {
            vendors = vendors.matching(Box::new(RedisMessageIds::new(settings.as_ref().clone(), deployment)));
        }
        let analysis = AnalysisStore::of(config)?;
        let caller = config.callback.caller();
        let (of_backends, reference_kind) = (Arc::clone(&reference), config.reference.kind);
        let backends = Configured {
            reference: of_backends,
            reference_kind,
            state,
            stores: stores.clone(),
            analysis,
            cipher: Arc::clone(&cipher),
            simulator,
            vendors: vendors.clone(),
            webhooks: http::webhooks(&config.webhooks)?,
            caller,
        };
        let limits = BatchLimits { records: config.engine.batch_records, ..BatchLimits::default() };
        let parts = Parts {
            log,
            cluster: config.deployment.cluster,
            schemas,
            schema_source,
            clock,
            reference: Arc::<dyn Reloaded>::clone(&reference),
            night: law.night,
            rings,
            ingest: ingest::Settings::default(),
            patience: outcome::Patience::default(),
            allowance,
            paces: config.retry,
            sender: SenderSettings::default(),
            callback: config.callback.role(),
            limits,
            backends: Box::new(backends),
        };
        Ok(Self {
            parts: Arc::new(parts),
            stores,
            cipher,
            files,
            reference,
            vendors,
            finish_within: Duration::from_millis(config.engine.stop_within_ms),
        })
    }

    /// What senders know of the vendors.
    pub fn senders(&self) -> Senders {
        Senders { allowance: Arc::clone(&self.parts.allowance), reference: self.parts.reference.clone() }
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
    pub fn reference(&self) -> Arc<dyn Reloaded> {
        Arc::clone(&self.reference)
    }

    /// What every stream is put together of.
    pub fn parts(&self) -> Arc<Parts> {
        Arc::clone(&self.parts)
    }

    /// Whether delivery reports of a vendor may name messages by its own ids.
    pub fn name_ids(&self) -> bool {
        self.vendors.name_ids()
    }

    /// The worker of one stream.
    pub fn worker(&self, node: &Node) -> anyhow::Result<Box<dyn Worker>> {
        self.parts.worker(node).with_context(|| node.name())
    }

    /// Whether these roles can reach their vendors. Asked before anybody hears of the process: a port that it opens, a group
    /// that it joins.
    pub fn check(&self, config: &Config, roles: &[Role]) -> anyhow::Result<()> {
        if roles.iter().any(|role| Role::SENDERS.contains(role)) {
            self.vendors.all_have_keys().map_err(|error| usage(error.to_string()))?;
            findings::unused_settings(config, &self.reference.current())
                .iter()
                .for_each(|line| tracing::warn!("{line}"));
        }
        Ok(())
    }

    /// Starts the streams of some roles.
    pub fn start(&self, roles: &[Role]) -> anyhow::Result<Runtime> {
        // First of all: a store of another version is a reason to stop, not something to wait for.
        if roles.contains(&Role::Store) {
            HistoryTable::SCHEMA.migrate(&self.stores.history()?)?;
        }
        if roles.contains(&Role::Reports) {
            ReportTable::SCHEMA.migrate(&self.stores.reports()?)?;
        }
        Ok(Runtime::start(self.parts.workers(&chain()?, roles)?, self.finish_within)?)
    }

    /// The templates that this process puts to sleep: of a store of reference data, by the role that notes their use.
    pub fn templates(&self, config: &Config, roles: &[Role]) -> anyhow::Result<Option<Templates>> {
        if !config.reference.dormancy || config.reference.kind == ReferenceKind::File || !roles.contains(&Role::Store) {
            return Ok(None);
        }
        let editor = Editor::open(&self.stores.reference()?, Arc::clone(&self.cipher), config.center)?;
        Ok(Some(Templates::new(editor, LastUses::open(&self.stores.history()?)?)))
    }

    /// The consents that this process tells again: of a store of reference data, by the role that writes it.
    pub fn notices(&self, config: &Config, roles: &[Role]) -> anyhow::Result<Option<Notices>> {
        if config.reference.kind == ReferenceKind::File || !roles.contains(&Role::Store) {
            return Ok(None);
        }
        let parts = Arc::clone(&self.parts);
        let opens: Opens = Box::new(move || Ok(parts.log.producer()?));
        let reference: Arc<dyn ReferenceSource> = Arc::<dyn Reloaded>::clone(&self.reference);
        notices(config, Arc::clone(&self.cipher), reference, self.schemas(), opens).map(Some)
    }

    /// The templates that this process brings to their dealer: of a store of reference data, by the role that sends them.
    pub fn registration(&self, config: &Config, roles: &[Role]) -> anyhow::Result<Option<Registration>> {
        let brought = self.brought(config, roles, Brings::Templates)?;
        Ok(brought.map(|(editor, registrar, holder)| Registration::new(editor, registrar, holder)))
    }

    /// The sender profiles that this process brings to their dealer, likewise.
    pub fn profiles(&self, config: &Config, roles: &[Role]) -> anyhow::Result<Option<Profiles>> {
        let brought = self.brought(config, roles, Brings::Profiles)?;
        Ok(brought.map(|(editor, registrar, holder)| Profiles::new(editor, registrar, holder)))
    }

    /// What brings these: the store, their dealer, and the name of this process.
    fn brought(
        &self,
        config: &Config,
        roles: &[Role],
        brings: Brings,
    ) -> anyhow::Result<Option<(Editor, Registrar, String)>> {
        let registrar = self.vendors.registrar(brings)?.filter(|_| roles.contains(&Role::Kakao));
        let Some(registrar) = registrar else { return Ok(None) };
        let editor = Editor::open(&self.stores.reference()?, Arc::clone(&self.cipher), config.center)?;
        // A name that a restart keeps is not waited for.
        let holder = match &*config.deployment.instance {
            "" => format!("{:016x}", u64::from_ne_bytes(secret::random()?)),
            instance => instance.to_owned(),
        };
        Ok(Some((editor, registrar, holder)))
    }

    /// Opens the HTTP door, if the configuration has one, of a process with these roles.
    pub fn open_door(&self, config: &Config, roles: &[Role]) -> anyhow::Result<Option<Door>> {
        let ingests = roles.contains(&Role::Ingest);
        http::open(config, &self.parts, &self.stores, &self.cipher, self.files.clone(), ingests)
    }
}

/// The reference data that the configuration names, or the demo's.
pub fn open_reference(config: &Config) -> Result<Arc<dyn Reloaded>, ReferenceError> {
    open_reference_with(config, || Stores::of(config).existing_cipher().map(Arc::new))
}

/// The same where the key of a store may be known already.
fn open_reference_with(
    config: &Config,
    cipher: impl FnOnce() -> Result<Arc<Cipher>, StoreError>,
) -> Result<Arc<dyn Reloaded>, ReferenceError> {
    if config.reference.kind == ReferenceKind::Sql {
        return Ok(Arc::new(SqlReference::open(&Stores::of(config).reference()?, cipher()?)?));
    }
    Ok(match config.reference.file.as_os_str().is_empty() {
        true => Arc::new(FileReference::demo()?),
        false => Arc::new(FileReference::open(&config.reference.file)?),
    })
}

/// What tells consents again, with the stores that the configuration names.
pub fn notices(
    config: &Config,
    cipher: Arc<Cipher>,
    reference: Arc<dyn ReferenceSource>,
    schemas: Arc<Schemas>,
    opens: Opens,
) -> anyhow::Result<Notices> {
    let stores = Stores::of(config);
    ReportTable::SCHEMA.migrate(&stores.reports()?)?;
    Ok(Notices {
        editor: Editor::open(&stores.reference()?, Arc::clone(&cipher), config.center)?,
        reports: ReportReader::open(&stores.reports()?)?,
        tokens: Box::new(SqlPushTokens::open(&stores.reference()?, Arc::clone(&cipher))?),
        cipher,
        reference,
        opens,
        schemas,
        law: Law::new(&config.ads.law)?,
        clock: Arc::new(SystemClock),
    })
}

/// The vendors that are reached over a wire, with their keys.
pub fn open_vendors(config: &Config, reference: Arc<dyn ReferenceSource>) -> Vendors {
    Vendors::open(&config.vendors, &config.webhooks.listen, reference, Arc::new(SystemClock))
}

/// The log in process as configured.
pub fn memory_log(config: &Config) -> anyhow::Result<MemoryLog> {
    let (rings, configured) = (Rings::new(config.rings)?, config.kafka.partitions);
    Ok(MemoryLog::new(Arc::new(SystemClock), MemorySettings::default(), move |topic| match topic.partitions() {
        Partitions::Configured => configured,
        Partitions::Slots(ring) => rings.size(ring).slots as i32,
        Partitions::One => 1,
    }))
}
