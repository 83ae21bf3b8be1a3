//! Compares the cluster with what it should be, and tells every difference at once.

use super::{Cluster, Found, KafkaAdmin, Shape, Sources, create::Group, judge, topics, unanswered};
use crate::log::{
    LogError,
    kafka::{clients::Pace, transaction::TransactionalProducer},
};
use rdkafka::{
    admin::{ConfigResource, OwnedResourceSpecifier, ResourceSpecifier},
    error::KafkaError,
};
use schemas::{Topic, topics::Kind};
use std::{collections::BTreeMap, fmt};

/// Something that is not as it should be, in one line with its remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Nothing should run before this is mended.
    Wrong(String),
    /// Works, and could work better.
    Advice(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(line) => write!(f, "wrong: {line}"),
            Self::Advice(line) => write!(f, "advice: {line}"),
        }
    }
}

impl KafkaAdmin {
    /// Everything that differs from what the settings say. Errors only when the cluster does not answer.
    pub fn check(&self, topics: &[Topic], groups: &[Sources<'_>]) -> Result<Vec<Difference>, LogError> {
        let mut differences = self.check_shaped(topics, Shape::default(), groups)?;
        let brokers = self.look()?.brokers;
        self.compare_brokers(&brokers, &mut differences)?;
        differences.extend(self.try_transactions("check")?);
        Ok(differences)
    }

    /// What a process looks at before it starts: topics, their configurations and the brokers', in a few questions, and
    /// whether `stream` gets transactions, one of those that need them. What its groups are like, each of its streams finds
    /// out by itself.
    pub fn check_for_start(&self, topics: &[Topic], stream: Option<&str>) -> Result<Vec<Difference>, LogError> {
        let mut differences = Vec::new();
        let Cluster { brokers, topics: found } = self.look()?;
        if let Some(stream) = stream
            && let Some(wrong) = self.try_transactions(&format!("{stream}-check"))?
        {
            // On such brokers nothing else matters.
            return Ok(vec![wrong]);
        }
        self.compare_topics(topics, Shape::default(), &found, &mut differences);
        let present = self.present(topics, &found);
        for compared in
            [self.compare_configs(&present, &mut differences), self.compare_brokers(&brokers, &mut differences)]
        {
            match compared {
                // Who may read and write may not always ask for configurations.
                Err(LogError::Stop(line)) => differences.push(Difference::Advice(format!("not checked: {line}"))),
                compared => compared?,
            }
        }
        Ok(differences)
    }

    /// The same of topics alone, of another shape than the deployment's.
    pub fn check_shaped(
        &self,
        topics: &[Topic],
        shape: Shape,
        groups: &[Sources<'_>],
    ) -> Result<Vec<Difference>, LogError> {
        let mut differences = Vec::new();
        let found = self.look()?.topics;
        self.compare_topics(topics, shape, &found, &mut differences);
        self.compare_configs(&self.present(topics, &found), &mut differences)?;
        self.compare_groups(groups, &found, &mut differences)?;
        Ok(differences)
    }

    fn present(&self, topics: &[Topic], found: &BTreeMap<String, Found>) -> Vec<Topic> {
        topics.iter().copied().filter(|&topic| found.contains_key(self.shared.names.of(topic))).collect()
    }

    fn compare_topics(
        &self,
        topics: &[Topic],
        shape: Shape,
        found: &BTreeMap<String, Found>,
        differences: &mut Vec<Difference>,
    ) {
        let (copies, copies_key) = match shape.replicas {
            Some(replicas) => (replicas, "replicas"),
            None => (self.shared.settings.replication, "kafka.replication_factor"),
        };
        let on_cluster = |topic: Topic| found.get(self.shared.names.of(topic));
        for &topic in topics {
            let name = self.shared.names.of(topic);
            let Some(of) = on_cluster(topic) else {
                differences.push(Difference::Wrong(format!("topic {name} is missing: run `ims topics create`")));
                continue;
            };
            let wanted = usize::try_from(self.partitions_of(topic, shape)).unwrap_or(0);
            if of.partitions != wanted {
                let key = shape.partitions.map_or(topics::partitions_key(topic), |_| "partitions");
                let has = of.partitions;
                differences.push(Difference::Wrong(format!(
                    "topic {name} has {has} partitions, {key} says {wanted}: set {key} = {has} if the topic is right; \
                     adding partitions to a topic in use moves keys to other partitions"
                )));
            }
            if of.copies < usize::try_from(copies).unwrap_or(0) {
                differences.push(Difference::Advice(format!(
                    "topic {name} has {} copies, {copies_key} says {copies}: reassign its partitions",
                    of.copies
                )));
            }
            if let Kind::Open(lane) = topic.kind()
                && let Some(result) = on_cluster(Topic::result(lane))
                && result.partitions != of.partitions
            {
                let (result_name, has) = (self.shared.names.of(Topic::result(lane)), result.partitions);
                differences.push(Difference::Wrong(format!(
                    "topic {name} has {} partitions and {result_name} has {has}: each partition of one holds the state \
                     of the same partition of the other; stop all, delete {name} while nothing is open, make it again",
                    of.partitions
                )));
            }
        }
    }

    fn compare_configs(&self, topics: &[Topic], differences: &mut Vec<Difference>) -> Result<(), LogError> {
        let names: Vec<ResourceSpecifier<'_>> =
            topics.iter().map(|&topic| ResourceSpecifier::Topic(self.shared.names.of(topic))).collect();
        for resource in self.describe(&names)? {
            let OwnedResourceSpecifier::Topic(name) = &resource.specifier else { continue };
            let Some(topic) = self.shared.names.topic(name) else { continue };
            let has = |key: &str| resource.get(key).and_then(|entry| entry.value.clone());
            differences.extend(judge::topic(name, &topics::configs(&self.shared.settings, topic), has));
        }
        Ok(())
    }

    fn compare_brokers(&self, brokers: &[i32], differences: &mut Vec<Difference>) -> Result<(), LogError> {
        let names: Vec<ResourceSpecifier<'_>> = brokers.iter().map(|&id| ResourceSpecifier::Broker(id)).collect();
        for resource in self.describe(&names)? {
            let OwnedResourceSpecifier::Broker(id) = resource.specifier else { continue };
            let figure = |key: &str| resource.get(key).and_then(|entry| entry.value.as_ref()?.parse().ok());
            differences.extend(judge::broker(id, figure));
        }
        Ok(())
    }

    fn compare_groups(
        &self,
        groups: &[Sources<'_>],
        found: &BTreeMap<String, Found>,
        differences: &mut Vec<Difference>,
    ) -> Result<(), LogError> {
        let told = self.of_each_group(groups, |(stream, sources)| {
            let places = self.places(sources, found);
            if places.is_empty() {
                return Ok(None);
            }
            let group = Group::open(self, stream)?;
            let without = group.without_offset(&places)?;
            let all: Vec<String> = without.iter().map(|place| format!("{}/{}", place.topic, place.partition)).collect();
            Ok((!all.is_empty()).then(|| {
                Difference::Wrong(format!(
                    "group {} has no offset for {}: run `ims topics create` for topics that nobody wrote to yet; \
                     otherwise it was lost, set it with kafka-consumer-groups where this group shall go on",
                    group.name,
                    all.join(", ")
                ))
            }))
        })?;
        differences.extend(told.into_iter().flatten());
        Ok(())
    }

    /// Asks for a transactional id as every stream will, by a name that none of them has.
    pub(super) fn try_transactions(&self, name: &str) -> Result<Option<Difference>, LogError> {
        let tried = self.patiently(|| {
            let producer = TransactionalProducer::new(&self.shared, name, 0, Pace::of(false))?;
            match producer.init(self.answer())? {
                true => Ok(()),
                false => Err(LogError::Away("no answer about a transactional id".into())),
            }
        });
        judge::transactions(tried)
    }

    /// Configurations of topics in one request, of each broker in one of its own: librdkafka takes no two in one.
    fn describe(&self, what: &[ResourceSpecifier<'_>]) -> Result<Vec<ConfigResource>, LogError> {
        let is_broker = |one: &ResourceSpecifier<'_>| matches!(one, ResourceSpecifier::Broker(_));
        let (brokers, others): (Vec<_>, Vec<_>) = what.iter().copied().partition(is_broker);
        let requests = brokers.chunks(1).chain((!others.is_empty()).then_some(others.as_slice()));
        let mut told = Vec::with_capacity(what.len());
        for request in requests {
            told.extend(self.patiently(|| {
                let answers = futures_executor::block_on(self.client.describe_configs(request, &self.options()))
                    .map_err(|error| unanswered("configurations were not told", &error))?;
                let one = |code| unanswered("a configuration was not told", &KafkaError::AdminOp(code));
                answers.into_iter().map(|answer| answer.map_err(one)).collect::<Result<Vec<_>, _>>()
            })?);
        }
        Ok(told)
    }
}
