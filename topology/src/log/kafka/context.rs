//! What librdkafka tells between the calls: rebalances, failed deliveries, connections, log lines, statistics.

use super::{
    lag::Standings,
    native::{Membership, membership},
};
use rdkafka::{
    ClientContext, Message, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata},
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{NoCustomPartitioner, ProducerContext},
    types::RDKafkaRespErr,
};
use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// librdkafka's own lines, in ours. It repeats itself while a broker is away: nothing of it is an error of ours.
pub fn log(client: &str, level: RDKafkaLogLevel, facility: &str, line: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(client, facility, "{line}");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => tracing::warn!(client, facility, "{line}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::info!(client, facility, "{line}"),
        RDKafkaLogLevel::Debug => tracing::debug!(client, facility, "{line}"),
    }
}

/// A change of what a member owns, as the group says it.
pub enum Rebalance {
    /// These partitions come, for this member of this generation.
    Come { partitions: TopicPartitionList, membership: Option<Membership>, group: Option<ConsumerGroupMetadata> },
    /// All partitions go.
    Go {
        /// They are gone already.
        lost: bool,
    },
}

/// The ear of a consumer.
pub struct ConsumerEar {
    name: String,
    rebalance: Mutex<Option<Rebalance>>,
    /// Nobody asks for rebalances any more: partitions are given up as soon as that is asked.
    closing: AtomicBool,
    /// What the last error said; librdkafka tells it apart from the error's code.
    pub last_words: Mutex<String>,
    /// Where the partitions stand.
    pub standings: Mutex<Standings>,
}

impl ConsumerEar {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            rebalance: Mutex::default(),
            closing: AtomicBool::new(false),
            last_words: Mutex::default(),
            standings: Mutex::default(),
        }
    }

    /// The rebalance that the last poll brought.
    pub fn take_rebalance(&self) -> Option<Rebalance> {
        lock(&self.rebalance).take()
    }

    /// From here on the consumer only waits for its end.
    pub fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }
}

impl ClientContext for ConsumerEar {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log(&self.name, level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(client = self.name, %error, reason, "librdkafka says");
        reason.clone_into(&mut lock(&self.last_words));
    }

    fn stats_raw(&self, json: &[u8]) {
        match Standings::parse(json) {
            Ok(standings) => *lock(&self.standings) = standings,
            Err(error) => tracing::warn!(client = self.name, %error, "statistics could not be read"),
        }
    }
}

impl ConsumerContext for ConsumerEar {
    /// Only takes note. librdkafka's group stands still until the stream calls assign or unassign, later and from
    /// its own thread: that gives the engine the time to finish what is in flight.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        if self.closing.load(Ordering::SeqCst) {
            if let Err(error) = consumer.unassign() {
                tracing::warn!(client = self.name, %error, "partitions could not be given up");
            }
            return;
        }
        let news = match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                // In this order: a member that is real after the metadata was taken was so before. Metadata without a
                // member would let every commit pass unchecked.
                let group = consumer.group_metadata();
                Rebalance::Come { partitions: partitions.clone(), membership: membership(consumer.client()), group }
            }
            _ => Rebalance::Go { lost: consumer.assignment_lost() },
        };
        *lock(&self.rebalance) = Some(news);
    }
}

/// The ear of a producer.
pub struct ProducerEar {
    name: String,
    failed: Mutex<Option<Undelivered>>,
    disconnects: AtomicU64,
    /// When the last broker in reach was lost.
    alone_at: Mutex<Option<Instant>>,
}

/// The first record that was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    pub topic: String,
    pub code: RDKafkaErrorCode,
}

impl ProducerEar {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            failed: Mutex::default(),
            disconnects: AtomicU64::new(0),
            alone_at: Mutex::default(),
        }
    }

    /// What was not delivered since the last time this was asked.
    pub fn take_failed(&self) -> Option<Undelivered> {
        lock(&self.failed).take()
    }

    /// Whether no broker was in reach at some time since.
    pub fn was_alone_since(&self, since: Instant) -> bool {
        lock(&self.alone_at).is_some_and(|at| at >= since)
    }

    /// Connections lost so far: what was under way on one may have been sent twice.
    pub fn disconnects(&self) -> u64 {
        self.disconnects.load(Ordering::Relaxed)
    }
}

impl ClientContext for ProducerEar {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log(&self.name, level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(client = self.name, %error, reason, "librdkafka says");
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::BrokerTransportFailure) => _ = self.disconnects.fetch_add(1, Ordering::Relaxed),
            Some(RDKafkaErrorCode::AllBrokersDown) => *lock(&self.alone_at) = Some(Instant::now()),
            _ => {}
        }
    }
}

impl ProducerContext<NoCustomPartitioner> for ProducerEar {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        let Err((error, message)) = result else { return };
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        let mut failed = lock(&self.failed);
        // What an abort threw away tells nothing; the first failure caused it.
        let purged = matches!(code, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight);
        if failed.is_none() && !purged {
            *failed = Some(Undelivered { topic: message.topic().to_owned(), code });
        }
    }
}
