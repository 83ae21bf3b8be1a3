//! What the engine asks of a log: take records, append and commit in one transaction, know where it stands.
//!
//! Two logs answer: Apache Kafka, which is the product, and one in process, which serves the demo and drives the tests.
//! One contract suite holds for both.

pub mod kafka;
pub mod memory;

use bytes::Bytes;
use schemas::{Lane, Topic, topics::Kind};
use std::time::Duration;

/// A partition of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The topic.
    pub topic: Topic,
    /// Its partition.
    pub partition: i32,
}

/// Names of headers and their bytes, in order.
pub type Headers = Vec<(String, Bytes)>;

/// A record as it stands in the log.
#[derive(Debug, Clone)]
pub struct Record {
    /// Where it stands.
    pub place: Place,
    /// Its offset there.
    pub offset: i64,
    /// Unix milliseconds, as the log says.
    pub timestamp_ms: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; None is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers; most records have none.
    pub headers: Headers,
}

/// Largest record that the chain appends, bytes of key, value and headers: below the 2 MiB that its topics and clients take,
/// by what a record has around it.
pub const RECORD_BYTES: usize = 2_000_000;

/// A record to be appended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// Topic.
    pub topic: Topic,
    /// Partition; None lets the key decide, as Java's default partitioner does.
    pub partition: Option<i32>,
    /// Key.
    pub key: Option<Bytes>,
    /// Value; None is a tombstone.
    pub value: Option<Bytes>,
    /// Headers.
    pub headers: Headers,
}

/// Up to where a partition is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The partition.
    pub place: Place,
    /// The next offset to be read.
    pub next: i64,
    /// What the owner notes beside it, at most [`METADATA_LIMIT`] characters of ASCII.
    pub metadata: String,
}

/// Longest metadata a broker takes (offset.metadata.max.bytes); one more fails the transaction, every time.
pub const METADATA_LIMIT: usize = 4096;

/// Where offsets are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offsets {
    /// In the log, committed with the transaction. A group without offsets is a loud stop.
    Log,
    /// In the sink's own database: the stream seeks where the engine says, and commits none.
    Sink,
}

/// How a stream takes part.
#[derive(Debug, Clone)]
pub struct StreamSpec {
    /// `<role>-<LANE>`, for example `outcome-MASS`; names group, transactional ids, threads, metrics and log lines.
    pub name: String,
    /// Topics it reads.
    pub sources: Vec<Topic>,
    /// Where its offsets are kept.
    pub offsets: Offsets,
    /// Whether each commit must be fast (AUTH): short sessions, short transactions, producers in rotation.
    pub urgent: bool,
    /// Whether it appends anything; a sink into a database has no producer.
    pub produces: bool,
}

impl StreamSpec {
    /// Whether all that it reads is of the lanes that can wait: MASS and AD.
    pub fn bulk(&self) -> bool {
        let can_wait = |lane| matches!(lane, Lane::Mass | Lane::Ad);
        self.sources.iter().all(|topic| match topic.kind() {
            Kind::Api(lane) | Kind::Recv(_, lane) | Kind::Send(_, lane) | Kind::Result(lane) | Kind::Fallback(lane) => {
                can_wait(lane)
            }
            _ => false,
        })
    }
}

/// Bounds of one poll.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Records at most.
    pub records: usize,
    /// Bytes of values at most; one record may exceed it.
    pub bytes: usize,
    /// How long to wait for the first record.
    pub wait: Duration,
}

/// What a poll brought.
#[derive(Debug)]
pub enum Polled {
    /// Records were appended to the buffer, maybe none.
    Records,
    /// The stream owns these partitions now, each to be read from its position (next = committed, with metadata).
    /// Whatever was held before belongs to an older assignment: drop it. Comes after a rebalance, and after a commit
    /// that failed and rewound.
    Assigned(Vec<Position>),
    /// The partitions are about to go. Finish what is in flight, commit, then call [`Stream::release`]. A commit that
    /// fails and rewinds meanwhile gives `Assigned`, and then this once more.
    Revoking,
    /// The partitions are gone already (session lost): drop what is held, commit nothing. An `Assigned` follows.
    Lost,
}

/// Why a log could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The commit did not happen. The stream rewound to what is committed: the next poll gives `Assigned`, or `Lost`.
    #[error("commit failed, rewound to the committed offsets: {0}")]
    Rewound(String),
    /// The broker is away; the same call may succeed later. Nothing was changed.
    #[error("the log is away: {0}")]
    Away(String),
    /// Going on would lose or double messages, or cannot work: the process must stop and say so.
    #[error("{0}")]
    Stop(String),
}

/// A log.
pub trait Log: Send + Sync {
    /// Joins the stream's group. Both logs answer at once; partitions come with a later poll.
    fn stream(&self, spec: StreamSpec) -> Result<Box<dyn Stream>, LogError>;

    /// A producer outside any transaction, for jobs: what is sent from files, replay.
    fn producer(&self) -> Result<Box<dyn Producer>, LogError>;

    /// An appender outside any transaction, for the doors: many callers, each with a record of its own. One that is not
    /// acknowledged `within` has failed; `name` is for log lines.
    fn appender(&self, name: &str, within: Duration) -> Result<Box<dyn Appender>, LogError>;

    /// A reader without a group, for restoring state and for the ledger.
    fn reader(&self) -> Result<Box<dyn Reader>, LogError>;
}

/// One member of a group: a consumer and its transactional producer, owned by one thread.
pub trait Stream: Send {
    /// Takes what is there.
    fn poll(&mut self, limits: Limits, into: &mut Vec<Record>) -> Result<Polled, LogError>;

    /// Appends `outputs` and moves `positions` in one transaction; both or neither become visible. A position outside
    /// the current assignment is a [`LogError::Stop`]: the engine must have dropped it.
    fn commit(&mut self, outputs: &[Outgoing], positions: &[Position]) -> Result<(), LogError>;

    /// Commits positions without a transaction, checked by the broker: a member that lost its partitions gets an error.
    fn mark(&mut self, positions: &[Position]) -> Result<(), LogError>;

    /// Gives the partitions up, after [`Polled::Revoking`].
    fn release(&mut self) -> Result<(), LogError>;

    /// Stops fetching from a partition. Throws prefetched records away: for slots, not for records.
    fn pause(&mut self, places: &[Place]) -> Result<(), LogError>;

    /// Fetches again.
    fn resume(&mut self, places: &[Place]) -> Result<(), LogError>;

    /// Reads on from another offset.
    fn seek(&mut self, place: Place, offset: i64) -> Result<(), LogError>;

    /// Records behind this stream's position that are not yet read, for partitions it owns.
    fn lag(&mut self) -> Vec<(Place, i64)>;

    /// Where a stream whose offsets a sink keeps stands now, in partitions where it went past offsets that hold no record;
    /// the sink has stored all that it was given. One whose offsets are in the log moves them itself.
    fn passed(&mut self) -> Result<Vec<(Place, i64)>, LogError> {
        Ok(Vec::new())
    }

    /// How long ago the group last confirmed this member: a commit, mark or heartbeat that succeeded.
    fn since_confirmed(&self) -> Duration;

    /// Leaves the group after what was committed, so that others take over at once.
    fn leave(self: Box<Self>);
}

/// Appends outside transactions; each record is acknowledged by all in-sync replicas or reported.
pub trait Producer: Send {
    /// Appends all; returns when each is acknowledged. On an error some may have been appended.
    fn append(&mut self, records: &[Outgoing]) -> Result<(), LogError>;
}

/// Who waits for a record: told once, when all in-sync replicas have it or when it has failed. A record that has failed
/// may have been appended, or come to be.
pub type Told = Box<dyn FnOnce(Result<(), LogError>) + Send + Sync>;

/// Appends outside transactions, each record with an end of its own: one whose partition has no leader holds up no other.
pub trait Appender: Send {
    /// Appends records. Comes back when all that is under way has ended, or after `within`: the rest ends later.
    fn append(&mut self, records: Vec<(Outgoing, Told)>, within: Duration);

    /// Whether the log can be appended to, as far as is known without an append: asked after a failure.
    fn reach(&mut self, topic: Topic, within: Duration) -> Result<(), LogError>;
}

/// Reads partitions from given offsets, committed records only.
pub trait Reader: Send {
    /// Partitions of a topic; none when it does not exist.
    fn partitions(&mut self, topic: Topic) -> Result<Vec<i32>, LogError>;

    /// First offset still there, and the offset after the last record, open transactions included.
    fn bounds(&mut self, place: Place) -> Result<(i64, i64), LogError>;

    /// First offset whose timestamp is at or after the given one; None when there is none.
    fn offset_at(&mut self, place: Place, timestamp_ms: i64) -> Result<Option<i64>, LogError>;

    /// Gives every committed record in `[from, to)` to `each`, in order, waiting for open transactions to end.
    fn read(&mut self, place: Place, from: i64, to: i64, each: &mut dyn FnMut(Record)) -> Result<(), LogError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::chain;

    #[test]
    fn streams_of_mass_and_ads_are_bulk() {
        for node in chain().unwrap().nodes() {
            let (name, sources) = (node.name(), node.sources.clone());
            let spec = StreamSpec { name, sources, offsets: Offsets::Log, urgent: false, produces: true };
            assert_eq!(spec.bulk(), matches!(node.lane, Some(Lane::Mass | Lane::Ad)), "{}", spec.name);
        }
    }
}
