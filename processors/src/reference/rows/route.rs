//! Which way messages take: routing groups and patterns.

use super::family::families;
use schemas::{Channel, Family, Lane, MessageType};
use serde::{Deserialize, Serialize};

/// A routing group: its members' messages get its priority, before any pattern (SPEC §5).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingGroup {
    /// Name.
    pub name: String,
    /// What its members' messages become (ads stay ads).
    pub priority: Lane,
    /// Customers in it.
    #[serde(default)]
    pub usernames: Vec<String>,
    /// Service keys in it; a key's group wins over its customer's.
    #[serde(default)]
    pub service_keys: Vec<String>,
    /// Send families whose messages of this priority go over a topic of the group's own, SEND-‹FAMILY›-‹NAME›.
    #[serde(default, with = "families")]
    pub topics: Vec<Family>,
    /// Partitions of these topics; none: as all topics have.
    #[serde(default)]
    pub partitions: Option<u32>,
    /// Copies of each partition; none: as all topics have.
    #[serde(default)]
    pub replicas: Option<u32>,
}

/// A routing pattern: what fits all its given parts gets its priority, before the lane. The first that fits wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// What fitting messages become.
    pub priority: Lane,
    /// Channel of the step.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// Type of the step.
    #[serde(default)]
    pub message_type: Option<MessageType>,
    /// Beginning of message_id.
    #[serde(default)]
    pub message_id_prefix: Option<String>,
}
