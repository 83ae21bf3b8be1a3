//! The topic table as it would be made by this configuration.

use crate::{config::Config, exit::Exit, log, output};
use comfy_table::{Table, presets};
use schemas::Topic;
use serde::Serialize;
use topology::{
    graph::{Topology, chain},
    log::kafka::{KafkaSettings, topics},
};

/// One row.
#[derive(Serialize)]
struct Row {
    /// As it is called on the cluster, kafka.topic_prefix included.
    topic: String,
    /// Name of the Avro record; none for raw bytes.
    record: Option<&'static str>,
    key: &'static str,
    partitions: i32,
    copies: i32,
    cleanup: String,
    retention_ms: Option<u64>,
    /// Roles that read it.
    read_by: Vec<&'static str>,
}

/// Prints the table.
pub fn print(config: &Config, json: bool, markdown: bool) -> anyhow::Result<Exit> {
    let (settings, chain) = (log::kafka(config), chain()?);
    let rows: Vec<Row> = Topic::all().iter().map(|&topic| Row::of(topic, &settings, &chain)).collect();
    output::result(json, &rows, || table(&rows, markdown))?;
    Ok(Exit::Done)
}

impl Row {
    fn of(topic: Topic, settings: &KafkaSettings, chain: &Topology) -> Self {
        let configs = topics::configs(settings, topic);
        let config = |key: &str| configs.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str());
        let mut read_by: Vec<&str> = Vec::new();
        for node in chain.nodes().iter().filter(|node| node.sources.contains(&topic) || node.state == Some(topic)) {
            if !read_by.contains(&node.role.as_str()) {
                read_by.push(node.role.as_str());
            }
        }
        Self {
            topic: format!("{}{topic}", settings.topic_prefix),
            record: topic.record(),
            key: topic.key(),
            partitions: topics::partitions(settings, topic),
            copies: settings.replication,
            cleanup: config("cleanup.policy").unwrap_or_default().to_owned(),
            retention_ms: config("retention.ms").and_then(|ms| ms.parse().ok()),
            read_by,
        }
    }

    fn cells(&self) -> [String; 7] {
        let retention =
            self.retention_ms.map_or_else(|| self.cleanup.clone(), |ms| format!("{}, {}", self.cleanup, span(ms)));
        [
            self.topic.clone(),
            self.record.unwrap_or("raw bytes").to_owned(),
            self.key.to_owned(),
            self.partitions.to_string(),
            self.copies.to_string(),
            retention,
            self.read_by.join(", "),
        ]
    }
}

fn table(rows: &[Row], markdown: bool) -> String {
    let mut table = Table::new();
    table.load_style(if markdown { presets::ASCII_MARKDOWN } else { presets::UTF8_FULL_CONDENSED });
    table.set_header(["Topic", "Record", "Key", "Partitions", "Copies", "Cleanup", "Read by"]);
    table.add_rows(rows.iter().map(Row::cells));
    table.to_string()
}

/// Days where it is days, else days and hours, minutes, seconds as they come.
fn span(ms: u64) -> String {
    let mut rest_s = ms / 1_000;
    let mut parts = Vec::new();
    for (unit_s, unit) in [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")] {
        if rest_s >= unit_s {
            parts.push(format!("{} {unit}", rest_s / unit_s));
            rest_s %= unit_s;
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_is_told_in_the_units_people_use() {
        assert_eq!(span(7 * 86_400_000), "7 d");
        assert_eq!(span(7 * 86_400_000 + 128_000), "7 d 2 min 8 s");
    }

    #[test]
    fn the_table_has_every_topic_with_the_figures_of_the_configuration() {
        let settings = KafkaSettings { partitions: 5, ..KafkaSettings::default() };
        let row = |topic| Row::of(topic, &settings, &chain().unwrap());
        let api = row(Topic::api(schemas::Lane::Auth));
        assert_eq!((api.partitions, api.record, api.retention_ms), (5, Some("SendRequest"), Some(7 * 86_400_000)));
        assert_eq!(api.read_by, ["ingest"]);
        let prefixed = KafkaSettings { topic_prefix: "test.".into(), ..settings.clone() };
        let prefixed = Row::of(Topic::api(schemas::Lane::Auth), &prefixed, &chain().unwrap());
        assert_eq!((api.topic.as_str(), prefixed.topic.as_str()), ("API-AUTH", "test.API-AUTH"));
        let open = row(Topic::open(schemas::Lane::Auth));
        assert_eq!((open.cleanup.as_str(), open.retention_ms), ("compact", None));
    }
}
