//! Routing groups with topics of their own: made before anything is written there, read as soon as they are in force.

use crate::{config::Config, log::open_kafka};
use processors::{
    ports::Away,
    reference::{Group, Reference},
};
use schemas::Topic;
use std::{cell::RefCell, collections::BTreeSet, sync::Arc, time::Duration};
use topology::{
    assembly::Parts,
    engine::Runtime,
    graph::{GroupStream, Role},
    log::kafka::Shape,
};

/// How long a broker may take for a question; the next look asks again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes topics of groups on the log of a deployment.
pub struct GroupTopics {
    config: Config,
    /// What was made, or found, by this process.
    made: RefCell<BTreeSet<Topic>>,
}

impl GroupTopics {
    /// Of a deployment; asks nobody yet.
    pub fn new(config: Config) -> Self {
        Self { config, made: RefCell::default() }
    }

    /// Makes the topics that are missing, with the start offsets of those who read them. May be repeated, and done by
    /// several processes at once.
    pub fn prepare(&self, reference: &Reference) -> Result<(), Away> {
        for group in reference.groups() {
            let missing = |(_, topic): &&(_, Topic)| !self.made.borrow().contains(topic);
            if group.topics.iter().filter(missing).count() > 0 {
                self.make(group).map_err(|cause| Away {
                    dependency: "log",
                    cause: format!(
                        "topics of routing group {} (its partitions {:?}, replicas {:?}; None: the deployment's): {cause}",
                        group.name, group.partitions, group.replicas
                    ),
                })?;
                self.made.borrow_mut().extend(group.topics.iter().map(|(_, topic)| *topic));
            }
        }
        Ok(())
    }

    fn make(&self, group: &Group) -> Result<(), String> {
        let topics: Vec<Topic> = group.topics.iter().map(|(_, topic)| *topic).collect();
        let streams: Vec<GroupStream> = GroupStream::of(group).collect();
        let sources: Vec<_> = streams.iter().map(|stream| (stream.name.as_str(), &*stream.sources)).collect();
        let figure = |figure: Option<u32>| figure.and_then(|figure| i32::try_from(figure).ok());
        let shape = Shape { partitions: figure(group.partitions), replicas: figure(group.replicas) };
        // A connection for each group, once: few deployments have any. The log in process has no such topics, and says so.
        let make = || {
            let admin = open_kafka(&self.config)?.admin()?.patient(PATIENCE, Box::new(|_| {}));
            anyhow::Ok(admin.create_shaped(&topics, shape, &sources)?)
        };
        let made = make().map_err(|error| format!("{error:#}"))?;
        if !made.topics.is_empty() {
            tracing::info!(group = %group.name, topics = made.topics.len(), "topics of a routing group made");
        }
        Ok(())
    }
}

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
    pub fn prepare(&self, reference: &Reference) -> Result<(), Away> {
        self.topics.prepare(reference)
    }

    /// Starts the streams that are missing. Those of a group that is gone go on: something may still stand in its topics.
    /// A changed priority reaches the streams of its group with their next start.
    pub fn follow(&mut self, reference: &Reference) {
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
