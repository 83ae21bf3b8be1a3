//! The log that commands and roles work on, from the configuration.

use crate::{
    config::{Config, LogKind},
    exit::{Exit, usage},
};
use anyhow::Context;
use connectors::registry::{OnWrong, Registry, RegistrySettings};
use processors::ports::{NoRegistry, SchemaSource};
use schemas::Schemas;
use std::{sync::Arc, time::Duration};
use topology::log::{
    Log,
    kafka::{KafkaLog, KafkaSettings, OnStuck, Slots},
};

/// The log of a deployment that other processes run.
pub fn open_log(config: &Config) -> anyhow::Result<Arc<dyn Log>> {
    Ok(Arc::new(open_kafka(config)?))
}

/// The same with what only Kafka has: topics to be made and checked.
pub fn open_kafka(config: &Config) -> anyhow::Result<KafkaLog> {
    if config.log.kind == LogKind::Memory {
        return Err(usage(
            "log.kind = \"memory\" lives and ends inside one process, there is nothing to reach from here: \
             set \"kafka\", or use `ims demo`",
        ));
    }
    check(config)?;
    Ok(KafkaLog::new(kafka(config), on_stuck())?)
}

/// Whether Kafka is configured so that it could be asked.
pub fn check(config: &Config) -> anyhow::Result<()> {
    let mistakes = if config.log.kind == LogKind::Kafka { kafka(config).mistakes() } else { Vec::new() };
    if mistakes.is_empty() { Ok(()) } else { Err(usage(mistakes.join("\n"))) }
}

/// Where it is, before what went wrong there.
pub fn place(config: &Config) -> String {
    format!("Kafka at {} (kafka.bootstrap_servers)", config.kafka.bootstrap_servers)
}

/// The configuration as the log on Kafka takes it.
pub fn kafka(config: &Config) -> KafkaSettings {
    let (kafka, rings) = (&config.kafka, config.rings);
    KafkaSettings {
        bootstrap_servers: kafka.bootstrap_servers.clone(),
        deployment: config.deployment.name.clone(),
        instance: config.deployment.instance.clone(),
        topic_prefix: kafka.topic_prefix.clone(),
        replication: kafka.replication_factor,
        min_in_sync_replicas: kafka.min_insync_replicas,
        partitions: kafka.partitions,
        slots: Slots {
            seconds: rings.seconds.slots as i32,
            minutes: rings.minutes.slots as i32,
            hours: rings.hours.slots as i32,
            days: rings.days.slots as i32,
        },
        properties: kafka.properties.clone(),
    }
}

/// The schema ids that are written, and where foreign ones are looked up: the registry's, or this program's own.
pub fn open_schemas(config: &Config) -> anyhow::Result<(Arc<Schemas>, Arc<dyn SchemaSource>)> {
    if config.registry.url.is_empty() {
        return Ok((Arc::new(Schemas::embedded()), Arc::new(NoRegistry)));
    }
    let registry = open_registry(config)?;
    let on_wrong = if config.registry.register { OnWrong::Register } else { OnWrong::Tell };
    let schemas = registry.prepare(on_wrong).with_context(|| registry_place(config))?;
    Ok((Arc::new(schemas), Arc::new(registry)))
}

/// The registry of the configuration; asks it nothing yet.
pub fn open_registry(config: &Config) -> anyhow::Result<Registry> {
    if config.registry.url.is_empty() {
        return Err(usage(
            "registry.url is empty: schemas are this program's own, with ids of its own; name a Confluent-compatible registry",
        ));
    }
    let settings = RegistrySettings {
        url: config.registry.url.clone(),
        credentials: None,
        timeout: Duration::from_secs(10),
        topic_prefix: config.kafka.topic_prefix.clone(),
    };
    Ok(Registry::new(&settings)?)
}

/// Where it is, before what went wrong there.
pub fn registry_place(config: &Config) -> String {
    format!("schema registry at {} (registry.url)", config.registry.shown())
}

/// A call into librdkafka that never comes back holds its lane for ever: end, and let another process take over.
fn on_stuck() -> OnStuck {
    Arc::new(|line| {
        tracing::error!(call = line, "a call into librdkafka does not come back: ending, another process takes over");
        std::process::exit(Exit::Stopped as i32);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use topology::log::Producer;

    /// The producer of `ims send --set kafka.properties.‹name›=‹value› …`; no broker is there.
    fn producer(properties: &[(&str, &str)]) -> anyhow::Result<Box<dyn Producer>> {
        let property = |(name, value): &(&str, &str)| (format!("--set kafka.properties.{name}"), (*value).to_owned());
        let nobody = ("--set kafka.bootstrap_servers".to_owned(), "127.0.0.1:1".to_owned());
        let config = config::load(None, properties.iter().map(property).chain([nobody]))?;
        Ok(open_log(&config)?.producer()?)
    }

    #[test]
    fn a_producer_signs_in_over_tls_by_password_or_scram() {
        let signs_in = |mechanism, more: &[(&str, &str)]| {
            let properties = [
                ("security.protocol", "SASL_SSL"),
                ("sasl.mechanism", mechanism),
                ("sasl.username", "ims"),
                ("sasl.password", "demo-only"),
            ];
            producer(&[&properties, more].concat()).map(drop).map_err(|error| format!("{error:#}"))
        };
        for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
            assert_eq!(signs_in(mechanism, &[]), Ok(()), "{mechanism}");
        }
        // librdkafka refuses what it was built without, and certificates that are not there: nothing of it is ignored.
        let without = signs_in("GSSAPI", &[]).unwrap_err();
        assert!(without.contains("GSSAPI"), "{without}");
        let without = signs_in("PLAIN", &[("ssl.ca.location", "/nowhere/ca.pem")]).unwrap_err();
        assert!(without.contains("ssl.ca.location"), "{without}");
    }
}
