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
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When a connection to a broker broke, of all clients that share this.
#[derive(Debug, Default)]
pub struct Breaks(Mutex<Option<Instant>>);

impl Breaks {
    pub fn note(&self) {
        *lock(&self.0) = Some(Instant::now());
    }

    /// Whether one broke so recently.
    pub fn within(&self, time: Duration) -> bool {
        lock(&self.0).is_some_and(|at| at.elapsed() < time)
    }
}

/// A client's connections, as its log tells of them.
struct Connections {
    client: String,
    broke: AtomicBool,
    breaks: Arc<Breaks>,
}

impl Connections {
    fn new(client: &str, breaks: &Arc<Breaks>) -> Self {
        Self { client: client.to_owned(), broke: AtomicBool::new(false), breaks: Arc::clone(breaks) }
    }

    fn hear(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        if is_break(level, facility, line) {
            self.broke.store(true, Ordering::SeqCst);
            self.breaks.note();
        }
        log(&self.client, level, facility, line);
    }
}

/// Whether a line tells of a connection that ended with something under way, or of a request that was given up: it may
/// still arrive, and is sent again. Idle connections end on the level of debug, and one that was not made carried nothing.
/// Nothing else tells of it: an end is no error of librdkafka's, and its counters come with statistics alone.
fn is_break(level: RDKafkaLogLevel, facility: &str, line: &str) -> bool {
    let ended = facility == "FAIL" && !line.contains("Connect to ");
    (ended || facility == "REQTMOUT") && !matches!(level, RDKafkaLogLevel::Debug)
}

/// librdkafka's own lines, in ours. It repeats itself while a broker is away: nothing of it is an error of ours.
pub fn log(client: &str, level: RDKafkaLogLevel, facility: &str, line: &str) {
    match level {
        // A connection ended, and is made anew: each of a process's clients has one to each broker. A partition that has no
        // leader yet is asked about again and again.
        RDKafkaLogLevel::Warning | RDKafkaLogLevel::Info if matches!(facility, "FAIL" | "METADATAUPDATE") => {
            tracing::debug!(client, facility, "{line}");
        }
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
    rebalance: Mutex<Option<Rebalance>>,
    /// Nobody asks for rebalances any more: partitions are given up as soon as that is asked.
    closing: AtomicBool,
    /// What the last error said; librdkafka tells it apart from the error's code.
    pub last_words: Mutex<String>,
    /// Where the partitions stand.
    pub standings: Mutex<Standings>,
    connections: Connections,
}

impl ConsumerEar {
    pub fn new(name: &str, breaks: &Arc<Breaks>) -> Self {
        Self {
            rebalance: Mutex::default(),
            closing: AtomicBool::new(false),
            last_words: Mutex::default(),
            standings: Mutex::default(),
            connections: Connections::new(name, breaks),
        }
    }

    /// The rebalance that the last poll brought.
    pub fn take_rebalance(&self) -> Option<Rebalance> {
        lock(&self.rebalance).take()
    }

    /// Whether one of its connections broke since this was last asked: what was under way may have been sent twice.
    pub fn take_broke(&self) -> bool {
        self.connections.broke.swap(false, Ordering::SeqCst)
    }

    /// From here on the consumer only waits for its end.
    pub fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }
}

impl ClientContext for ConsumerEar {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.connections.hear(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(client = self.connections.client, %error, reason, "librdkafka says");
        reason.clone_into(&mut lock(&self.last_words));
    }

    fn stats_raw(&self, json: &[u8]) {
        match Standings::parse(json) {
            Ok(standings) => *lock(&self.standings) = standings,
            Err(error) => tracing::warn!(client = self.connections.client, %error, "statistics could not be read"),
        }
    }
}

impl ConsumerContext for ConsumerEar {
    /// Only takes note. librdkafka's group stands still until the stream calls assign or unassign, later and from
    /// its own thread: that gives the engine the time to finish what is in flight.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        if self.closing.load(Ordering::SeqCst) {
            if let Err(error) = consumer.unassign() {
                tracing::warn!(client = self.connections.client, %error, "partitions could not be given up");
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
    failed: Mutex<Option<Undelivered>>,
    connections: Connections,
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
    pub fn new(name: &str, breaks: &Arc<Breaks>) -> Self {
        Self { failed: Mutex::default(), connections: Connections::new(name, breaks), alone_at: Mutex::default() }
    }

    /// What was not delivered since the last time this was asked.
    pub fn take_failed(&self) -> Option<Undelivered> {
        lock(&self.failed).take()
    }

    /// Whether no broker was in reach at some time since.
    pub fn was_alone_since(&self, since: Instant) -> bool {
        lock(&self.alone_at).is_some_and(|at| at >= since)
    }

    /// Whether one of its connections ever broke: what was under way may have been sent twice.
    pub fn broke(&self) -> bool {
        self.connections.broke.load(Ordering::SeqCst)
    }
}

impl ClientContext for ProducerEar {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.connections.hear(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(client = self.connections.client, %error, reason, "librdkafka says");
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            *lock(&self.alone_at) = Some(Instant::now());
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

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::{
        ClientConfig,
        mocking::MockCluster,
        producer::{BaseProducer, BaseRecord, Producer},
    };

    fn until(what: &str, happened: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !happened() {
            assert!(Instant::now() < deadline, "{what} did not happen");
        }
    }

    /// A producer, and what its connections have in common with others'.
    fn producer(brokers: &str) -> (BaseProducer<ProducerEar>, Arc<Breaks>) {
        let breaks = Arc::default();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set_log_level(RDKafkaLogLevel::Info);
        (config.create_with_context(ProducerEar::new("test", &breaks)).unwrap(), breaks)
    }

    #[test]
    fn a_connection_that_ends_is_heard() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("test", 1, 1).unwrap();
        let (producer, breaks) = producer(&cluster.bootstrap_servers());
        producer.send(BaseRecord::<str, str>::to("test").payload("whatever")).unwrap();
        producer.flush(Duration::from_secs(30)).unwrap();
        assert!(!producer.context().broke() && !breaks.within(Duration::MAX));
        cluster.broker_down(1).unwrap();
        until("the end of its connection", || {
            producer.poll(Duration::from_millis(10));
            producer.context().broke()
        });
        assert!(breaks.within(Duration::MAX));
    }

    #[test]
    fn one_that_could_not_be_made_did_not_end() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (producer, breaks) = producer(&closed.to_string());
        let begun = Instant::now();
        until("that no broker is in reach", || {
            producer.poll(Duration::from_millis(10));
            producer.context().was_alone_since(begun)
        });
        assert!(!producer.context().broke() && !breaks.within(Duration::MAX));
    }
}
