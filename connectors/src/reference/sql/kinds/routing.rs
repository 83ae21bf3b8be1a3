//! Routing groups and patterns.

use super::{
    super::row::{Kind, Placed, json, maybe_count, maybe_understood, of_json, tail},
    families::{families, names_of},
};
use crate::{
    cipher::Cipher,
    sql::{Arguments, Record, word},
};
use processors::reference::{Pattern, RoutingGroup};
use std::sync::Arc;

impl Kind for RoutingGroup {
    const TABLE: &'static str = "routing_groups";
    const KEY: usize = 1;
    const COLUMNS: &'static [&'static str] =
        &["name", "priority", "usernames", "service_keys", "topics", "partitions", "replicas"];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        row.name.clone()
    }

    fn bind<'q>(Placed { row, .. }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        to.put(row.name.as_str())?.put(row.priority.as_str())?;
        to.put(json(&row.usernames)?)?.put(json(&row.service_keys)?)?.put(names_of(&row.topics))?;
        to.put(row.partitions.map(i64::from))?.put(row.replicas.map(i64::from)).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        Ok(Placed::from(Self {
            name: record.get("name")?,
            priority: word(record, "priority")?,
            usernames: of_json(record, "usernames")?,
            service_keys: of_json(record, "service_keys")?,
            topics: families(record, "topics")?,
            partitions: maybe_count(record, "partitions")?,
            replicas: maybe_count(record, "replicas")?,
        }))
    }

    fn told(&self) -> serde_json::Value {
        let keys: Vec<String> = self.service_keys.iter().map(|key| tail(key)).collect();
        serde_json::to_value(Self { service_keys: keys, ..self.clone() }).unwrap_or_default()
    }

    fn bytes(&self) -> usize {
        self.usernames.iter().chain(&self.service_keys).map(|member| member.len() + 3).sum()
    }
}

impl Kind for Pattern {
    const TABLE: &'static str = "routing_patterns";
    const KEY: usize = 1;
    const COLUMNS: &'static [&'static str] = &["position", "priority", "channel", "message_type", "message_id_prefix"];

    fn key(row: &Placed<Self>) -> String {
        row.position.to_string()
    }

    fn bind<'q>(Placed { position, row }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        to.put(*position)?.put(row.priority.as_str())?.put(row.channel.map(|channel| channel.as_str()))?;
        to.put(row.message_type.map(|message_type| message_type.as_str()))?;
        to.put(row.message_id_prefix.as_deref()).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        let row = Self {
            priority: word(record, "priority")?,
            channel: maybe_understood(record, "channel")?,
            message_type: maybe_understood(record, "message_type")?,
            message_id_prefix: record.get("message_id_prefix")?,
        };
        Ok(Placed { position: record.get("position")?, row: Arc::new(row) })
    }
}
