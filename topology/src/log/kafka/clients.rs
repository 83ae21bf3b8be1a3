//! Settings of each kind of client, with the reason for each figure.

use super::{names::Names, settings::KafkaSettings};
use crate::log::{Outgoing, StreamSpec};
use bytes::Bytes;
use rdkafka::{ClientConfig, config::RDKafkaLogLevel};
use std::time::Duration;

/// How fast a stream must notice and give up.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// A member that is silent for so long is dead. Kill -9 of AUTH's owner costs this and a rebalance: 8 s at most.
    pub session: Duration,
    /// A member's request that is not answered for so long is sent again over a new connection: while there is time for
    /// a heartbeat.
    pub request: Duration,
    /// How often a member shows that it lives, and so how soon it hears of a rebalance.
    pub heartbeat: Duration,
    /// A transaction that stays open for so long is aborted by the broker. Until then it holds back every reader of
    /// its partitions; a live producer needs tens of milliseconds.
    pub transaction: Duration,
    /// A record that is not acknowledged for so long has failed; must be less than the transaction has.
    pub message: Duration,
    /// Transactional producers that take turns: the next transaction need not wait for the markers of the last.
    pub producers: usize,
    /// Records that are read ahead, for each partition.
    pub read_ahead: u32,
    /// How long a broker may keep a fetch that finds nothing. New records end it at once; partitions that are resumed,
    /// sought or assigned meanwhile wait for its end, so that this is a part of how late a DELAY slot is read.
    pub fetch_wait: Duration,
}

impl Pace {
    /// Of a stream that is urgent (AUTH) or is not.
    pub fn of(urgent: bool) -> Self {
        let (s, ms) = (Duration::from_secs, Duration::from_millis);
        if urgent {
            Self {
                session: s(6),
                request: s(3),
                heartbeat: ms(500),
                transaction: s(4),
                message: s(3),
                producers: 3,
                read_ahead: 1_000,
                fetch_wait: ms(200),
            }
        } else {
            Self {
                session: s(10),
                request: s(5),
                heartbeat: s(1),
                transaction: s(12),
                message: s(9),
                producers: 1,
                read_ahead: 10_000,
                fetch_wait: ms(300),
            }
        }
    }
}

/// Longest time a member may go without a poll before the group goes on without it: a stream whose thread hangs.
const POLL_INTERVAL: Duration = Duration::from_secs(120);

/// How long a connection to a broker may rest before it is made anew by the next request.
const REST: Duration = Duration::from_secs(180);

/// Largest record, with what is around it (see [`RECORD_BYTES`](crate::log::RECORD_BYTES)), and largest request for one
/// partition.
const MESSAGE_MAX_BYTES: &str = "2097152";

/// Bytes handed to a producer before the next flush: no more than one request takes.
///
/// An idempotent producer of librdkafka has one request under way for each partition, and spins on a core as long as
/// more waits behind it: up to 20 of 31 CPU-us a message were that, and more on a busy machine.
const REQUEST_BYTES: usize = 1_500_000;

/// Records in parts that a producer may be handed between two flushes; a larger record is a part of its own.
pub fn requests(mut records: &[Outgoing]) -> impl Iterator<Item = &[Outgoing]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |record: &&Outgoing| {
            let first = bytes == 0;
            bytes += wire_bytes(record);
            first || bytes <= REQUEST_BYTES
        };
        let (part, rest) = records.split_at(records.iter().take_while(fits).count());
        records = rest;
        (!part.is_empty()).then_some(part)
    })
}

/// What a record takes of a request, at most.
fn wire_bytes(record: &Outgoing) -> usize {
    let bytes = |part: &Option<Bytes>| part.as_ref().map_or(0, Bytes::len);
    let headers: usize = record.headers.iter().map(|(name, value)| name.len() + value.len() + 10).sum();
    bytes(&record.key) + bytes(&record.value) + headers + 50
}

fn ms(duration: Duration) -> String {
    duration.as_millis().to_string()
}

/// What all clients share; the deployment's own properties come last and win.
fn base(settings: &KafkaSettings, client_id: String) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &settings.bootstrap_servers)
        .set("client.id", client_id)
        // A broker that comes back is found within a second, not ten.
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        // For ever by default, until the broker ends it after 10 minutes: firewalls and balancers forget a connection at
        // rest after 4 to 6 and say nothing, and a login code after a quiet hour would wait for its time-out.
        .set("connections.max.idle.ms", ms(REST))
        // 100 by default: AddOffsetsToTxn waits this long when the last transaction's markers are still on their way.
        .set("retry.backoff.ms", "5")
        .set("retry.backoff.max.ms", "500")
        // Figures that brokers may ask for: a process has a hundred clients, and each keeps 300 KB of them.
        .set("enable.metrics.push", "false")
        // Ends of connections are told on this level, and nowhere else.
        .set_log_level(RDKafkaLogLevel::Info);
    config
}

fn with_properties(mut config: ClientConfig, settings: &KafkaSettings) -> ClientConfig {
    for (key, value) in &settings.properties {
        config.set(key, value);
        if key == "debug" {
            config.set_log_level(RDKafkaLogLevel::Debug);
        }
    }
    config
}

/// What every consumer shares, with a group or without.
fn consumer(settings: &KafkaSettings, client_id: String) -> ClientConfig {
    let mut config = base(settings, client_id);
    config
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // A position that is gone is a loud stop: neither resend nor skip.
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        // 35 of them share a process: 64 MB each by default. As much as one partition's fetch brings, with what is under way.
        .set("queued.max.messages.kbytes", "256")
        .set("fetch.max.bytes", "4194304")
        // Of each partition, as it is compressed: bulk jobs unfold to ten times that and more. One batch always comes
        // whole, however large.
        .set("fetch.message.max.bytes", "65536")
        // 1000 by default: with small queues that is a second without a fetch.
        .set("fetch.queue.backoff.ms", "2")
        .set("fetch.error.backoff.ms", "50");
    config
}

/// A member of a stream's group.
pub fn member(settings: &KafkaSettings, names: &Names, spec: &StreamSpec, seat: usize, pace: Pace) -> ClientConfig {
    let mut config = consumer(settings, names.client_id(&spec.name));
    config
        .set("group.id", names.group(&spec.name))
        // Eager: a member gives up everything before anybody gets anything.
        .set("partition.assignment.strategy", "range")
        .set("session.timeout.ms", ms(pace.session))
        .set("heartbeat.interval.ms", ms(pace.heartbeat))
        .set("max.poll.interval.ms", ms(POLL_INTERVAL))
        .set("socket.timeout.ms", ms(pace.request))
        .set("queued.min.messages", pace.read_ahead.to_string())
        .set("fetch.wait.max.ms", ms(pace.fetch_wait))
        .set("statistics.interval.ms", ms(super::lag::REFRESHED_EVERY));
    if names.stable {
        // A process that died and is back within its session reads on at once, instead of waiting for the session of
        // the member it was before.
        config.set("group.instance.id", names.instance_id(seat));
    }
    with_properties(config, settings)
}

/// A consumer that reads what it is told; its group is a name that nobody joins, which librdkafka wants to assign.
pub fn reader(settings: &KafkaSettings, names: &Names) -> ClientConfig {
    let mut config = consumer(settings, names.client_id("reader"));
    config
        .set("group.id", names.group("reader"))
        .set("queued.min.messages", "10000")
        // The next range cannot be fetched before the broker has let go of a fetch behind the last one.
        .set("fetch.wait.max.ms", "10")
        // How a range ends whose last offsets are no records.
        .set("enable.partition.eof", "true");
    with_properties(config, settings)
}

/// A client that only asks; of the end of a partition it is told all there is, open transactions too.
pub fn queries(settings: &KafkaSettings, names: &Names) -> ClientConfig {
    let mut config = base(settings, names.client_id("queries"));
    config.set("isolation.level", "read_uncommitted");
    with_properties(config, settings)
}

/// A consumer that commits where a group begins.
pub fn starter(settings: &KafkaSettings, names: &Names, stream: &str) -> ClientConfig {
    let mut config = consumer(settings, names.client_id("admin"));
    config.set("group.id", names.group(stream));
    with_properties(config, settings)
}

fn producer(settings: &KafkaSettings, client_id: String) -> ClientConfig {
    let mut config = base(settings, client_id);
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // Java's default partitioner, so that other clients' records of a key meet ours.
        .set("partitioner", "murmur2_random")
        .set("compression.type", "lz4")
        // Nothing leaves before the flush, and then all of a partition's in one request: see [`REQUEST_BYTES`].
        .set("linger.ms", "1000")
        .set("batch.size", MESSAGE_MAX_BYTES)
        .set("message.max.bytes", MESSAGE_MAX_BYTES)
        .set("queue.buffering.max.kbytes", "65536")
        // What was delivered is no event: the flush counts.
        .set("delivery.report.only.error", "true");
    config
}

/// A producer of transactions.
pub fn transactional(settings: &KafkaSettings, names: &Names, stream: &str, k: usize, pace: Pace) -> ClientConfig {
    let mut config = producer(settings, names.client_id(stream));
    config
        .set("transactional.id", names.transactional_id(stream, k))
        .set("transaction.timeout.ms", ms(pace.transaction))
        .set("message.timeout.ms", ms(pace.message));
    with_properties(config, settings)
}

/// A producer of single appends.
pub fn plain(settings: &KafkaSettings, names: &Names) -> ClientConfig {
    let mut config = producer(settings, names.client_id("producer"));
    config.set("message.timeout.ms", ms(super::producer::PATIENCE));
    with_properties(config, settings)
}

/// Records that an appender may have under way: a queue that no broker empties is no place to wait in.
const UNDER_WAY: &str = "20000";

/// A producer of records that callers wait for: each one's end is told.
pub fn appending(settings: &KafkaSettings, names: &Names, name: &str, within: Duration) -> ClientConfig {
    let mut config = producer(settings, names.client_id(name));
    config
        .set("message.timeout.ms", ms(within))
        .set("delivery.report.only.error", "false")
        .set("queue.buffering.max.messages", UNDER_WAY)
        // Longer than a batch is handed over, and shorter than any time-out: what a broker that was away missed goes
        // without a flush.
        .set("linger.ms", "5");
    with_properties(config, settings)
}

/// A client that asks and tells about topics and groups.
pub fn admin(settings: &KafkaSettings, names: &Names) -> ClientConfig {
    with_properties(base(settings, names.client_id("admin")), settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_connection_rests_longer_than_firewalls_remember_it_unless_the_deployment_says_so() {
        let mut settings = KafkaSettings::default();
        let rests = |settings: &KafkaSettings| {
            let (names, pace) = (Names::new(settings), Pace::of(true));
            let clients = [
                transactional(settings, &names, "sender", 0, pace),
                plain(settings, &names),
                appending(settings, &names, "door", pace.message),
                reader(settings, &names),
                admin(settings, &names),
            ];
            clients.map(|client| client.get("connections.max.idle.ms").map(str::to_owned))
        };
        assert_eq!(rests(&settings), [Some("180000"); 5].map(|rest| rest.map(str::to_owned)));
        settings.properties.insert("connections.max.idle.ms".into(), "0".into());
        assert_eq!(rests(&settings), [Some("0"); 5].map(|rest| rest.map(str::to_owned)));
    }
}
