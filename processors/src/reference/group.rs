//! A routing group as the router uses it.

use super::{Reference, RoutingGroup, SeedErrors};
use rustc_hash::FxHashSet;
use schemas::{Family, Lane, Topic};
use std::{collections::BTreeSet, sync::Arc};

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
    /// Leaves these groups their members and their priority, and takes their own topics away: their messages go the way
    /// of all.
    pub fn take_topics_of(&mut self, names: &BTreeSet<String>) {
        if names.is_empty() {
            return;
        }
        let own = self.groups.iter_mut();
        let of_members = self.group_of_customer.values_mut().chain(self.group_of_key.values_mut());
        for group in own.chain(of_members).filter(|group| names.contains(&group.name)) {
            *group = Arc::new(Group { topics: Vec::new(), ..Group::clone(group) });
        }
    }

    /// Refuses data in which a group that has topics has others than in these: what stands in one that it loses would be
    /// read by nobody, and one that it gains could not join the group's streams while they work.
    pub fn may_become(&self, newer: &Self) -> Result<(), SeedErrors> {
        let topics_of = |of: &Self, name: &str| -> FxHashSet<Topic> {
            of.groups.iter().filter(|g| g.name == name).flat_map(|g| &g.topics).map(|(_, t)| *t).collect()
        };
        let wrong = |group: &Arc<Group>| {
            let (old, new) = (topics_of(self, &group.name), topics_of(newer, &group.name));
            if !old.is_subset(&new) {
                return Some(format!(
                    "routing group {:?} loses topics of its own, in which messages may still stand: leave it with them, \
                     and take its members out",
                    group.name
                ));
            }
            (!old.is_empty() && old != new).then(|| {
                format!(
                    "routing group {:?} has topics of its own and gets more, which its streams cannot take up while they \
                     work: make another group for them",
                    group.name
                )
            })
        };
        let wrong: Vec<String> = self.groups.iter().filter_map(wrong).collect();
        if wrong.is_empty() { Ok(()) } else { Err(SeedErrors(wrong)) }
    }
}
