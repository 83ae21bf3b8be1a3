//! How our topics, groups and transactional ids are called on the cluster.

use super::settings::KafkaSettings;
use rustc_hash::FxHashMap;
use schemas::Topic;
use std::{
    collections::{BTreeSet, hash_map::RandomState},
    hash::{BuildHasher, Hasher},
    sync::{Mutex, PoisonError, RwLock},
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
    /// Of routing groups' topics, which come while the program runs; they live as long as it does.
    of_groups: RwLock<FxHashMap<Topic, &'static str>>,
    prefix: String,
}

impl Names {
    /// Names as the settings have it.
    pub fn new(settings: &KafkaSettings) -> Self {
        let stable = !settings.instance.is_empty();
        let instance = if stable { settings.instance.clone() } else { random() };
        let prefix = settings.topic_prefix.clone();
        let by_topic = Topic::all().iter().map(|&topic| (topic, format!("{prefix}{topic}"))).collect();
        Self {
            deployment: settings.deployment.clone(),
            instance,
            stable,
            by_topic,
            of_groups: RwLock::default(),
            prefix,
        }
    }

    /// A topic's name on the cluster.
    pub fn of(&self, topic: Topic) -> &str {
        if let Some(name) = self.by_topic.get(&topic) {
            return name;
        }
        if let Some(name) = self.of_groups.read().unwrap_or_else(PoisonError::into_inner).get(&topic) {
            return name;
        }
        let mut of_groups = self.of_groups.write().unwrap_or_else(PoisonError::into_inner);
        of_groups.entry(topic).or_insert_with(|| kept(format!("{}{topic}", self.prefix)))
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

/// A name for as long as the program lives, one for all deployments that it ever opens.
fn kept(name: String) -> &'static str {
    static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = all.get(&*name).copied() {
        return kept;
    }
    let name: &str = Box::leak(name.into_boxed_str());
    all.insert(name);
    name
}

/// Sixteen hexadecimal digits that no other process has: the standard library seeds its hashers from the system.
fn random() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::Family;

    #[test]
    fn a_group_topics_name_is_kept_once_however_often_a_deployment_is_opened() {
        let topic: Topic = Topic::group(Family::Sms, "VIP_7").unwrap();
        let name = |prefix: &str| {
            let names = Names::new(&KafkaSettings { topic_prefix: prefix.into(), ..KafkaSettings::default() });
            let name = names.of(topic);
            (name.to_owned(), name.as_ptr() as usize)
        };
        let (first, again) = (name("names-test."), name("names-test."));
        assert_eq!(first.0, "names-test.SEND-SMS-VIP_7");
        assert_eq!(first, again);
        assert_eq!(name("other-test.").0, "other-test.SEND-SMS-VIP_7");
    }
}
