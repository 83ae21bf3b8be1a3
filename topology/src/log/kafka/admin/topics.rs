//! What each topic must be like on the cluster.

use crate::log::kafka::settings::{KafkaSettings, Slots};
use schemas::{
    Topic,
    topics::{Cleanup, Kind, Partitions, Ring},
};
use std::time::Duration;

/// A record of 1 MB grows on its way: templates and values, headers of dead letters. None has more than
/// [`RECORD_BYTES`](crate::log::RECORD_BYTES). Requests themselves stay below Kafka's default.
const MAX_MESSAGE_BYTES: &str = "2097152";

impl Slots {
    /// Slots of one ring.
    pub fn of(&self, ring: Ring) -> i32 {
        match ring {
            Ring::Seconds | Ring::SecondsAuth => self.seconds,
            Ring::Minutes => self.minutes,
            Ring::Hours => self.hours,
            Ring::Days => self.days,
        }
    }

    /// How long a whole turn of a ring takes: nothing waits longer in it.
    fn reach(&self, ring: Ring) -> Duration {
        let slot_s = match ring {
            Ring::Seconds | Ring::SecondsAuth => 1,
            Ring::Minutes => 60,
            Ring::Hours => 3_600,
            Ring::Days => 86_400,
        };
        Duration::from_secs(slot_s * u64::from(self.of(ring).unsigned_abs()))
    }
}

/// Partitions that a topic must have.
pub fn partitions(settings: &KafkaSettings, topic: Topic) -> i32 {
    match topic.partitions() {
        Partitions::Configured => settings.partitions,
        Partitions::Slots(ring) => settings.slots.of(ring),
        Partitions::One => 1,
    }
}

/// The key of the configuration that says how many.
pub fn partitions_key(topic: Topic) -> &'static str {
    match topic.partitions() {
        Partitions::Configured => "kafka.partitions",
        Partitions::Slots(Ring::Seconds | Ring::SecondsAuth) => "rings.seconds.slots",
        Partitions::Slots(Ring::Minutes) => "rings.minutes.slots",
        Partitions::Slots(Ring::Hours) => "rings.hours.slots",
        Partitions::Slots(Ring::Days) => "rings.days.slots",
        Partitions::One => "one",
    }
}

/// Settings that a topic is made with, and those among them that a topic must keep.
pub fn configs(settings: &KafkaSettings, topic: Topic) -> Vec<(&'static str, String)> {
    let mut configs = vec![
        ("min.insync.replicas", settings.min_in_sync_replicas.to_string()),
        // A producer's clock decides nothing: not the track_id, not what retention deletes, not when a slot is due.
        ("message.timestamp.type", "LogAppendTime".to_owned()),
    ];
    if !matches!(topic.kind(), Kind::Api(_)) {
        configs.push(("max.message.bytes", MAX_MESSAGE_BYTES.to_owned()));
    }
    let retention = match topic.cleanup() {
        Cleanup::Delete(after) => Some(after),
        Cleanup::DeleteAfterReach(after) => match topic.partitions() {
            Partitions::Slots(ring) => Some(settings.slots.reach(ring) + after),
            Partitions::Configured | Partitions::One => Some(after),
        },
        Cleanup::Compact => None,
    };
    match retention {
        Some(after) => {
            configs.push(("cleanup.policy", "delete".to_owned()));
            configs.push(("retention.ms", after.as_millis().to_string()));
        }
        None => {
            configs.push(("cleanup.policy", "compact".to_owned()));
            // The active segment is never compacted, and a restore reads all of it: 32 MB take half a second.
            configs.push(("segment.bytes", (32 << 20).to_string()));
            configs.push(("min.cleanable.dirty.ratio", "0.1".to_owned()));
        }
    }
    configs
}

/// Settings that must hold on the cluster for the promises to hold; operators may choose the others.
pub const MUST_KEEP: &[&str] = &["cleanup.policy", "message.timestamp.type"];
