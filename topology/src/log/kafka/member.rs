//! The consumer of a stream: a member of its group.

use super::{
    KafkaShared,
    aside::Aside,
    clients::{self, Pace},
    context::{ConsumerEar, Rebalance, lock},
    failure::{Reason, Sort, is_away},
    native::{self, Lines, Membership},
    watchdog::Watched,
};
use crate::log::{LogError, Place, Position, Record, StreamSpec};
use bytes::Bytes;
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::BorrowedMessage,
};
use schemas::Topic;
use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

/// Longest wait for a broker's answer in one turn of the stream.
const ANSWER: Duration = Duration::from_secs(2);
/// Longest wait for the group to take note that a member leaves.
const GOODBYE: Duration = Duration::from_secs(2);

/// What one poll of the consumer brought.
pub enum Heard {
    Nothing,
    Record(Record),
    Rebalance(Rebalance),
    /// The position of some partition is not in the log any more.
    Gone(String),
    /// No broker is in reach.
    Away(String),
    /// Another member of the same name took over; this one is of no more use.
    Replaced,
}

/// A consumer that is, or wants to be, a member of a group.
pub struct Member {
    joined: Option<Arc<Joined>>,
    /// Where commits are made from.
    aside: Aside,
    ending: Option<Ending>,
    shared: Arc<KafkaShared>,
    group: String,
    /// One of its topics.
    topic: String,
    stream: String,
    pace: Pace,
}

/// The consumer. A commit that nobody waits for any more keeps it until it comes back.
struct Joined {
    lines: Lines,
    consumer: BaseConsumer<ConsumerEar>,
    /// Dropped with the consumer, which tells [`Ending`].
    _gone: mpsc::Sender<()>,
}

impl Member {
    /// Makes the consumer and lets it join.
    pub fn join(shared: &Arc<KafkaShared>, spec: &StreamSpec, seat: usize, pace: Pace) -> Result<Self, LogError> {
        let config = clients::member(&shared.settings, &shared.names, spec, seat, pace);
        let consumer: BaseConsumer<ConsumerEar> = config
            .create_with_context(ConsumerEar::new(&spec.name, &shared.breaks))
            .map_err(|error| LogError::Stop(format!("the consumer of {} could not be made: {error}", spec.name)))?;
        let lines = Lines::of(consumer.client());
        let topics: Vec<&str> = spec.sources.iter().map(|&topic| shared.names.of(topic)).collect();
        consumer
            .subscribe(&topics)
            .map_err(|error| LogError::Stop(format!("{} cannot subscribe to {topics:?}: {error}", spec.name)))?;
        let group = shared.names.group(&spec.name);
        let topic = topics.first().copied().unwrap_or_default().to_owned();
        let (gone, wait) = mpsc::channel();
        Ok(Self {
            joined: Some(Arc::new(Joined { lines, consumer, _gone: gone })),
            aside: Aside::new(&spec.name),
            ending: Some(Ending(wait)),
            shared: Arc::clone(shared),
            group,
            topic,
            stream: spec.name.clone(),
            pace,
        })
    }

    fn joined(&self) -> Result<&Arc<Joined>, LogError> {
        self.joined.as_ref().ok_or_else(|| LogError::Stop(format!("{} has left its group", self.stream)))
    }

    fn consumer(&self) -> Result<&BaseConsumer<ConsumerEar>, LogError> {
        Ok(&self.joined()?.consumer)
    }

    fn watch(&self, within: Duration, what: &str) -> Watched<'_> {
        self.shared.watchdog.watch(within, || format!("{what} of {}", self.stream))
    }

    /// Waits for a record or a rebalance.
    pub fn poll(&self, wait: Duration) -> Result<Heard, LogError> {
        let Joined { lines, consumer, .. } = &**self.joined()?;
        let polled = consumer.poll(wait);
        if !matches!(polled, Some(Ok(_))) {
            lines.hear(consumer.client());
        }
        if let Some(rebalance) = consumer.context().take_rebalance() {
            // A rebalance comes without a record: the crate's poll returns after each event.
            return Ok(Heard::Rebalance(rebalance));
        }
        match polled {
            None => Ok(Heard::Nothing),
            Some(Ok(message)) => {
                let topic = self.shared.names.topic(message.topic());
                Ok(topic.map_or(Heard::Nothing, |topic| Heard::Record(record_of(&message, topic))))
            }
            Some(Err(error)) => self.hear(error),
        }
    }

    /// Which errors of a poll matter; the others, librdkafka deals with itself.
    fn hear(&self, error: KafkaError) -> Result<Heard, LogError> {
        let consumer = self.consumer()?;
        let words = lock(&consumer.context().last_words).clone();
        let stream = &self.stream;
        match error {
            KafkaError::MessageConsumptionFatal(Code::FencedInstanceId) => Ok(Heard::Replaced),
            KafkaError::MessageConsumptionFatal(_) => Err(LogError::Stop(format!("{stream} cannot read on: {words}"))),
            KafkaError::MessageConsumption(code) => match code {
                Code::AutoOffsetReset => Ok(Heard::Gone(words)),
                Code::UnknownTopic | Code::UnknownTopicOrPartition => {
                    Err(LogError::Away(format!("{words}; `ims topics create` makes missing topics")))
                }
                Code::GroupAuthorizationFailed | Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => {
                    Err(LogError::Stop(format!(
                        "{stream} may not read: {words}. Grant it READ on its topics and group"
                    )))
                }
                Code::AllBrokersDown | Code::Authentication | Code::SSL => Ok(Heard::Away(words)),
                _ => Ok(Heard::Nothing),
            },
            _ => Ok(Heard::Nothing),
        }
    }

    /// Whether a broker answers at all.
    pub fn reaches(&self, within: Duration) -> bool {
        let Ok(consumer) = self.consumer() else { return false };
        // The smallest question: a topic of our own.
        let topic = self.topic.as_str();
        consumer.fetch_metadata(Some(topic), within.max(Duration::from_millis(10))).is_ok()
    }

    /// Who this member is now.
    pub fn membership(&self) -> Option<Membership> {
        native::membership(self.consumer().ok()?.client())
    }

    /// What the group has committed, waiting for transactions of predecessors to end.
    pub fn committed(&self, places: &[Place]) -> Result<Vec<Position>, LogError> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let mut list = TopicPartitionList::with_capacity(places.len());
        for place in places {
            list.add_partition(self.shared.names.of(place.topic), place.partition);
        }
        let watched = self.watch(ANSWER, "committed");
        let answer = self.consumer()?.committed_offsets(list, ANSWER);
        drop(watched);
        let list = answer.map_err(|error| self.not_answered("committed offsets", &error))?;
        let mut positions = Vec::with_capacity(places.len());
        let mut missing = Vec::new();
        for entry in native::entries(&list) {
            if let Some(code) = entry.error {
                let error = KafkaError::OffsetFetch(code);
                return Err(self.not_answered(&format!("the offset of {}/{}", entry.topic, entry.partition), &error));
            }
            let Some(topic) = self.shared.names.topic(&entry.topic) else { continue };
            if entry.offset < 0 {
                missing.push(format!("{}/{}", entry.topic, entry.partition));
            } else {
                let place = Place { topic, partition: entry.partition };
                positions.push(Position { place, next: entry.offset, metadata: entry.metadata });
            }
        }
        if missing.is_empty() {
            return Ok(positions);
        }
        Err(LogError::Stop(format!(
            "group {} has no committed offset for {}: nothing is read twice or skipped by guess. For new topics run \
             `ims topics create`; otherwise the offsets were lost: set them with a tool of Kafka's",
            self.group,
            missing.join(", ")
        )))
    }

    fn not_answered(&self, what: &str, error: &KafkaError) -> LogError {
        let away = error.rdkafka_error_code().is_none_or(is_away);
        let text = format!("{what} of group {}: {error}", self.group);
        if away || Reason::of(what, error).sort == Sort::Passing { LogError::Away(text) } else { LogError::Stop(text) }
    }

    /// Reads these partitions from these offsets, and no others.
    pub fn assign<'p>(&self, positions: impl Iterator<Item = (&'p Place, i64)>) -> Result<(), LogError> {
        let list = self.list(positions)?;
        let _watched = self.watch(ANSWER, "assign");
        self.consumer()?.assign(&list).map_err(|error| self.refused("assign", &error))
    }

    /// Gives all partitions up.
    pub fn unassign(&self) -> Result<(), LogError> {
        let _watched = self.watch(ANSWER, "unassign");
        self.consumer()?.unassign().map_err(|error| self.refused("unassign", &error))
    }

    /// Reads partitions from other offsets; false when librdkafka has not begun with one of them.
    pub fn seek<'p>(&self, positions: impl Iterator<Item = (&'p Place, i64)>) -> Result<bool, LogError> {
        let list = self.list(positions)?;
        let _watched = self.watch(ANSWER, "seek");
        match self.consumer()?.seek_partitions(list, ANSWER) {
            Ok(list) => Ok(native::entries(&list).iter().all(|entry| entry.error.is_none())),
            Err(_) => Ok(false),
        }
    }

    pub fn pause(&self, places: &[Place]) -> Result<(), LogError> {
        let list = self.list(places.iter().map(|place| (place, 0)))?;
        self.consumer()?.pause(&list).map_err(|error| self.refused("pause", &error))
    }

    pub fn resume(&self, places: &[Place]) -> Result<(), LogError> {
        let list = self.list(places.iter().map(|place| (place, 0)))?;
        self.consumer()?.resume(&list).map_err(|error| self.refused("resume", &error))
    }

    /// A call that fails only when the consumer has ended with an error of its own.
    fn refused(&self, call: &str, error: &KafkaError) -> LogError {
        LogError::Stop(format!("{} cannot {call}: {error}", self.stream))
    }

    /// Commits without a transaction, and waits for the broker's answer, from a thread aside: without a coordinator the
    /// call waits for one as long as that takes. A member whose commit did not come back in time is of no more use.
    pub fn commit(&self, positions: &[Position]) -> Result<Result<(), Reason>, LogError> {
        let list = self.offsets(positions)?;
        let joined = Arc::clone(self.joined()?);
        let call = move || joined.consumer.commit(&list, CommitMode::Sync);
        match self.aside.call(self.pace.request, call, || false) {
            Ok(Some(answer)) => Ok(answer.map_err(|error| Reason::of("commit", &error))),
            Ok(None) => Ok(Err(Reason::passing("the commit was not answered in time"))),
            Err(error) => Err(LogError::Away(format!("no thread for commits of {}: {error}", self.stream))),
        }
    }

    /// Whether a connection of its consumer broke since this was last asked.
    pub fn take_broke(&self) -> bool {
        self.joined().is_ok_and(|joined| {
            joined.lines.hear(joined.consumer.client());
            joined.consumer.context().take_broke()
        })
    }

    /// Positions with what is noted beside them. A fresh list each time: metadata cannot be set twice.
    pub fn offsets(&self, positions: &[Position]) -> Result<TopicPartitionList, LogError> {
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for Position { place, next, metadata } in positions {
            let mut entry = list.add_partition(self.shared.names.of(place.topic), place.partition);
            entry.set_offset(Offset::Offset(*next)).map_err(|error| self.refused("commit", &error))?;
            if !metadata.is_empty() {
                entry.set_metadata(metadata);
            }
        }
        Ok(list)
    }

    fn list<'p>(&self, positions: impl Iterator<Item = (&'p Place, i64)>) -> Result<TopicPartitionList, LogError> {
        let mut list = TopicPartitionList::new();
        for (place, offset) in positions {
            list.add_partition_offset(self.shared.names.of(place.topic), place.partition, Offset::Offset(offset))
                .map_err(|error| self.refused("name its partitions", &error))?;
        }
        Ok(list)
    }

    /// The end of each partition as a read_committed reader sees it, asked in one round trip; those not answered are
    /// left out.
    pub fn ends(&self, places: &[Place]) -> Vec<(Place, i64)> {
        const LATEST: i64 = -1;
        let Ok(consumer) = self.consumer() else { return Vec::new() };
        let mut list = TopicPartitionList::with_capacity(places.len());
        for place in places {
            let added =
                list.add_partition_offset(self.shared.names.of(place.topic), place.partition, Offset::from_raw(LATEST));
            if added.is_err() {
                return Vec::new();
            }
        }
        let Ok(list) = consumer.offsets_for_times(list, Duration::from_millis(500)) else { return Vec::new() };
        let ends = native::entries(&list).into_iter().filter(|entry| entry.error.is_none() && entry.offset >= 0);
        ends.filter_map(|entry| {
            let topic = self.shared.names.topic(&entry.topic)?;
            Some((Place { topic, partition: entry.partition }, entry.offset))
        })
        .collect()
    }

    /// The end of a partition, open transactions included, as of its last fetch; None before one.
    pub fn end_as_fetched(&self, place: Place) -> Option<i64> {
        native::high_watermark(self.consumer().ok()?.client(), self.shared.names.of(place.topic), place.partition)
    }

    /// Records of a partition between a position and the end, as far as it is known without asking.
    pub fn lag(&self, place: Place, position: i64, end: Option<i64>) -> Option<i64> {
        let consumer = self.consumer().ok()?;
        let topic = self.shared.names.of(place.topic);
        let end = end.max(self.end_as_fetched(place))?;
        Some(lock(&consumer.context().standings).lag(topic, place.partition, position, end))
    }

    /// Leaves the group; returns when it knows, or after a while.
    pub fn leave(&mut self) {
        let Some(joined) = self.joined.take() else { return };
        let consumer = &joined.consumer;
        consumer.context().close();
        // A member with a stable name says goodbye only so: the mere end of its consumer lets others wait for its session.
        consumer.unsubscribe();
        let until = Instant::now() + GOODBYE;
        while native::membership(consumer.client()).is_some_and(|me| !me.member.is_empty()) && Instant::now() < until {
            // Serves the last rebalance.
            consumer.poll(Duration::from_millis(5));
        }
        self.joined = Some(joined);
        // The consumer waits for the broker's answer when it ends.
        self.end().wait(until.saturating_duration_since(Instant::now()));
    }

    /// Ends without a goodbye, on a thread of its own.
    pub fn end(&mut self) -> Ending {
        if let Some(joined) = self.joined.take() {
            joined.consumer.context().close();
            self.shared.drop_aside(joined);
        }
        // One whose end was asked for before has ended for whoever asks again.
        self.ending.take().unwrap_or_else(|| Ending(mpsc::channel().1))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.end();
    }
}

/// The end of a member, which may take a while: librdkafka finishes what is under way.
pub struct Ending(mpsc::Receiver<()>);

impl Ending {
    /// Whether it has ended within this time.
    pub fn wait(&self, within: Duration) -> bool {
        // Nothing is ever sent: the sender is dropped with the consumer.
        self.0.recv_timeout(within) == Err(mpsc::RecvTimeoutError::Disconnected)
    }
}

/// A record out of librdkafka's memory into ours.
pub fn record_of(message: &BorrowedMessage<'_>, topic: Topic) -> Record {
    Record {
        place: Place { topic, partition: message.partition() },
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis().unwrap_or(0),
        key: message.key().map(Bytes::copy_from_slice),
        value: message.payload().map(Bytes::copy_from_slice),
        headers: native::headers(message),
    }
}
