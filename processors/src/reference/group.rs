//! A routing group as the router uses it.

use super::{Reference, RoutingGroup, SeedErrors};
use rustc_hash::FxHashSet;
use schemas::{Family, Lane, Topic};
use std::sync::Arc;

/// A routing group without its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Name.
    pub name: String,
    /// What its members' messages become.
    pub priority: Lane,
    /// Families with a topic of the group's own.
    pub topics: Vec<(Family, Topic)>,
    /// Partitions of these topics; none: as all topics have.
    pub partitions: Option<u32>,
    /// Copies of each partition; none: as all topics have.
    pub replicas: Option<u32>,
}

impl Group {
    pub(super) fn of(row: &RoutingGroup) -> Self {
        let topic = |family: &Family| Some((*family, Topic::group(*family, &row.name).ok()?));
        Self {
            name: row.name.clone(),
            priority: row.priority,
            topics: row.topics.iter().filter_map(topic).collect(),
            partitions: row.partitions,
            replicas: row.replicas,
        }
    }

    /// Its own topic for what goes to this family with this priority. What it may not decide (ads, AUTH where a family
    /// has none) has another priority than the group's, and goes the way of all.
    pub fn topic(&self, family: Family, priority: Lane) -> Option<Topic> {
        let own = self.topics.iter().filter(|_| priority == self.priority).find(|(of, _)| *of == family);
        own.map(|(_, topic)| *topic)
    }
}

impl Reference {
    /// Refuses data in which a group has lost a topic that it has in these: messages may still stand there, and nobody
    /// would read them.
    pub fn may_become(&self, newer: &Self) -> Result<(), SeedErrors> {
        let topics =
            |of: &Self| -> FxHashSet<Topic> { of.groups.iter().flat_map(|g| &g.topics).map(|(_, t)| *t).collect() };
        let kept = topics(newer);
        let lost = |group: &&Arc<Group>| group.topics.iter().any(|(_, topic)| !kept.contains(topic));
        let wrong: Vec<String> = self.groups.iter().filter(lost).map(|group| {
            format!(
                "routing group {:?} loses topics of its own, in which messages may still stand: leave it with them, and \
                 take its members out",
                group.name
            )
        }).collect();
        if wrong.is_empty() { Ok(()) } else { Err(SeedErrors(wrong)) }
    }
}
