//! A flood of ids that nobody registered: what stands under the topic's subject is listed, instead of each id asked for.

use rustc_hash::{FxHashMap, FxHashSet};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Ids of one topic that are asked for within [`WINDOW`] and may turn out to be missing.
pub const ASKED: usize = 20;
/// See [`ASKED`].
pub const WINDOW: Duration = Duration::from_secs(1);
/// How long a list is good for: a schema that is registered meanwhile is not read yet.
pub const LISTED: Duration = Duration::from_millis(200);

/// What is known of one topic's ids.
#[derive(Debug, Default)]
pub struct Flood {
    /// When each of the last ids was missed.
    missed: VecDeque<Instant>,
    listed: Option<Instant>,
    /// Versions of the subject that were read, and what they are by their ids.
    versions: FxHashSet<u32>,
    schemas: FxHashMap<u32, String>,
}

impl Flood {
    /// An id that was asked for is missing.
    pub fn miss(&mut self, now: Instant) {
        self.missed.push_back(now);
        if self.missed.len() > ASKED {
            self.missed.pop_front();
        }
    }

    /// Whether so many were missed that no more are asked for now.
    pub fn is_on(&self, now: Instant) -> bool {
        let oldest = self.missed.front().filter(|_| self.missed.len() == ASKED);
        oldest.is_some_and(|oldest| now.saturating_duration_since(*oldest) < WINDOW)
    }

    /// Whether the list is too old.
    pub fn is_old(&self, now: Instant) -> bool {
        self.listed.is_none_or(|listed| now.saturating_duration_since(listed) >= LISTED)
    }

    /// Those of the subject's versions that were not read yet.
    pub fn unread(&self, versions: Vec<u32>) -> Vec<u32> {
        versions.into_iter().filter(|version| !self.versions.contains(version)).collect()
    }

    /// The list of this time is complete, with these versions: (version, id, schema).
    pub fn list(&mut self, read: Vec<(u32, u32, String)>, now: Instant) {
        for (version, id, schema) in read {
            self.versions.insert(version);
            self.schemas.insert(id, schema);
        }
        self.listed = Some(now);
    }

    /// The schema of an id, if it was on the list.
    pub fn schema(&self, id: u32) -> Option<String> {
        self.schemas.get(&id).cloned()
    }
}
