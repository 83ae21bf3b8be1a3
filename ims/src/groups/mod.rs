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

    /// Starts the streams that are missing, and counts topics that others read among those that share vendors' rates.
    /// Streams of a group that is gone go on: something may still stand in its topics. A changed priority reaches the
    /// streams of its group with their next start.
    pub fn follow(&mut self, reference: &Reference) {
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
