//! A group: its members, what each owns, and how far the group has come.
//!
//! Rebalances are eager, as in Kafka's classic protocol: all members give everything up before anything is given out.
//! A member in the group therefore always owns what it was last given; being a member is all that a commit checks.

use super::bell::Bell;
use crate::log::{Offsets, Position};
use rustc_hash::FxHashMap;
use schemas::Topic;
use std::{ops::Range, time::Duration};

/// Where a member stands in a rebalance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It owns nothing and waits until the others have released.
    Waiting,
    /// It owns these partitions and its next poll says so.
    Given(Vec<usize>),
    /// It knows that it owns partitions.
    Holding,
    /// It is to give them up.
    Revoking {
        /// Whether a poll has said so.
        told: bool,
        /// Since when, by the log's clock.
        since_ms: i64,
    },
}

impl Standing {
    /// The member learns what it was given.
    pub(super) fn accept(&mut self) -> Vec<usize> {
        match std::mem::replace(self, Self::Holding) {
            Self::Given(partitions) => partitions,
            Self::Waiting | Self::Holding | Self::Revoking { .. } => vec![],
        }
    }
}

#[derive(Debug)]
struct Member {
    id: u64,
    bell: Bell,
    standing: Standing,
}

/// A committed offset.
#[derive(Debug, Clone, Default)]
pub(super) struct Committed {
    pub(super) next: i64,
    pub(super) metadata: String,
}

/// A group. Bells of members whom a change concerns are added to `bells`.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) sources: Vec<Topic>,
    pub(super) offsets: Offsets,
    /// The partitions of each source.
    ranges: Vec<Range<usize>>,
    committed: FxHashMap<usize, Committed>,
    members: Vec<Member>,
}

impl Group {
    pub(super) fn new(name: String, sources: Vec<Topic>, ranges: Vec<Range<usize>>, offsets: Offsets) -> Self {
        Self { name, sources, offsets, ranges, committed: FxHashMap::default(), members: vec![] }
    }

    /// A member comes; the others have to release first.
    pub(super) fn join(&mut self, id: u64, bell: Bell, now_ms: i64, bells: &mut Vec<Bell>) {
        self.members.push(Member { id, bell, standing: Standing::Waiting });
        self.rebalance(now_ms, bells);
    }

    /// A member goes, or is thrown out.
    pub(super) fn remove(&mut self, id: u64, now_ms: i64, bells: &mut Vec<Bell>) {
        if let Some(at) = self.members.iter().position(|member| member.id == id) {
            bells.push(self.members.remove(at).bell);
            self.rebalance(now_ms, bells);
        }
    }

    /// The member that came n-th among those still here.
    pub(super) fn nth(&self, n: usize) -> Option<u64> {
        self.members.get(n).map(|member| member.id)
    }

    /// Where a member stands; None when it is not, or no longer, in the group.
    pub(super) fn standing(&mut self, id: u64) -> Option<&mut Standing> {
        self.members.iter_mut().find(|member| member.id == id).map(|member| &mut member.standing)
    }

    /// Whether the group knows a member.
    pub(super) fn knows(&self, id: u64) -> bool {
        self.members.iter().any(|member| member.id == id)
    }

    /// Takes everything from everybody, to give it out anew.
    pub(super) fn rebalance(&mut self, now_ms: i64, bells: &mut Vec<Bell>) {
        for member in &mut self.members {
            match member.standing {
                // What it was not told it owns it cannot have used.
                Standing::Given(_) => member.standing = Standing::Waiting,
                Standing::Holding => {
                    member.standing = Standing::Revoking { told: false, since_ms: now_ms };
                    bells.push(member.bell.clone());
                }
                Standing::Waiting | Standing::Revoking { .. } => {}
            }
        }
        self.give_out(bells);
    }

    /// A member gives up what it was to give up; false when it was not to.
    pub(super) fn release(&mut self, id: u64, bells: &mut Vec<Bell>) -> bool {
        let Some(standing @ Standing::Revoking { .. }) = self.standing(id) else { return false };
        *standing = Standing::Waiting;
        self.give_out(bells);
        true
    }

    /// Throws out who holds up a rebalance for longer than a session.
    pub(super) fn expire(&mut self, now_ms: i64, session: Duration, bells: &mut Vec<Bell>) {
        let late = |member: &Member| match member.standing {
            Standing::Revoking { since_ms, .. } => i128::from(now_ms - since_ms) >= session.as_millis() as i128,
            _ => false,
        };
        while let Some(id) = self.members.iter().find(|member| late(member)).map(|member| member.id) {
            tracing::warn!(stream = self.name, ?session, "a member did not release its partitions in time and is out");
            self.remove(id, now_ms, bells);
        }
    }

    /// Gives every source's partitions out in ranges, as Kafka's range assignor: partition n of all sources of equal
    /// size goes to one member. Waits until nobody owns anything.
    fn give_out(&mut self, bells: &mut Vec<Bell>) {
        if self.members.iter().any(|member| member.standing != Standing::Waiting) {
            return;
        }
        let count = self.members.len();
        for (nth, member) in self.members.iter_mut().enumerate() {
            let share = |range: &Range<usize>| {
                let (each, rest) = (range.len() / count, range.len() % count);
                let first = range.start + nth * each + nth.min(rest);
                first..first + each + usize::from(nth < rest)
            };
            member.standing = Standing::Given(self.ranges.iter().flat_map(share).collect());
            bells.push(member.bell.clone());
        }
    }

    /// How far the group has come in a partition; the beginning when it never committed.
    pub(super) fn committed(&self, partition: usize) -> Committed {
        self.committed.get(&partition).cloned().unwrap_or_default()
    }

    /// Moves a committed offset.
    pub(super) fn commit(&mut self, partition: usize, position: &Position) {
        let Position { next, metadata, .. } = position;
        self.committed.insert(partition, Committed { next: *next, metadata: metadata.clone() });
    }

    /// A sink asks for records from here on: what came before is in its database.
    pub(super) fn asked_from(&mut self, partition: usize, next: i64) {
        self.committed.entry(partition).or_default().next = next;
    }

    /// For each partition that it reads, the first offset that it still needs.
    pub(super) fn needs(&self) -> impl Iterator<Item = (usize, i64)> {
        let next = |partition| self.committed.get(&partition).map_or(0, |committed| committed.next);
        self.ranges.iter().flat_map(Range::clone).map(move |partition| (partition, next(partition)))
    }
}
