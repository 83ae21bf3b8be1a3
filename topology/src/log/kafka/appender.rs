//! Appends outside of transactions, each record with an end of its own.

use super::{KafkaShared, clients, context::log, native, producer::refused, renewed::Renewed, transaction::headers_of};
use crate::log::{Appender, LogError, Outgoing, Told};
use rdkafka::{
    ClientContext, Message,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::DeliveryResult,
    producer::{BaseProducer, BaseRecord, NoCustomPartitioner, Producer as _, ProducerContext},
};
use schemas::Topic;
use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// An idempotent producer whose acknowledgements are told as they come, by a thread of its own.
pub struct KafkaAppender {
    producer: Renewed<Heard>,
    shared: Arc<KafkaShared>,
    name: String,
    within: Duration,
}

impl KafkaAppender {
    /// Connects in the background. A record that is not acknowledged `within` has failed.
    pub fn new(shared: &Arc<KafkaShared>, name: &str, within: Duration) -> Result<Self, LogError> {
        let producer = Renewed::new(producer(shared, name, within)?);
        Ok(Self { producer, shared: Arc::clone(shared), name: name.to_owned(), within })
    }

    fn renew(&mut self) -> Result<(), LogError> {
        let Self { producer: known, shared, name, within } = self;
        let failed = known.client().fatal_error();
        known.renew(shared, name, failed, || producer(shared, name, *within))
    }

    fn send(&self, record: &Outgoing, told: Told) {
        let topic = self.shared.names.of(record.topic);
        let mut handed = BaseRecord::<[u8], [u8], Box<Told>>::with_opaque_to(topic, Box::new(told));
        handed.key = record.key.as_deref();
        handed.payload = record.value.as_deref();
        handed.partition = record.partition;
        handed.headers = headers_of(record);
        if let Err((error, back)) = self.producer.send(handed) {
            (back.delivery_opaque)(Err(refused(topic, error.rdkafka_error_code().unwrap_or(Code::Fail))));
        }
    }
}

fn producer(shared: &Arc<KafkaShared>, name: &str, within: Duration) -> Result<Heard, LogError> {
    let producer = clients::appending(&shared.settings, &shared.names, name, within)
        .create_with_context(Ear { name: name.to_owned() })
        .map_err(|error| LogError::Stop(format!("no producer could be made: {error}")))?;
    Heard::new(producer).map_err(|error| LogError::Stop(format!("no thread to hear a producer from: {error}")))
}

/// A producer, and the thread that hears what became of its records.
///
/// The crate's own (`ThreadedProducer`) asks for 100 ms at a time and spins through the last millisecond of each: the
/// time that is left is rounded down. Two of them took 2 % of a core for nothing.
struct Heard {
    producer: Arc<BaseProducer<Ear>>,
    ended: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

/// How long the thread listens at a time. The part beyond the millisecond is over before it is rounded to nothing.
const LISTEN: Duration = Duration::from_micros(250_050);

impl Heard {
    fn new(producer: BaseProducer<Ear>) -> std::io::Result<Self> {
        let (producer, ended) = (Arc::new(producer), Arc::new(AtomicBool::new(false)));
        let (heard, over) = (Arc::clone(&producer), Arc::clone(&ended));
        let thread = thread::Builder::new().name("acknowledged".into()).spawn(move || {
            while !over.load(Ordering::Relaxed) {
                heard.poll(LISTEN);
            }
        })?;
        Ok(Self { producer, ended, thread: Some(thread) })
    }
}

impl Deref for Heard {
    type Target = BaseProducer<Ear>;

    fn deref(&self) -> &Self::Target {
        &self.producer
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It holds the producer as long as it lives, which is to end on this thread. What it says is nothing.
            let _ = thread.join();
        }
    }
}

impl Appender for KafkaAppender {
    fn append(&mut self, records: Vec<(Outgoing, Told)>, within: Duration) {
        // A record of a dead producer that cannot be replaced yet is told so by its send.
        if let Err(error) = self.renew() {
            tracing::debug!(client = self.name, %error, "not replaced");
        }
        for (record, told) in records {
            self.send(&record, told);
        }
        native::flush(self.producer.client(), within);
    }

    fn reach(&mut self, topic: Topic, within: Duration) -> Result<(), LogError> {
        self.renew()?;
        let name = self.shared.names.of(topic);
        let away = |reason: String| LogError::Away(format!("topic {name}: {reason}"));
        let metadata = self.producer.client().fetch_metadata(Some(name), within);
        let metadata = metadata.map_err(|error| away(error.to_string()))?;
        let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
        match partitions.clone().any(|partition| partition.leader() >= 0) {
            true => Ok(()),
            false if partitions.count() == 0 => Err(refused(name, Code::UnknownTopicOrPartition)),
            false => Err(away("no partition has a leader".into())),
        }
    }
}

/// What the producer tells between the calls.
struct Ear {
    name: String,
}

impl ClientContext for Ear {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log(&self.name, level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(client = self.name, %error, reason, "librdkafka says");
    }
}

impl ProducerContext<NoCustomPartitioner> for Ear {
    type DeliveryOpaque = Box<Told>;

    fn delivery(&self, result: &DeliveryResult<'_>, told: Box<Told>) {
        told(match result {
            Ok(_) => Ok(()),
            Err((error, message)) => Err(refused(message.topic(), error.rdkafka_error_code().unwrap_or(Code::Fail))),
        });
    }
}
