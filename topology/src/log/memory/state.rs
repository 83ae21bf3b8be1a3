//! Everything that changes, behind the one lock.

use super::bell::Bell;
use super::faults::Armed;
use super::group::Group;
use super::layout::Layout;
use super::partition::{Append, Partition};
use crate::log::{LogError, StreamSpec};
use schemas::Topic;
use std::ops::Range;

/// The log's state.
pub(super) struct State {
    pub(super) partitions: Vec<Partition>,
    pub(super) groups: Vec<Group>,
    /// Faults that wait for their turn.
    pub(super) armed: Vec<Armed>,
    /// Whether the log plays dead.
    pub(super) away: bool,
    /// Bytes that the segments keep alive.
    pub(super) bytes: u64,
    /// Above so many it is time to drop old records.
    pub(super) drop_above: u64,
    /// The newest timestamp: a clock that steps back moves no record before an older one.
    now_ms: i64,
    members: u64,
    bells: Vec<Bell>,
}

impl State {
    pub(super) fn new(partitions: usize, drop_above: u64) -> Self {
        Self {
            partitions: (0..partitions).map(|_| Partition::default()).collect(),
            groups: vec![],
            armed: vec![],
            away: false,
            bytes: 0,
            drop_above,
            now_ms: i64::MIN,
            members: 0,
            bells: vec![],
        }
    }

    /// Makes records visible, all at once to whoever gets the lock next.
    pub(super) fn append(&mut self, appends: Vec<Append>, now_ms: i64) {
        self.now_ms = self.now_ms.max(now_ms);
        for append in appends {
            let partition = &mut self.partitions[append.partition];
            self.bytes += append.bytes;
            partition.append(append, self.now_ms, &mut self.bells);
        }
    }

    /// The number of a stream's group, founded when it is new.
    pub(super) fn group_of(&mut self, spec: &StreamSpec, layout: &Layout) -> Result<usize, LogError> {
        let StreamSpec { name, sources, offsets, .. } = spec;
        if let Some(missing) = sources.iter().find(|topic| layout.partitions(**topic).is_empty()) {
            return Err(LogError::Stop(format!("{name} reads {missing}, which has no partitions: configure some")));
        }
        let Some(at) = self.groups.iter().position(|group| group.name == *name) else {
            let ranges: Vec<Range<usize>> = sources.iter().map(|topic| layout.partitions(*topic)).collect();
            self.groups.push(Group::new(name.clone(), sources.clone(), ranges, *offsets));
            return Ok(self.groups.len() - 1);
        };
        let group = &self.groups[at];
        if group.sources == *sources && group.offsets == *offsets {
            return Ok(at);
        }
        let (theirs, ours) = (names(&group.sources), names(sources));
        Err(LogError::Stop(format!("{name}: the group reads {theirs}, a new member wants {ours}: start all alike")))
    }

    /// A member joins a group; its number in this log.
    pub(super) fn join(&mut self, group: usize, bell: &Bell, now_ms: i64) -> u64 {
        self.members += 1;
        self.groups[group].join(self.members, bell.clone(), now_ms, &mut self.bells);
        self.members
    }

    /// A group, and where to put the bells of members that a change concerns.
    pub(super) fn group(&mut self, group: usize) -> (&mut Group, &mut Vec<Bell>) {
        (&mut self.groups[group], &mut self.bells)
    }

    /// Whom to wake once the lock is given back.
    pub(super) fn take_bells(&mut self) -> Vec<Bell> {
        std::mem::take(&mut self.bells)
    }
}

fn names(topics: &[Topic]) -> String {
    topics.iter().map(|topic| topic.name()).collect::<Vec<_>>().join(", ")
}
