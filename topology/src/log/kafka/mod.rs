//! The log on Apache Kafka, through librdkafka: the only code that knows it.
//!
//! A `stream` is one consumer of a group and the producers of its transactions. What Kafka promises is not used
//! blindly: a commit is checked by the broker for member and generation, so both are noted when partitions come, and
//! whatever does not end with a clear yes leads back to what the broker says is committed.

mod admin;
mod appender;
mod aside;
mod clients;
mod context;
mod failure;
mod fences;
mod held;
mod lag;
mod member;
mod names;
mod native;
mod passage;
mod producer;
mod queries;
mod reader;
mod renewed;
mod rotation;
mod settings;
mod stream;
mod transaction;
mod watchdog;

pub use admin::{Difference, KafkaAdmin, Made, OnAway, Shape, topics};
pub use settings::{KafkaSettings, Slots};
pub use watchdog::OnStuck;

use super::{Appender, Log, LogError, Producer, Reader, Stream, StreamSpec};
use context::Breaks;
use names::Names;
use queries::Queries;
use rustc_hash::FxHashMap;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};
use watchdog::Watchdog;

/// The log on a Kafka cluster.
pub struct KafkaLog {
    shared: Arc<KafkaShared>,
}

/// What everything of one process shares.
struct KafkaShared {
    settings: KafkaSettings,
    names: Names,
    watchdog: Watchdog,
    queries: Queries,
    breaks: Arc<Breaks>,
    /// Streams at work by name, and which numbers they have.
    seats: Mutex<FxHashMap<String, BTreeSet<usize>>>,
}

/// The place of a stream among the streams of its name in this process: two threads of one lane are two members.
struct Seat {
    shared: Arc<KafkaShared>,
    stream: String,
    number: usize,
}

impl KafkaLog {
    /// Checks the settings; connects to nothing. `on_stuck` is told when a call into librdkafka does not come back:
    /// it should say so and end the process.
    pub fn new(settings: KafkaSettings, on_stuck: OnStuck) -> Result<Self, LogError> {
        let mistakes = settings.mistakes();
        if !mistakes.is_empty() {
            return Err(LogError::Stop(mistakes.join("\n")));
        }
        let watchdog = Watchdog::start(on_stuck)
            .map_err(|error| LogError::Stop(format!("no thread for the watchdog of Kafka: {error}")))?;
        let names = Names::new(&settings);
        Ok(Self {
            shared: Arc::new(KafkaShared {
                settings,
                names,
                watchdog,
                queries: Queries::default(),
                breaks: Arc::default(),
                seats: Mutex::default(),
            }),
        })
    }

    /// Makes and checks topics and the offsets of groups.
    pub fn admin(&self) -> Result<KafkaAdmin, LogError> {
        KafkaAdmin::new(&self.shared)
    }
}

impl KafkaLog {
    /// A producer that appends copies to a topic that is none of ours, whatever topic a record names; it must exist.
    pub fn elsewhere(&self, name: &str) -> Result<Box<dyn Producer>, LogError> {
        if self.shared.partitions_of(name)?.is_empty() {
            return Err(LogError::Stop(format!(
                "topic {name} does not exist: make it first, then bring records into it"
            )));
        }
        Ok(Box::new(producer::KafkaProducer::new(&self.shared, Some(name.to_owned()))?))
    }
}

impl KafkaShared {
    /// Drops a client on a thread of its own: librdkafka waits for what is under way when a client ends.
    fn drop_aside<T: Send + 'static>(&self, client: T) {
        let dropping = std::thread::Builder::new().name("kafka-end".into()).spawn(move || drop(client));
        if let Err(error) = dropping {
            tracing::warn!(%error, "no thread to end a client on: ended here");
        }
    }
}

impl Seat {
    /// The lowest that is free: after a restart the same stream has the same.
    fn take(shared: &Arc<KafkaShared>, stream: &str) -> Self {
        let mut seats = context::lock(&shared.seats);
        let taken = seats.entry(stream.to_owned()).or_default();
        let number = (0..).find(|number| !taken.contains(number)).unwrap_or(0);
        taken.insert(number);
        Self { shared: Arc::clone(shared), stream: stream.to_owned(), number }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(taken) = context::lock(&self.shared.seats).get_mut(&self.stream) {
            taken.remove(&self.number);
        }
    }
}

impl Log for KafkaLog {
    fn stream(&self, spec: StreamSpec) -> Result<Box<dyn Stream>, LogError> {
        Ok(Box::new(stream::KafkaStream::new(&self.shared, spec)?))
    }

    fn producer(&self) -> Result<Box<dyn Producer>, LogError> {
        Ok(Box::new(producer::KafkaProducer::new(&self.shared, None)?))
    }

    fn appender(&self, name: &str, within: Duration) -> Result<Box<dyn Appender>, LogError> {
        Ok(Box::new(appender::KafkaAppender::new(&self.shared, name, within)?))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(reader::KafkaReader::new(&self.shared)))
    }
}
