//! What can be asked about topics without reading them; one client serves the whole process.

use super::{KafkaShared, clients, context::ConsumerEar, failure::is_away};
use crate::log::{LogError, Place};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode as Code},
};
use schemas::Topic;
use std::{sync::OnceLock, time::Duration};

/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(5);

/// The client, made when something is asked for the first time.
#[derive(Default)]
pub struct Queries(OnceLock<BaseConsumer<ConsumerEar>>);

impl KafkaShared {
    fn ask(&self) -> Result<&BaseConsumer<ConsumerEar>, LogError> {
        if let Some(client) = self.queries.0.get() {
            // Nobody waits for what it has to say in between; unheard, it would pile up.
            client.poll(Duration::ZERO);
            return Ok(client);
        }
        let made = clients::queries(&self.settings, &self.names)
            .create_with_context(ConsumerEar::new("queries", &self.breaks))
            .map_err(|error| LogError::Stop(format!("no client could be made: {error}")))?;
        Ok(self.queries.0.get_or_init(|| made))
    }

    /// Partitions of a topic; none when it does not exist.
    pub(super) fn partitions(&self, topic: Topic) -> Result<Vec<i32>, LogError> {
        self.partitions_of(self.names.of(topic))
    }

    /// The same of any topic on the cluster.
    pub(super) fn partitions_of(&self, name: &str) -> Result<Vec<i32>, LogError> {
        let _watched = self.watchdog.watch(ANSWER, || format!("metadata of {name}"));
        let metadata =
            self.ask()?.fetch_metadata(Some(name), ANSWER).map_err(|error| unanswered("partitions", name, &error))?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == name) else { return Ok(Vec::new()) };
        match found.error().map(Code::from) {
            None => {}
            Some(Code::UnknownTopic | Code::UnknownTopicOrPartition) => return Ok(Vec::new()),
            Some(code) => return Err(unanswered("partitions", name, &KafkaError::MetadataFetch(code))),
        }
        let mut partitions: Vec<i32> = found.partitions().iter().map(|partition| partition.id()).collect();
        partitions.sort_unstable();
        Ok(partitions)
    }

    /// First offset still there, and the one after the last, whether or not its transaction has ended.
    pub(super) fn bounds(&self, place: Place) -> Result<(i64, i64), LogError> {
        let name = self.names.of(place.topic);
        let watched = self.watchdog.watch(ANSWER, || format!("bounds of {name}"));
        let answer = self.ask()?.fetch_watermarks(name, place.partition, ANSWER);
        drop(watched);
        answer.map_err(|error| self.unanswered("bounds", place, &error))
    }

    /// First offset whose timestamp is at or after the given one.
    pub(super) fn offset_at(&self, place: Place, timestamp_ms: i64) -> Result<Option<i64>, LogError> {
        let name = self.names.of(place.topic);
        let fail = |error: &KafkaError| self.unanswered("offset of a time", place, error);
        let mut list = TopicPartitionList::with_capacity(1);
        // Negative times are words to Kafka: before 1970 there is nothing.
        list.add_partition_offset(name, place.partition, Offset::Offset(timestamp_ms.max(0)))
            .map_err(|error| fail(&error))?;
        let watched = self.watchdog.watch(ANSWER, || format!("offset of a time in {name}"));
        let found = self.ask()?.offsets_for_times(list, ANSWER);
        drop(watched);
        let found = found.map_err(|error| fail(&error))?;
        match super::native::entries(&found).first() {
            Some(entry) if entry.error.is_none() => Ok((entry.offset >= 0).then_some(entry.offset)),
            Some(entry) => Err(fail(&KafkaError::OffsetFetch(entry.error.unwrap_or(Code::Unknown)))),
            None => Ok(None),
        }
    }

    /// Of a partition without a leader librdkafka says the same as of one that does not exist: a broker that died is
    /// replaced within seconds, and until then its partitions are away.
    pub(super) fn unanswered(&self, what: &str, place: Place, error: &KafkaError) -> LogError {
        let of = format!("{}/{}", self.names.of(place.topic), place.partition);
        if error.rdkafka_error_code() == Some(Code::UnknownPartition) {
            match self.partitions(place.topic) {
                Ok(known) if known.contains(&place.partition) => {
                    return LogError::Away(format!("{what} of {of}: it has no leader"));
                }
                Ok(_) => {}
                Err(error) => return error,
            }
        }
        unanswered(what, &of, error)
    }
}

fn unanswered(what: &str, of: &str, error: &KafkaError) -> LogError {
    match error.rdkafka_error_code() {
        Some(Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicOrPartition) => {
            LogError::Stop(format!("{of} does not exist: run `ims topics create`"))
        }
        Some(code) if !is_away(code) => LogError::Stop(format!("{what} of {of}: {error}")),
        _ => LogError::Away(format!("{what} of {of}: {error}")),
    }
}
