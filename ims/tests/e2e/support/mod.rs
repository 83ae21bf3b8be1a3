//! A deployment of its own on real Kafka: topics, configuration, processes, and the books at the end.

mod books;
pub mod cluster;
pub mod dealer;
pub mod endpoint;
pub mod load;
pub mod mariadb;
pub mod mongodb;
#[path = "../../../../topology/tests/kafka/support/observer.rs"]
#[allow(dead_code, reason = "tests of the log ask for more than those of the program")]
mod observer;
mod personal;
pub mod process;
#[path = "../../../../topology/tests/kafka/support/proxy.rs"]
#[allow(dead_code, reason = "tests of the log lose more than those of the program")]
pub mod proxy;
pub mod redis;
pub mod server;
pub mod simulator;

pub use books::{Expected, Settled};
pub use observer::Done;
pub use process::{CHAIN, Process, streams};

use cluster::Cluster;
use connectors::registry::{OnWrong, Registry, RegistrySettings};
use observer::Observer;
use processors::ports::{NoRegistry, SchemaSource};
use schemas::{Schemas, Topic};
use std::{
    path::PathBuf,
    process::{Command, Output},
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use topology::log::{
    Log, LogError, Outgoing, Place, Producer, Reader, Record,
    kafka::{KafkaLog, KafkaSettings},
};

/// Longest wait for anything that has no promise of its own.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A figure as promised with IMS_TEST_FULL=1, and as small as still proves it otherwise.
pub fn figure(small: usize, full: usize) -> usize {
    if std::env::var_os("IMS_TEST_FULL").is_some() { full } else { small }
}

/// Of each topic.
const PARTITIONS: i32 = 3;

/// Unix milliseconds.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64
}

/// Looks again and again until there is something; panics when that takes too long.
#[track_caller]
pub fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.directory.disable_cleanup(true);
            eprintln!("what the processes wrote: {}", self.directory.path().display());
        } else if self.cluster.is_none() {
            // A broker holds a file open for each of some five hundred partitions.
            self.log.admin().unwrap().delete_deployment().unwrap();
        }
    }
}

/// The ids that a registry has for this program's schemas, and the way to all others.
fn at_registry(url: &str, prefix: &str) -> (Schemas, Arc<dyn SchemaSource>) {
    let (url, topic_prefix) = (url.to_owned(), prefix.to_owned());
    let settings = RegistrySettings { url, credentials: None, timeout: PATIENCE, topic_prefix };
    let registry = Registry::new(&settings).unwrap();
    (registry.prepare(OnWrong::Register).unwrap(), Arc::new(registry))
}

/// A deployment: its own topics, groups and files.
pub struct Deployment {
    pub log: KafkaLog,
    pub schemas: Arc<Schemas>,
    /// Where ids that `schemas` lack are looked up.
    source: Arc<dyn SchemaSource>,
    pub name: String,
    settings: KafkaSettings,
    directory: tempfile::TempDir,
    cluster: Option<Cluster>,
    _turn: Turn,
}

/// Deployments mostly wait for sessions that end, and three share the machine well (dev/run_tests). Where time is promised there
/// is one: several times thirty streams on two cores measure each other.
#[expect(dead_code, reason = "held until the deployment ends")]
enum Turn {
    Alone(RwLockWriteGuard<'static, ()>),
    BesideOthers(RwLockReadGuard<'static, ()>),
}

static TURN: RwLock<()> = RwLock::new(());

impl Turn {
    fn alone() -> Self {
        Self::Alone(TURN.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn beside_others() -> Self {
        Self::BesideOthers(TURN.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How many deployments this process has had.
static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// The broker that all tests share.
fn shared_broker() -> Option<String> {
    let broker = std::env::var("IMS_TEST_KAFKA").ok();
    if broker.is_none() {
        eprintln!("IMS_TEST_KAFKA is not set: not tested (./test starts a broker)");
    }
    broker
}

impl Deployment {
    /// On the broker that all tests share; None, said once, when there is none. `simulator` is its section of ims.toml.
    pub fn new(simulator: &str) -> Option<Self> {
        Some(Self::on(shared_broker()?, 1, simulator, None, None, Turn::beside_others()))
    }

    /// The same, with no other deployment at work meanwhile: for what is promised in time.
    pub fn alone(simulator: &str) -> Option<Self> {
        Some(Self::on(shared_broker()?, 1, simulator, None, None, Turn::alone()))
    }

    /// The same, with its schemas at the registry that all tests share, whose address comes with it.
    pub fn with_registry(simulator: &str) -> Option<(Self, String)> {
        let (Ok(brokers), Ok(registry)) = (std::env::var("IMS_TEST_KAFKA"), std::env::var("IMS_TEST_REGISTRY")) else {
            eprintln!("IMS_TEST_KAFKA or IMS_TEST_REGISTRY is not set: not tested (./test starts both)");
            return None;
        };
        Some((Self::on(brokers, 1, simulator, None, Some(&registry), Turn::beside_others()), registry))
    }

    /// On brokers of its own, which the test may kill.
    pub fn with_brokers(brokers: usize, simulator: &str) -> Option<Self> {
        Self::on_brokers(brokers, simulator, Turn::beside_others())
    }

    /// The same, with no other deployment at work meanwhile.
    pub fn alone_with_brokers(brokers: usize, simulator: &str) -> Option<Self> {
        Self::on_brokers(brokers, simulator, Turn::alone())
    }

    fn on_brokers(brokers: usize, simulator: &str, turn: Turn) -> Option<Self> {
        let cluster = Cluster::start(brokers)?;
        Some(Self::on(cluster.bootstrap().to_owned(), brokers, simulator, Some(cluster), None, turn))
    }

    fn on(
        brokers: String,
        copies: usize,
        simulator: &str,
        cluster: Option<Cluster>,
        registry: Option<&str>,
        turn: Turn,
    ) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        // Two tests may begin within the same microsecond.
        let name = format!("e2e-{now:x}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let directory = tempfile::tempdir().unwrap();
        let (in_sync, registry_url) = (copies.div_ceil(2), registry.unwrap_or_default());
        let config = format!(
            "deployment.name = \"{name}\"\n\
             kafka = {{ bootstrap_servers = \"{brokers}\", topic_prefix = \"{name}-\", partitions = {PARTITIONS}, \
             replication_factor = {copies}, min_insync_replicas = {in_sync} }}\n\
             logs = {{ level = \"info\", format = \"json\" }}\n\
             registry.url = \"{registry_url}\"\n\
             [rings]\n\
             seconds = {{ slots = 16, width_ms = 1000 }}\n\
             minutes = {{ slots = 16, width_ms = 6000 }}\n\
             hours = {{ slots = 16, width_ms = 40000 }}\n\
             days = {{ slots = 32, width_ms = 300000 }}\n\
             [retry]\n\
             bulk = {{ first_ms = 500, longest_ms = 4000, requests = 8, patience_ms = 60000 }}\n\
             {simulator}"
        );
        std::fs::write(directory.path().join("ims.toml"), config).unwrap();
        let settings = KafkaSettings {
            bootstrap_servers: brokers,
            deployment: name.clone(),
            topic_prefix: format!("{name}-"),
            ..KafkaSettings::default()
        };
        let log = KafkaLog::new(settings.clone(), Arc::new(|line| panic!("{line}"))).unwrap();
        let (schemas, source) = match registry {
            Some(url) => at_registry(url, &settings.topic_prefix),
            None => (Schemas::embedded(), Arc::new(NoRegistry) as _),
        };
        let schemas = Arc::new(schemas);
        let deployment = Self { log, schemas, source, name, settings, directory, cluster, _turn: turn };
        // A broker on a machine full of tests may need long.
        let created = deployment.ims(&["topics", "create", "--wait", &(2 * PATIENCE).as_secs().to_string()]);
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
        deployment
    }

    /// The brokers of this deployment alone.
    pub fn cluster(&self) -> &Cluster {
        self.cluster.as_ref().expect("a cluster of its own")
    }

    /// Where Kafka is.
    pub fn brokers(&self) -> &str {
        &self.settings.bootstrap_servers
    }

    /// Looks at what a stream's group has committed of a topic until all is done: it never goes back.
    pub fn offsets_never_go_back(&self, stream: &str, topic: Topic, done: &AtomicBool) {
        let (group, name) = (format!("{}-{stream}", self.name), format!("{}{topic}", self.settings.topic_prefix));
        let seen = Observer::of(self.brokers(), &group, &name, PARTITIONS).never_goes_back(done);
        assert!(seen.values().any(|offset| *offset > 0), "{stream} has committed nothing of {topic}: {seen:?}");
    }

    /// A file of this deployment.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Lets the processes that start from now on know other reference data than the demo's: what is changed, and to what.
    pub fn change_reference(&self, changes: &[(&str, &str)]) {
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/seed/demo.toml");
        let mut text = std::fs::read_to_string(demo).unwrap();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        std::fs::write(self.file("reference.toml"), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ims"));
        command.arg("--config").arg(self.file("ims.toml")).args(arguments).current_dir(self.directory.path());
        let reference = self.file("reference.toml");
        if reference.exists() {
            command.env("IMS__REFERENCE__FILE", reference);
        }
        command
    }

    /// Runs a command to its end.
    pub fn ims(&self, arguments: &[&str]) -> Output {
        self.ims_with(arguments, &[])
    }

    /// The same with variables of the environment.
    pub fn ims_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        self.command(arguments).envs(variables.iter().copied()).output().unwrap()
    }

    /// Starts `ims run` with these roles under a stable name.
    pub fn run(&self, instance: &str, roles: &str) -> Process {
        self.run_with(instance, roles, &[])
    }

    /// The same with variables of the environment.
    pub fn run_with(&self, instance: &str, roles: &str, variables: &[(&str, &str)]) -> Process {
        self.run_at(instance, roles, "127.0.0.1:0", variables)
    }

    /// The same, with its HTTP door at this address.
    pub fn run_at(&self, instance: &str, roles: &str, listen: &str, variables: &[(&str, &str)]) -> Process {
        let mut command = self.command(&["run", "--roles", roles]);
        command.envs(variables.iter().copied());
        Process::start(command, self.directory.path(), instance, listen)
    }

    /// A producer of any customer's.
    pub fn producer(&self) -> Box<dyn Producer> {
        self.log.producer().unwrap()
    }

    /// Appends records, acknowledged.
    pub fn append(&self, records: &[Outgoing]) {
        self.producer().append(records).unwrap();
    }

    /// Everything that is committed in these topics.
    #[track_caller]
    pub fn records(&self, topics: impl IntoIterator<Item = Topic>) -> Vec<Record> {
        let topics: Vec<Topic> = topics.into_iter().collect();
        self.read(|reader| {
            let mut records = Vec::new();
            for &topic in &topics {
                for partition in reader.partitions(topic)? {
                    let place = Place { topic, partition };
                    let (first, end) = reader.bounds(place)?;
                    reader.read(place, first, end, &mut |record| records.push(record))?;
                }
            }
            Ok(records)
        })
    }

    /// Reads the log; asks again while a broker is away, or too busy to answer in time.
    #[track_caller]
    fn read<T>(&self, read: impl Fn(&mut dyn Reader) -> Result<T, LogError>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.log.reader().and_then(|mut reader| read(&mut *reader)) {
                Ok(found) => return found,
                Err(LogError::Away(line)) if Instant::now() < deadline => eprintln!("asked again: {line}"),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Decodes all of them.
    pub fn decoded<R: schemas::Record>(&self, topics: impl IntoIterator<Item = Topic>) -> Vec<R> {
        let decode = |record: Record| self.schemas.decode::<R>(&record.value.unwrap_or_default()).unwrap();
        self.records(topics).into_iter().map(decode).collect()
    }
}
