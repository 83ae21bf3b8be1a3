//! The streams of routing groups with topics of their own: one for each role that sends their families.

use super::Role;
use processors::reference::Group;
use schemas::{Lane, Topic};

/// A stream that comes with a routing group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStream {
    /// Who sends.
    pub role: Role,
    /// Whose rates and waits are its own.
    pub lane: Lane,
    /// `<role>-<GROUP>`: like those of lanes, and no lane is called so.
    pub name: String,
    /// What it reads.
    pub sources: Vec<Topic>,
}

impl GroupStream {
    /// Those of a group.
    pub fn of(group: &Group) -> impl Iterator<Item = Self> {
        Role::SENDERS.into_iter().filter_map(|role| {
            let topics = group.topics.iter().filter(|(family, _)| role.families().contains(family));
            let sources: Vec<Topic> = topics.map(|(_, topic)| *topic).collect();
            let name = format!("{role}-{}", group.name);
            (!sources.is_empty()).then_some(Self { role, lane: group.priority, name, sources })
        })
    }
}
