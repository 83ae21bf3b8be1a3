//! What is wrong with a configuration as a whole.

use super::{Config, LogKind, ReferenceKind, StateKind};
use connectors::sql::Location;
use processors::ring::Rings;

/// A message may be scheduled 60 days ahead; a receipt takes up to 80 hours (MMS). A report must stand as long as it may change.
const SHORTEST_RETENTION_DAYS: u32 = 65;

impl Config {
    /// What cannot work although each key by itself could, with the remedy.
    pub fn mistakes(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut check = |bad: bool, text: &str| {
            if bad {
                wrong.push(text.to_owned());
            }
        };
        let kafka = self.log.kind == LogKind::Kafka;
        check(
            kafka && self.state.kind == StateKind::Memory,
            "state.kind = \"memory\" with log.kind = \"kafka\" would forget claimed message ids at every restart: set \"redis\" or \"sqlite\"",
        );
        check(
            self.store.file.as_os_str() == ":memory:",
            "store.file = \":memory:\" is no file, and stores are files named after it: name one in a folder that may be lost",
        );
        check(
            self.deployment.name.is_empty() || !self.deployment.name.bytes().all(is_name),
            "deployment.name must be letters, digits, '.', '_' or '-': it names consumer groups",
        );
        check(
            !self.deployment.instance.bytes().all(is_name),
            "deployment.instance must be letters, digits, '.', '_' or '-'",
        );
        check(self.kafka.partitions < 1 || self.kafka.partitions > 4096, "kafka.partitions must be 1 to 4096");
        check(
            self.kafka.min_insync_replicas > self.kafka.replication_factor,
            "kafka.min_insync_replicas is above kafka.replication_factor: nothing could ever be written",
        );
        check(
            (1..SHORTEST_RETENTION_DAYS).contains(&self.store.retention_days),
            "store.retention_days must be at least 65, or 0 for ever: a message may be scheduled 60 days ahead, and its \
             vendor may report 80 hours later",
        );
        check(
            self.callback.timeout_ms == 0 || self.callback.in_flight == 0 || self.callback.endpoint_in_flight == 0,
            "callback.timeout_ms, in_flight and endpoint_in_flight must be above 0",
        );
        check(
            self.reference.kind == ReferenceKind::Sql && !self.reference.file.as_os_str().is_empty(),
            "reference.file is set and reference.kind = \"sql\" does not read it: `ims reference import FILE` puts a \
             file's data into the store, once; set \"\"",
        );
        check(
            self.reference.kind == ReferenceKind::File
                && self.vendors.values().any(|vendor| vendor.templates_every_ms > 0),
            "vendors.….templates_every_ms needs templates in a store: set reference.kind = \"sql\"",
        );
        check(
            self.reference.kind == ReferenceKind::File
                && self.vendors.values().any(|vendor| vendor.profiles_every_ms > 0),
            "vendors.….profiles_every_ms needs sender profiles in a store: set reference.kind = \"sql\"",
        );
        check(!self.http.lets_in(), "the bounds of [http] must be above 0");
        let files = [(&self.http.certificate_file, &self.http.key_file)];
        let files = files.into_iter().chain([(&self.webhooks.certificate_file, &self.webhooks.key_file)]);
        for ((certificate, key), section) in files.zip(["http", "webhooks"]) {
            check(
                certificate.as_os_str().is_empty() != key.as_os_str().is_empty(),
                &format!("{section}.certificate_file and {section}.key_file belong together: name both, or none"),
            );
        }
        check(self.engine.batch_records == 0, "engine.batch_records must be above 0");
        check(
            !self.store.url.is_empty() && self.store.key_file.as_os_str().is_empty(),
            "store.key_file is empty: processes that share a server share the key of personal data too; make one with \
             `openssl rand -hex 32 > store.key` and name it",
        );
        if !self.store.url.is_empty()
            && let Err(error) = Location::server(&self.store.url, None)
        {
            wrong.push(error.to_string());
        }
        wrong.extend(self.state.mistakes());
        wrong.extend(self.files.mistakes());
        wrong.extend(self.http.mistakes());
        wrong.extend(self.gateway.mistakes());
        wrong.extend(self.analysis.mistakes());
        wrong.extend(self.simulator.mistakes().into_iter().map(|mistake| format!("simulator.{mistake}")));
        wrong.extend(self.retry.mistakes());
        wrong.extend(self.ads.mistakes());
        if let Err(errors) = Rings::new(self.rings) {
            wrong.extend(errors.0.into_iter().map(|error| format!("rings: {error}")));
        }
        wrong
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}
