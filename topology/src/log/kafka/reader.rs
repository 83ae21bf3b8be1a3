//! Reads partitions without a group.

use super::{KafkaShared, clients, context::ConsumerEar, member::record_of, native};
use crate::log::{LogError, Place, Reader, Record};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode as Code},
};
use rustc_hash::FxHashSet;
use schemas::Topic;
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// So long nothing may come before the reader gives up: a transaction that stays open longer than any of ours, or a
/// broker that is away.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks whether a transaction has ended.
const LOOK: Duration = Duration::from_millis(50);
/// For a broker to say who leads the partitions of a topic.
const ANSWER: Duration = Duration::from_secs(2);

/// A reader; its consumer is made when it reads for the first time.
pub struct KafkaReader {
    shared: Arc<KafkaShared>,
    consumer: Option<BaseConsumer<ConsumerEar>>,
    /// Topics whose leaders its consumer knows.
    known: FxHashSet<Topic>,
}

impl KafkaReader {
    /// Connects to nothing yet.
    pub fn new(shared: &Arc<KafkaShared>) -> Self {
        Self { shared: Arc::clone(shared), consumer: None, known: FxHashSet::default() }
    }

    fn open(&mut self) -> Result<(), LogError> {
        if self.consumer.is_none() {
            let consumer: BaseConsumer<ConsumerEar> = clients::reader(&self.shared.settings, &self.shared.names)
                .create_with_context(ConsumerEar::new("reader", &self.shared.breaks))
                .map_err(|error| LogError::Stop(format!("no reader could be made: {error}")))?;
            // It is in no group: there is nothing to wait for when it ends.
            consumer.context().close();
            self.consumer = Some(consumer);
        }
        Ok(())
    }

    /// The end of a partition as a read_committed reader sees it: where the first open transaction begins.
    pub fn stable_end(&mut self, place: Place) -> Result<i64, LogError> {
        self.open()?;
        let Some(consumer) = &self.consumer else { return Ok(0) };
        // Asked by a consumer, it is the end that its isolation level lets it see.
        let bounds = consumer.fetch_watermarks(self.shared.names.of(place.topic), place.partition, ANSWER);
        bounds.map(|(_, end)| end).map_err(|error| self.shared.unanswered("the end", place, &error))
    }

    /// Waits until no transaction is open before an offset.
    fn until_stable(&mut self, place: Place, to: i64) -> Result<(), LogError> {
        let begun = Instant::now();
        loop {
            let trouble = match self.stable_end(place) {
                Ok(end) if end >= to => return Ok(()),
                Ok(end) => format!("a transaction is open from offset {end} on"),
                Err(LogError::Away(cause)) => cause,
                Err(error) => return Err(error),
            };
            if begun.elapsed() > PATIENCE {
                let (name, waited) = (self.shared.names.of(place.topic), PATIENCE.as_secs());
                let partition = place.partition;
                return Err(LogError::Away(format!("{name}/{partition}: not to be read for {waited} s: {trouble}")));
            }
            thread::sleep(LOOK);
        }
    }

    fn assign(&mut self, place: Place, from: i64) -> Result<(), LogError> {
        let Some(consumer) = &self.consumer else { return Ok(()) };
        let mut list = TopicPartitionList::with_capacity(1);
        let name = self.shared.names.of(place.topic);
        // librdkafka looks for the leaders of an assigned topic once a second; one that is known is read at once. Without
        // an answer it looks all the same.
        if !self.known.contains(&place.topic) && consumer.fetch_metadata(Some(name), ANSWER).is_ok() {
            self.known.insert(place.topic);
        }
        list.add_partition_offset(name, place.partition, Offset::Offset(from))
            .and_then(|()| consumer.assign(&list))
            .map_err(|error| LogError::Stop(format!("{name}/{} cannot be read: {error}", place.partition)))
    }
}

impl Reader for KafkaReader {
    fn partitions(&mut self, topic: Topic) -> Result<Vec<i32>, LogError> {
        self.shared.partitions(topic)
    }

    fn bounds(&mut self, place: Place) -> Result<(i64, i64), LogError> {
        self.shared.bounds(place)
    }

    fn offset_at(&mut self, place: Place, timestamp_ms: i64) -> Result<Option<i64>, LogError> {
        self.shared.offset_at(place, timestamp_ms)
    }

    fn read(&mut self, place: Place, from: i64, to: i64, each: &mut dyn FnMut(Record)) -> Result<(), LogError> {
        if from >= to {
            return Ok(());
        }
        self.until_stable(place, to)?;
        self.read_stable(place, from, to, each)
    }
}

impl KafkaReader {
    /// As [`Reader::read`], up to [`KafkaReader::stable_end`] at most: that is not asked for again.
    pub fn read_stable(
        &mut self,
        place: Place,
        from: i64,
        to: i64,
        each: &mut dyn FnMut(Record),
    ) -> Result<(), LogError> {
        self.open()?;
        self.assign(place, from)?;
        let Some(consumer) = &self.consumer else { return Ok(()) };
        let name = self.shared.names.of(place.topic);
        let at = || format!("{name}/{}", place.partition);
        let mut next = from;
        let mut heard_at = Instant::now();
        let ended = loop {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) if message.topic() == name && message.partition() == place.partition => {
                    let offset = message.offset();
                    if offset >= to {
                        break Ok(());
                    }
                    if offset >= next {
                        each(record_of(&message, place.topic));
                        next = offset + 1;
                    }
                    if next == to {
                        break Ok(());
                    }
                    heard_at = Instant::now();
                }
                // No transaction is open in the range: the end of what can be read is behind it.
                Some(Err(KafkaError::PartitionEOF(partition)))
                    if partition == place.partition
                        && native::high_watermark(consumer.client(), name, partition) >= Some(to) =>
                {
                    break Ok(());
                }
                Some(Err(KafkaError::MessageConsumption(
                    code @ (Code::BadMessage | Code::BadCompression | Code::InvalidMessage),
                ))) => {
                    break Err(LogError::Away(format!(
                        "{}: what stands from offset {next} on is spoilt: {code}",
                        at()
                    )));
                }
                Some(Err(KafkaError::MessageConsumption(Code::AutoOffsetReset))) => {
                    break Err(LogError::Stop(format!("{}: the records from {next} on are gone from the log", at())));
                }
                Some(Err(KafkaError::MessageConsumption(Code::UnknownTopic | Code::UnknownTopicOrPartition))) => {
                    break Err(LogError::Stop(format!("{} does not exist: run `ims topics create`", at())));
                }
                Some(Ok(_) | Err(_)) | None => {}
            }
            if heard_at.elapsed() > PATIENCE {
                let waited = PATIENCE.as_secs();
                break Err(LogError::Away(format!(
                    "{}: nothing came from offset {next} on for {waited} s: the broker is away",
                    at()
                )));
            }
        };
        // The next range may be elsewhere: what is fetched ahead is thrown away.
        if let Err(error) = consumer.unassign() {
            tracing::warn!(%error, "a reader could not give its partition up");
        }
        ended
    }
}

impl Drop for KafkaReader {
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            self.shared.drop_aside(consumer);
        }
    }
}
