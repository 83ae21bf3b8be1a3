//! What a deployment says about its Kafka.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// Where Kafka is, how this process is called there, and how topics are made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaSettings {
    /// `host:port,host:port`.
    pub bootstrap_servers: String,
    /// Prefix of every group and transactional id: two deployments on one cluster need two names.
    pub deployment: String,
    /// Name of this process among the processes of its deployment, the same after a restart. With it a restarted
    /// process ends at once what its predecessor left open. Empty: a random one for each start.
    pub instance: String,
    /// Put before every topic's name, for deployments that share a cluster. Usually empty.
    pub topic_prefix: String,
    /// Copies of each partition: 3 on a cluster, 1 on a laptop.
    pub replication: i32,
    /// Copies that must have a record before it is acknowledged: 2 of 3.
    pub min_in_sync_replicas: i32,
    /// Partitions of each topic of the chain.
    pub partitions: i32,
    /// Partitions of the DELAY topics.
    pub slots: Slots,
    /// Any property of librdkafka, given to every client: `security.protocol`, `sasl.username`, …
    pub properties: BTreeMap<String, String>,
}

/// Time slots of each ring: so many partitions has its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Slots {
    /// Seconds of DELAY-S and DELAY-S-AUTH.
    pub seconds: i32,
    /// Minutes of DELAY-M.
    pub minutes: i32,
    /// Hours of DELAY-H.
    pub hours: i32,
    /// Days of DELAY-D.
    pub days: i32,
}

impl Default for Slots {
    fn default() -> Self {
        Self { seconds: 256, minutes: 128, hours: 64, days: 128 }
    }
}

impl Default for KafkaSettings {
    /// A laptop: one broker, three partitions.
    fn default() -> Self {
        Self {
            bootstrap_servers: "127.0.0.1:9092".into(),
            deployment: "ims".into(),
            instance: String::new(),
            topic_prefix: String::new(),
            replication: 1,
            min_in_sync_replicas: 1,
            partitions: 3,
            slots: Slots::default(),
            properties: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for KafkaSettings {
    /// Properties by name only: values may be secrets (`sasl.password`, `ssl.key.pem`, `sasl.jaas.config`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSettings")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("deployment", &self.deployment)
            .field("instance", &self.instance)
            .field("topic_prefix", &self.topic_prefix)
            .field("replication", &self.replication)
            .field("min_in_sync_replicas", &self.min_in_sync_replicas)
            .field("partitions", &self.partitions)
            .field("slots", &self.slots)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// Properties that the exactly-once promise rests on, or that have a key of their own.
const OURS: &[&str] = &[
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "delivery.report.only.error",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "partitioner",
    "request.required.acks",
    "transactional.id",
];

impl KafkaSettings {
    /// Everything that is wrong with them, a line each.
    pub fn mistakes(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.bootstrap_servers.trim().is_empty() {
            found.push("kafka.bootstrap_servers is empty: name at least one host:port".to_owned());
        }
        let names =
            [("deployment", &self.deployment), ("instance", &self.instance), ("topic_prefix", &self.topic_prefix)];
        for (key, name) in names {
            // What Kafka allows in a topic's name; groups and ids of ours keep to the same.
            if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
                found.push(format!("kafka.{key} = {name:?}: use letters, digits, '.', '_' and '-' only"));
            }
        }
        if self.deployment.is_empty() {
            found.push("kafka.deployment is empty: name this deployment, for example \"ims\"".to_owned());
        }
        let counts = [
            ("replication", self.replication),
            ("min_in_sync_replicas", self.min_in_sync_replicas),
            ("partitions", self.partitions),
            ("slots.seconds", self.slots.seconds),
            ("slots.minutes", self.slots.minutes),
            ("slots.hours", self.slots.hours),
            ("slots.days", self.slots.days),
        ];
        for (key, count) in counts {
            if count < 1 {
                found.push(format!("kafka.{key} = {count}: must be 1 or more"));
            }
        }
        if self.min_in_sync_replicas > self.replication {
            let (least, all) = (self.min_in_sync_replicas, self.replication);
            found.push(format!(
                "kafka.min_insync_replicas = {least} of kafka.replication_factor = {all}: nothing could ever be written"
            ));
        }
        for key in self.properties.keys().filter(|key| OURS.contains(&key.as_str())) {
            found.push(format!("kafka.properties.{key} is set by ims itself: remove it"));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_in_the_debug_output() {
        let mut settings = KafkaSettings::default();
        settings.properties.insert("sasl.password".into(), "hunter2".into());
        let shown = format!("{settings:?}");
        assert!(shown.contains("sasl.password") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let mut settings = KafkaSettings { deployment: "ims prod".into(), partitions: 0, ..Default::default() };
        settings.min_in_sync_replicas = 2;
        settings.properties.insert("transactional.id".into(), "x".into());
        let found = settings.mistakes().join("\n");
        for word in ["kafka.deployment", "kafka.partitions", "kafka.min_insync_replicas", "transactional.id"] {
            assert!(found.contains(word), "{word} in {found}");
        }
        assert_eq!(KafkaSettings::default().mistakes(), [""; 0]);
    }
}
