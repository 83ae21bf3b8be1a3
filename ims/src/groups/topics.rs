//! Makes the topics of routing groups.

use super::refused;
use crate::{config::Config, log::open_kafka};
use processors::{
    ports::Away,
    reference::{Group, Reference},
};
use schemas::Topic;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};
use topology::{
    graph::GroupStream,
    log::{
        LogError,
        kafka::{KafkaAdmin, Made, Shape},
    },
};

/// How long a broker may take for a question; the next look asks again.
const PATIENCE: Duration = Duration::from_secs(10);
/// After how long what Kafka refused is asked for again.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Makes topics of groups on the log of a deployment.
pub struct GroupTopics {
    config: Config,
    /// What was made, or found, by this process.
    made: RefCell<BTreeSet<Topic>>,
    tried: Cell<Option<Instant>>,
    /// The way to the log, while something is to be made.
    admin: RefCell<Option<Arc<KafkaAdmin>>>,
}

impl GroupTopics {
    /// Of a deployment; asks nobody yet.
    pub fn new(config: Config) -> Self {
        Self { config, made: RefCell::default(), tried: Cell::default(), admin: RefCell::default() }
    }

    /// Makes the topics that are missing, with the start offsets of those who read them. May be repeated, and done by
    /// several processes at once.
    ///
    /// A group whose topics are refused is left without them, so that nothing else waits for somebody to mend it: its
    /// messages keep its priority and go over the topics of all.
    ///
    /// # Errors
    /// No broker answers: with data that are in force already nothing waits for these.
    pub fn prepare(&self, reference: &mut Reference) -> Result<(), Away> {
        let mut refused = Vec::new();
        for group in reference.groups() {
            if let Err(cause) = self.make(group)? {
                refused.push((Arc::clone(group), cause));
            }
        }
        self.leave_out(refused, reference);
        Ok(())
    }

    /// The same at the start of a process, which brokers that are away do not hold up: it waits for them with all its
    /// streams, and its groups are without topics until they answer.
    pub fn begin(&self, reference: &mut Reference) {
        let (mut refused, mut away) = (Vec::new(), None);
        for group in reference.groups().iter().filter(|group| !self.has(group)) {
            // Who does not answer for one does not answer for the next.
            let made = match &away {
                None => self.make(group).unwrap_or_else(|error| Err(away.insert(error.to_string()).clone())),
                Some(cause) => Err(String::clone(cause)),
            };
            if let Err(cause) = made {
                refused.push((Arc::clone(group), cause));
            }
        }
        self.leave_out(refused, reference);
    }

    fn leave_out(&self, refused: Vec<(Arc<Group>, String)>, reference: &mut Reference) {
        let names: BTreeSet<String> = refused.iter().map(|(group, _)| group.name.clone()).collect();
        self.was_tried(!names.is_empty());
        refused::keep(&names);
        for (group, cause) in refused {
            refused::note(&group, cause);
        }
        reference.take_topics_of(&names);
    }

    /// Asks once more for what was refused, from time to time; whether some of it is there now.
    pub fn retry(&self) -> bool {
        if self.tried.get().is_none_or(|tried| tried.elapsed() < AGAIN_AFTER) {
            return false;
        }
        let asked: Vec<_> = refused::asked().into_iter().filter(|group| !self.has(group)).collect();
        // Who does not answer for one does not answer for the next.
        let answers = asked.iter().map_while(|group| self.make(group).ok());
        let made = answers.filter(Result::is_ok).count();
        self.was_tried(made < asked.len());
        made > 0
    }

    /// `again`: something is missing still.
    fn was_tried(&self, again: bool) {
        self.tried.set(again.then(Instant::now));
        if !again {
            self.admin.take();
        }
    }

    /// One for all tries: each log has threads of its own. The log in process has no such topics, and says so.
    fn admin(&self) -> anyhow::Result<Arc<KafkaAdmin>> {
        let mut admin = self.admin.borrow_mut();
        if let Some(admin) = &*admin {
            return Ok(Arc::clone(admin));
        }
        let made = open_kafka(&self.config)?.admin()?.patient(PATIENCE, Box::new(|_| {}));
        Ok(Arc::clone(admin.insert(Arc::new(made))))
    }

    fn has(&self, group: &Group) -> bool {
        group.topics.iter().all(|(_, topic)| self.made.borrow().contains(topic))
    }

    /// Makes what is missing, or tells why Kafka refuses it.
    fn make(&self, group: &Group) -> Result<Result<(), String>, Away> {
        if self.has(group) {
            return Ok(Ok(()));
        }
        match self.admin().and_then(|admin| Ok(create(&admin, group)?)) {
            Ok(made) if made.topics.is_empty() => {}
            Ok(made) => {
                tracing::info!(group = %group.name, topics = made.topics.len(), "topics of a routing group made")
            }
            Err(error) if matches!(error.downcast_ref(), Some(LogError::Away(_))) => {
                return Err(Away { dependency: "log", cause: format!("{error:#}") });
            }
            Err(error) => return Ok(Err(format!("{error:#}"))),
        }
        self.made.borrow_mut().extend(topics(group));
        Ok(Ok(()))
    }
}

/// Those of a group.
pub fn topics(group: &Group) -> Vec<Topic> {
    group.topics.iter().map(|(_, topic)| *topic).collect()
}

/// What they are made like.
pub fn shape(group: &Group) -> Shape {
    let figure = |figure: Option<u32>| figure.and_then(|figure| i32::try_from(figure).ok());
    Shape { partitions: figure(group.partitions), replicas: figure(group.replicas) }
}

/// Makes those that are missing, with start offsets.
pub fn create(admin: &KafkaAdmin, group: &Group) -> Result<Made, LogError> {
    let streams: Vec<GroupStream> = GroupStream::of(group).collect();
    let sources: Vec<_> = streams.iter().map(|stream| (stream.name.as_str(), &*stream.sources)).collect();
    admin.create_shaped(&topics(group), shape(group), &sources)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn what_is_refused_is_asked_for_again_over_one_connection() {
        let topics = GroupTopics::new(config::load(None, []).unwrap());
        let first = topics.admin().unwrap();
        topics.was_tried(true);
        assert!(Arc::ptr_eq(&first, &topics.admin().unwrap()));
        topics.was_tried(false);
        assert!(topics.admin.borrow().is_none(), "nothing is to be made: it is ended");
    }
}
