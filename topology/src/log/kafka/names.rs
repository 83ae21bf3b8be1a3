//! How our topics, groups and transactional ids are called on the cluster.

use super::settings::KafkaSettings;
use rustc_hash::FxHashMap;
use schemas::Topic;
use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
};

/// The names of one deployment.
#[derive(Debug)]
pub struct Names {
    deployment: String,
    /// Configured, or random: then no later process has the same.
    pub instance: String,
    /// Whether the instance keeps its name over restarts.
    pub stable: bool,
    by_topic: FxHashMap<Topic, String>,
    prefix: String,
}

impl Names {
    /// Names as the settings have it.
    pub fn new(settings: &KafkaSettings) -> Self {
        let stable = !settings.instance.is_empty();
        let instance = if stable { settings.instance.clone() } else { random() };
        let prefix = settings.topic_prefix.clone();
        let by_topic = Topic::all().iter().map(|&topic| (topic, format!("{prefix}{topic}"))).collect();
        Self { deployment: settings.deployment.clone(), instance, stable, by_topic, prefix }
    }

    /// A topic's name on the cluster.
    pub fn of(&self, topic: Topic) -> &str {
        // Every topic is in the table that the map was made of.
        self.by_topic.get(&topic).map_or(topic.name(), String::as_str)
    }

    /// The topic of a name on the cluster, when it is one of ours.
    pub fn topic(&self, name: &str) -> Option<Topic> {
        name.strip_prefix(&self.prefix)?.parse().ok()
    }

    /// Group of a stream.
    pub fn group(&self, stream: &str) -> String {
        format!("{}-{stream}", self.deployment)
    }

    /// The k-th transactional id of a stream.
    pub fn transactional_id(&self, stream: &str, k: usize) -> String {
        format!("{}-{stream}-{}-{k}", self.deployment, self.instance)
    }

    /// What a member of a group is called over restarts.
    pub fn instance_id(&self, seat: usize) -> String {
        if seat == 0 { self.instance.clone() } else { format!("{}-{seat}", self.instance) }
    }

    /// What brokers call a client in their logs and quotas.
    pub fn client_id(&self, role: &str) -> String {
        format!("{}-{role}-{}", self.deployment, self.instance)
    }
}

/// Sixteen hexadecimal digits that no other process has: the standard library seeds its hashers from the system.
fn random() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
