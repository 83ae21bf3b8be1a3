//! Makes what is missing.

use super::{ANSWER, AT_ONCE, Difference, KafkaAdmin, Sources, topics, unanswered};
use crate::log::{
    LogError, Place,
    kafka::{clients, context::ConsumerEar, native},
};
use rdkafka::{
    Offset, TopicPartitionList,
    admin::{NewTopic, TopicReplication},
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::{KafkaError, RDKafkaErrorCode as Code},
};
use schemas::Topic;
use std::collections::BTreeSet;

/// What topics are made like; none: as the deployment says.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Partitions of each.
    pub partitions: Option<i32>,
    /// Copies of each partition.
    pub replicas: Option<i32>,
}

/// What was missing and now is there.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Made {
    /// Topics.
    pub topics: Vec<Topic>,
    /// Groups that got start offsets, and for how many partitions.
    pub groups: Vec<(String, usize)>,
}

impl KafkaAdmin {
    /// Makes the topics that are missing, and lets each group begin where its topics begin. Nothing is made on brokers
    /// without transactions: no stream could use it.
    ///
    /// A start offset is committed only where nothing could have been read before: in a topic made just now, or one
    /// that nobody ever wrote to. Any other partition without an offset has lost it, and is left to
    /// [`KafkaAdmin::check`].
    pub fn create(&self, topics: &[Topic], groups: &[Sources<'_>]) -> Result<Made, LogError> {
        // Why nobody is reached is told by whoever is asked of topics; who gets no transaction hears of no answer alone.
        self.look()?;
        match self.try_transactions("check")? {
            Some(Difference::Wrong(line)) => Err(LogError::Stop(line)),
            Some(Difference::Advice(_)) | None => self.create_shaped(topics, Shape::default(), groups),
        }
    }

    /// The same with other partitions and copies than the deployment's: for topics that somebody asked for.
    pub fn create_shaped(&self, topics: &[Topic], shape: Shape, groups: &[Sources<'_>]) -> Result<Made, LogError> {
        let made = self.create_topics(topics, shape)?;
        self.wait_for(&made, shape)?;
        let groups = self.start_groups(groups, &made)?;
        Ok(Made { topics: made, groups })
    }

    pub(super) fn partitions_of(&self, topic: Topic, shape: Shape) -> i32 {
        shape.partitions.unwrap_or_else(|| topics::partitions(&self.shared.settings, topic))
    }

    fn create_topics(&self, wanted: &[Topic], shape: Shape) -> Result<Vec<Topic>, LogError> {
        let shared = &self.shared;
        // Who may not make topics may still use those that somebody made.
        let there = self.look()?.topics;
        let missing: Vec<Topic> =
            wanted.iter().copied().filter(|&topic| !there.contains_key(shared.names.of(topic))).collect();
        let mut made = Vec::new();
        for some in missing.chunks(AT_ONCE) {
            let configs: Vec<_> = some.iter().map(|&topic| topics::configs(&shared.settings, topic)).collect();
            let new = some.iter().zip(&configs).map(|(&topic, configs)| {
                let replication = TopicReplication::Fixed(shape.replicas.unwrap_or(shared.settings.replication));
                let new = NewTopic::new(shared.names.of(topic), self.partitions_of(topic, shape), replication);
                configs.iter().fold(new, |new, (key, value)| new.set(key, value))
            });
            let new: Vec<NewTopic<'_>> = new.collect();
            self.patiently(|| {
                let answers = futures_executor::block_on(self.client.create_topics(&new, &self.options()))
                    .map_err(|error| unanswered("topics could not be made", &error))?;
                let mut failed = None;
                for (topic, answer) in some.iter().zip(answers) {
                    match answer {
                        Ok(_) => made.push(*topic),
                        Err((_, Code::TopicAlreadyExists)) => {}
                        Err((name, code)) => failed = failed.or(Some(self.not_made(&name, shape, code))),
                    }
                }
                failed.map_or(Ok(()), Err)
            })?;
        }
        Ok(made)
    }

    fn not_made(&self, name: &str, shape: Shape, code: Code) -> LogError {
        match code {
            Code::InvalidReplicationFactor => {
                let (copies, key) = match shape.replicas {
                    Some(replicas) => (replicas, "replicas"),
                    None => (self.shared.settings.replication, "kafka.replication_factor"),
                };
                LogError::Stop(format!("{name}: the cluster has too few brokers for {copies} copies: set {key} lower"))
            }
            code => unanswered(&format!("{name} could not be made"), &KafkaError::AdminOp(code)),
        }
    }

    /// Returns when brokers tell of the new topics: metadata comes some time after the topic.
    fn wait_for(&self, topics: &[Topic], shape: Shape) -> Result<(), LogError> {
        self.patiently(|| {
            let found = self.look_once()?.topics;
            let is_missing = |&&topic: &&Topic| {
                let partitions = found.get(self.shared.names.of(topic)).map_or(0, |of| of.partitions);
                partitions as i64 != i64::from(self.partitions_of(topic, shape))
            };
            match topics.iter().find(is_missing) {
                None => Ok(()),
                Some(topic) => Err(LogError::Away(format!("{topic} was made, and brokers do not tell of it yet"))),
            }
        })
    }

    fn start_groups(&self, groups: &[Sources<'_>], made: &[Topic]) -> Result<Vec<(String, usize)>, LogError> {
        let new: BTreeSet<Topic> = made.iter().copied().collect();
        let found = self.look()?.topics;
        let started = self.of_each_group(groups, |(stream, sources)| {
            let group = Group::open(self, stream)?;
            let mut fresh = Vec::new();
            for place in group.without_offset(&self.places(sources, &found))? {
                if new.contains(&place.topic) || self.patiently(|| self.shared.bounds(place))? == (0, 0) {
                    fresh.push(place);
                }
            }
            if !fresh.is_empty() {
                group.start(&fresh)?;
            }
            Ok((group.name, fresh.len()))
        })?;
        Ok(started.into_iter().filter(|(_, partitions)| *partitions > 0).collect())
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
            .create_with_context(ConsumerEar::new("admin", &shared.breaks))
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
        // The first group of a cluster has to wait for its coordinator.
        let entries = self.admin.patiently(|| {
            let answer = self.consumer.committed_offsets(list.clone(), self.admin.answer());
            let entries = native::entries(&answer.map_err(|error| fail(&error))?);
            match entries.iter().find_map(|entry| entry.error) {
                Some(code) => Err(fail(&KafkaError::OffsetFetch(code))),
                None => Ok(entries),
            }
        })?;
        let mut without = Vec::new();
        for entry in entries {
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
        self.admin.patiently(|| {
            let within = ANSWER.max(self.admin.patience);
            let _watched = self.admin.shared.watchdog.watch(within, || format!("start offsets of {}", self.name));
            self.consumer.commit(&list, CommitMode::Sync).map_err(|error| match error.rdkafka_error_code() {
                Some(Code::UnknownMemberId) => LogError::Stop(format!(
                    "group {} has members at work: stop them, so that it can be given start offsets for its new topics",
                    self.name
                )),
                _ => unanswered(&format!("start offsets of group {}", self.name), &error),
            })
        })
    }
}
