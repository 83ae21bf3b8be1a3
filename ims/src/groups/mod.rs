//! Routing groups with topics of their own: made before anything is written there, read as soon as they are in force.

mod refused;
pub mod topics;

pub use refused::{Refused, refused};
pub use topics::GroupTopics;

use crate::{assemble::open_reference, config::Config};
use processors::{
    ports::Away,
    reference::{Group, Reference},
};
use std::{collections::BTreeSet, sync::Arc};
use topology::{
    assembly::Parts,
    engine::Runtime,
    graph::{GroupStream, Role},
};

/// Brings a process's streams up to the groups in force.
pub struct Groups {
    parts: Arc<Parts>,
    roles: Vec<Role>,
    runtime: Arc<Runtime>,
    topics: GroupTopics,
    /// Names of the streams at work.
    at_work: BTreeSet<String>,
}

impl Groups {
    /// Of a process that runs these roles.
    pub fn new(parts: Arc<Parts>, roles: &[Role], runtime: Arc<Runtime>, topics: GroupTopics) -> Self {
        Self { parts, roles: roles.to_vec(), runtime, topics, at_work: BTreeSet::new() }
    }

    /// Makes what is missing before the data are taken over.
    pub fn prepare(&self, reference: &mut Reference) -> Result<(), Away> {
        self.topics.prepare(reference)
    }

    /// Asks once more for topics that were refused; whether some are there now.
    pub fn retry(&self) -> bool {
        self.topics.retry()
    }

    /// Starts the streams that are missing, counts topics that others read among those that share vendors' rates, and
    /// forgets vendors that are gone.
    /// Streams of a group that is gone go on: something may still stand in its topics. A changed priority reaches the
    /// streams of its group with their next start.
    pub fn follow(&mut self, reference: &Reference) {
        self.parts.allowance.forget_others(reference);
        for group in reference.groups() {
            for (_, topic) in &group.topics {
                self.parts.allowance.beside(*topic, group.priority, group.partitions);
            }
        }
        for stream in reference.groups().iter().flat_map(|group| GroupStream::of(group)) {
            if !self.roles.contains(&stream.role) || self.at_work.contains(&stream.name) || self.runtime.stopping() {
                continue;
            }
            let worker = self.parts.group_worker(&stream).map_err(|error| error.to_string());
            match worker.and_then(|worker| self.runtime.add(worker).map_err(|error| error.to_string())) {
                Ok(()) => {
                    tracing::info!(stream = %stream.name, "a routing group's topics are read");
                    self.at_work.insert(stream.name);
                }
                Err(error) => {
                    tracing::warn!(stream = %stream.name, %error, "a routing group's topics are not read yet");
                }
            }
        }
    }
}

/// The groups with topics of their own that the configured reference data name, for commands that deal with topics; or
/// why they are not known. A store that `ims run` has not made yet is no reason not to make the other topics.
pub fn configured(config: &Config) -> (Vec<Arc<Group>>, Option<String>) {
    match open_reference(config) {
        Ok(reference) => {
            let groups = reference.current().groups().to_vec();
            (groups.into_iter().filter(|group| !group.topics.is_empty()).collect(), None)
        }
        Err(error) => {
            (Vec::new(), Some(format!("topics of routing groups are left out, nobody tells of them: {error}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::assemble::SystemClock;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use processors::{
        reference::{Reference, Seed, Vendor},
        standing::Word,
    };
    use schemas::{Family, Lane, Topic};
    use std::sync::Arc;
    use topology::send::{Admission, Allowance, BreakerSettings, metrics as names};

    #[test]
    fn a_vendor_that_is_gone_leaves_its_gauges_at_zero() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let shown = recorder.handle();
        let gauge = |name: &str| {
            let page = shown.render();
            page.lines().find_map(|line| line.strip_prefix(&format!("{name}{{vendor=\"kt\"}} "))).map(str::to_owned)
        };
        let vendor: Arc<Vendor> = serde_json::from_value(serde_json::json!({
            "name": "kt", "families": ["SMS"], "codes": "text", "weight": 1, "tps": 100_000, "max_in_flight": 10,
            "timeout_ms": 1000,
        }))
        .map(Arc::new)
        .unwrap();
        metrics::with_local_recorder(&recorder, || {
            let allowance =
                Allowance::new(Arc::new(SystemClock), BreakerSettings { at_least: 1, ..Default::default() });
            allowance.own(Topic::send(Family::Sms, Lane::Mass), Lane::Mass, 1, 1);
            let slot = loop {
                // The rate grants nothing in the first moments.
                match allowance.admit(&vendor, Lane::Mass, 1) {
                    Admission::Go(slot) => break slot,
                    other => drop(other),
                }
            };
            slot.ended(Word::NotSent("connection refused"), 1);
            assert_eq!((gauge(names::BREAKER).as_deref(), gauge(names::UNREACHED).as_deref()), (Some("2"), Some("1")));
            allowance
                .forget_others(&Reference::new(Seed { vendors: vec![(*vendor).clone()], ..Seed::default() }).unwrap());
            assert_eq!(gauge(names::UNREACHED).as_deref(), Some("1"), "it is still there");
            allowance.forget_others(&Reference::new(Seed::default()).unwrap());
            assert_eq!((gauge(names::BREAKER).as_deref(), gauge(names::UNREACHED).as_deref()), (Some("0"), Some("0")));
        });
    }
}
