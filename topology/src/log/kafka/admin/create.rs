//! Makes what is missing.

use super::{ANSWER, KafkaAdmin, Sources, options, topics, unanswered};
use crate::log::{
    LogError, Place,
    kafka::{clients, context::ConsumerEar, failure::is_away, native},
};
use rdkafka::{
    Offset, TopicPartitionList,
    admin::{NewTopic, TopicReplication},
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::{KafkaError, RDKafkaErrorCode as Code},
};
use schemas::Topic;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// Topics made with one request: a controller answers a request when all of its topics are there.
const AT_ONCE: usize = 50;

/// What was missing and now is there.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Made {
    /// Topics.
    pub topics: Vec<Topic>,
    /// Groups that got start offsets, and for how many partitions.
    pub groups: Vec<(String, usize)>,
}

impl KafkaAdmin {
    /// Makes the topics that are missing, and lets each group begin where its topics begin.
    ///
    /// A start offset is committed only where nothing could have been read before: in a topic made just now, or one
    /// that nobody ever wrote to. Any other partition without an offset has lost it, and is left to
    /// [`KafkaAdmin::check`].
    pub fn create(&self, topics: &[Topic], groups: &[Sources<'_>]) -> Result<Made, LogError> {
        let made = self.create_topics(topics)?;
        self.wait_for(&made)?;
        let groups = self.start_groups(groups, &made)?;
        Ok(Made { topics: made, groups })
    }

    fn create_topics(&self, wanted: &[Topic]) -> Result<Vec<Topic>, LogError> {
        let shared = &self.shared;
        let mut made = Vec::new();
        for some in wanted.chunks(AT_ONCE) {
            let configs: Vec<_> = some.iter().map(|&topic| topics::configs(&shared.settings, topic)).collect();
            let new = some.iter().zip(&configs).map(|(&topic, configs)| {
                let replication = TopicReplication::Fixed(shared.settings.replication);
                let new =
                    NewTopic::new(shared.names.of(topic), topics::partitions(&shared.settings, topic), replication);
                configs.iter().fold(new, |new, (key, value)| new.set(key, value))
            });
            let new: Vec<NewTopic<'_>> = new.collect();
            let answers = futures_executor::block_on(self.client.create_topics(&new, &options()))
                .map_err(|error| unanswered("topics could not be made", &error))?;
            for (topic, answer) in some.iter().zip(answers) {
                match answer {
                    Ok(_) => made.push(*topic),
                    Err((_, Code::TopicAlreadyExists)) => {}
                    Err((name, Code::InvalidReplicationFactor)) => {
                        let copies = shared.settings.replication;
                        return Err(LogError::Stop(format!(
                            "{name}: the cluster has too few brokers for {copies} copies: set kafka.replication lower"
                        )));
                    }
                    Err((name, code)) => {
                        return Err(unanswered(&format!("{name} could not be made"), &KafkaError::AdminOp(code)));
                    }
                }
            }
        }
        Ok(made)
    }

    /// Returns when brokers tell of the new topics: metadata comes some time after the topic.
    fn wait_for(&self, topics: &[Topic]) -> Result<(), LogError> {
        let deadline = Instant::now() + ANSWER;
        for &topic in topics {
            let wanted = topics::partitions(&self.shared.settings, topic);
            while self.shared.partitions(topic)?.len() as i64 != i64::from(wanted) {
                if Instant::now() > deadline {
                    return Err(LogError::Away(format!("{topic} was made, and brokers do not tell of it yet")));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    fn start_groups(&self, groups: &[Sources<'_>], made: &[Topic]) -> Result<Vec<(String, usize)>, LogError> {
        let new: BTreeSet<Topic> = made.iter().copied().collect();
        let mut partitions: BTreeMap<Topic, Vec<i32>> = BTreeMap::new();
        let mut started = Vec::new();
        for (stream, sources) in groups {
            let group = Group::open(self, stream)?;
            let mut places = Vec::new();
            for &topic in *sources {
                let known = match partitions.get(&topic) {
                    Some(known) => known,
                    None => partitions.entry(topic).or_insert(self.shared.partitions(topic)?),
                };
                places.extend(known.iter().map(|&partition| Place { topic, partition }));
            }
            let mut fresh = Vec::new();
            for place in group.without_offset(&places)? {
                if new.contains(&place.topic) || self.shared.bounds(place)? == (0, 0) {
                    fresh.push(place);
                }
            }
            if !fresh.is_empty() {
                group.start(&fresh)?;
                started.push((group.name, fresh.len()));
            }
        }
        Ok(started)
    }
}

/// A group seen from outside.
pub struct Group<'a> {
    admin: &'a KafkaAdmin,
    consumer: BaseConsumer<ConsumerEar>,
    /// Its name on the cluster.
    pub name: String,
}

impl<'a> Group<'a> {
    /// The group of a stream; nobody joins it by this.
    pub fn open(admin: &'a KafkaAdmin, stream: &str) -> Result<Self, LogError> {
        let shared = &admin.shared;
        let consumer: BaseConsumer<ConsumerEar> = clients::starter(&shared.settings, &shared.names, stream)
            .create_with_context(ConsumerEar::new("admin"))
            .map_err(|error| LogError::Stop(format!("no client could be made: {error}")))?;
        consumer.context().close();
        Ok(Self { admin, consumer, name: shared.names.group(stream) })
    }

    /// Partitions in which it has committed nothing.
    pub fn without_offset(&self, places: &[Place]) -> Result<Vec<Place>, LogError> {
        let names = &self.admin.shared.names;
        let mut list = TopicPartitionList::with_capacity(places.len());
        for place in places {
            list.add_partition(names.of(place.topic), place.partition);
        }
        let fail = |error: &KafkaError| unanswered(&format!("offsets of group {}", self.name), error);
        let answer = patiently(|| self.consumer.committed_offsets(list.clone(), ANSWER));
        let list = answer.map_err(|error| fail(&error))?;
        let mut without = Vec::new();
        for entry in native::entries(&list) {
            if let Some(code) = entry.error {
                return Err(fail(&KafkaError::OffsetFetch(code)));
            }
            if let Some(topic) = names.topic(&entry.topic)
                && entry.offset < 0
            {
                without.push(Place { topic, partition: entry.partition });
            }
        }
        Ok(without)
    }

    fn start(&self, places: &[Place]) -> Result<(), LogError> {
        let mut list = TopicPartitionList::with_capacity(places.len());
        for place in places {
            list.add_partition_offset(self.admin.shared.names.of(place.topic), place.partition, Offset::Offset(0))
                .map_err(|error| unanswered("start offsets", &error))?;
        }
        let _watched = self.admin.shared.watchdog.watch(ANSWER, || format!("start offsets of {}", self.name));
        match patiently(|| self.consumer.commit(&list, CommitMode::Sync)) {
            Ok(()) => Ok(()),
            Err(error) if error.rdkafka_error_code() == Some(Code::UnknownMemberId) => Err(LogError::Stop(format!(
                "group {} has members at work: stop them, so that it can be given start offsets for its new topics",
                self.name
            ))),
            Err(error) => Err(unanswered(&format!("start offsets of group {}", self.name), &error)),
        }
    }
}

/// Asks again while a group's coordinator is still being found: the first group of a cluster has to wait for it.
fn patiently<T>(ask: impl Fn() -> Result<T, KafkaError>) -> Result<T, KafkaError> {
    let deadline = Instant::now() + ANSWER;
    loop {
        match ask() {
            Err(error) if error.rdkafka_error_code().is_some_and(is_away) && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(50));
            }
            answer => return answer,
        }
    }
}
