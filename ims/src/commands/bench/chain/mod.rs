//! The whole chain on Kafka in one process of `ims run`, which a bench feeds and watches from outside.

mod customers;
mod running;

pub use customers::{Customers, VENDOR};
pub use running::{LOOK, Running, free_address};

use super::{
    Topics,
    hops::{on_its_own, taken},
    usage::Process,
};
use crate::{
    assemble::now_ms,
    config::{Config, StoreConfig},
    exit::Exit,
    log::{open_kafka, open_schemas},
};
use anyhow::{Context, ensure};
use schemas::{Lane, Schemas, Topic};
use std::{
    ops::Range,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use topology::log::{Log, LogError, Outgoing, Producer, kafka::KafkaLog};

/// Longest time without progress.
const PATIENCE: Duration = Duration::from_secs(60);
/// Records of one append.
const APPEND: u64 = 10_000;
/// What is counted to know that everything has gone through: each takes one record of a message that is delivered.
const ENDS: [&str; 2] = ["store", "reports"];

/// The process, and the way in.
pub struct Chain {
    running: Running,
    schemas: Arc<Schemas>,
    log: KafkaLog,
    customers: Customers,
    sent: u64,
    request_log: PathBuf,
    _topics: Topics,
    _folder: tempfile::TempDir,
}

impl Chain {
    /// Makes the topics, starts the process with all roles, and waits until each stream works.
    pub fn start(config: &Config, customers: Customers) -> anyhow::Result<Self> {
        Self::start_with(config, customers, None)
    }

    /// The same with this store instead of files of its own.
    pub fn start_with(config: &Config, customers: Customers, store: Option<StoreConfig>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut config = on_its_own(config, folder.path());
        config.store = store.unwrap_or(config.store);
        let request_log = config.simulator.request_log.clone().context("a request log")?;
        if !customers.watched {
            config.simulator.request_log = None;
        }
        config.simulator.vendors.insert(customers::VENDOR.to_owned(), customers.vendor_behaviour(&config.simulator));
        config.reference.file = folder.path().join("reference.toml");
        std::fs::write(&config.reference.file, toml::to_string(&customers.reference()?)?)?;
        // Load comes by Kafka.
        config.http.listen.clear();
        config.admin.listen = free_address()?;
        let program = program(&config, folder.path())?;
        // The file hides who comes in, and with which password.
        let ims = |arguments: &[&str]| {
            let mut command = program(arguments);
            command.env("IMS__STORE__URL", &config.store.url);
            command
        };
        let topics = Topics(open_kafka(&config)?);
        let made = ims(&["topics", "create"]).status()?;
        // It has said why.
        ensure!(made.code() != Some(Exit::Away as i32), LogError::Away("no topics could be made".into()));
        ensure!(made.success(), "`ims topics create` ended with {made}");
        let (schemas, _) = open_schemas(&config)?;
        Ok(Self {
            running: Running::start(ims(&["run"]), &config.admin.listen)?,
            schemas,
            log: open_kafka(&config)?,
            customers,
            sent: 0,
            request_log,
            _topics: topics,
            _folder: folder,
        })
    }

    /// The process, to be measured.
    pub fn process(&self) -> Process {
        self.running.process()
    }

    /// The way in.
    pub fn log(&self) -> &KafkaLog {
        &self.log
    }

    /// The schema ids in use.
    pub fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// Messages sent so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// What its vendors were asked.
    pub fn request_log(&self) -> &PathBuf {
        &self.request_log
    }

    /// Sends so many messages of a lane, of these customers in turn.
    pub fn send(&mut self, lane: Lane, messages: u64, customers: Range<u64>) -> anyhow::Result<()> {
        let mut producer = self.log.producer()?;
        let mut left = messages;
        while left > 0 {
            let count = left.min(APPEND);
            self.append(&mut *producer, lane, count, &customers)?;
            left -= count;
        }
        Ok(())
    }

    fn append(
        &mut self,
        producer: &mut dyn Producer,
        lane: Lane,
        count: u64,
        customers: &Range<u64>,
    ) -> anyhow::Result<()> {
        let of = customers.end - customers.start;
        let records: Vec<Outgoing> = (self.sent..self.sent + count)
            .map(|n| {
                let request = self.customers.request(customers.start + n % of, n);
                let key = Some(request.message_id.clone().into_bytes().into());
                let value = Some(self.schemas.encode(&request).into());
                Outgoing { topic: Topic::api(lane), partition: None, key, value, headers: vec![] }
            })
            .collect();
        self.sent += count;
        Ok(producer.append(&records)?)
    }

    /// Waits until everything that was sent is reported and stored.
    pub fn until_drained(&mut self) -> anyhow::Result<()> {
        let (mut before, mut moved) = (0, Instant::now());
        loop {
            let page = self.running.page("/metrics")?.unwrap_or_default();
            let ends = ENDS.map(|stream| taken(&page, stream));
            if ends.iter().all(|end| *end >= self.sent) {
                return Ok(());
            }
            let now: u64 = ends.iter().sum();
            if now != before {
                (before, moved) = (now, Instant::now());
            }
            ensure!(
                moved.elapsed() < PATIENCE,
                "nothing has moved for a minute: {ENDS:?} took {ends:?} of {}",
                self.sent
            );
            thread::sleep(LOOK);
        }
    }
}

/// This program with a configuration of its own, kept in this folder: a command of any arguments.
pub fn program(config: &Config, folder: &Path) -> anyhow::Result<impl Fn(&[&str]) -> Command + use<>> {
    let file = folder.join("ims.toml");
    std::fs::write(&file, toml::to_string(config)?)?;
    let (program, folder) = (std::env::current_exe()?, folder.to_owned());
    Ok(move |arguments: &[&str]| {
        let mut command = Command::new(&program);
        // The file says all: nothing of the environment comes over it.
        command.env_clear().current_dir(&folder).args(arguments).arg("--config").arg(&file);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    })
}

/// Unix milliseconds that no record written before has as its timestamp.
pub fn next_ms() -> i64 {
    thread::sleep(Duration::from_millis(2));
    now_ms()
}
