//! The partitions that a stream owns, and where it stands in them.

use super::native::Membership;
use crate::log::{LogError, METADATA_LIMIT, Place, Position};
use rdkafka::consumer::ConsumerGroupMetadata;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// One assignment: what came with one rebalance, until it goes.
pub struct Held {
    /// Who this member was when the partitions came; a commit counts only as long as it still is.
    pub membership: Membership,
    /// The same in the form that transactions take.
    pub group: Arc<ConsumerGroupMetadata>,
    /// Next offset to be given to the engine. None until a sink has said where it stands.
    pub next: FxHashMap<Place, Option<i64>>,
    /// What the group has committed; None when a sink keeps the offsets.
    pub committed: Option<FxHashMap<Place, i64>>,
    /// Partitions that are not fetched now.
    pub paused: FxHashSet<Place>,
    /// The group waits for the end of it, and says so once.
    pub going: bool,
}

impl Held {
    /// Notes what was committed.
    pub fn note(&mut self, positions: &[Position]) {
        if let Some(committed) = &mut self.committed {
            committed.extend(positions.iter().map(|Position { place, next, .. }| (*place, *next)));
        }
    }

    /// Whether the stream stands there with all that it read before processed, as far as the log knows: a sink says so
    /// itself.
    pub fn stands(&self, place: Place, at: i64) -> bool {
        let processed = self.committed.as_ref().is_none_or(|committed| committed.get(&place) == Some(&at));
        processed && self.next.get(&place) == Some(&Some(at)) && !self.paused.contains(&place)
    }

    /// Refuses positions that this assignment cannot commit.
    pub fn check(&self, stream: &str, positions: &[Position]) -> Result<(), LogError> {
        for Position { place: Place { topic, partition }, metadata, .. } in positions {
            let place = Place { topic: *topic, partition: *partition };
            if !self.next.contains_key(&place) {
                return Err(LogError::Stop(format!(
                    "{stream} commits {topic}/{partition}, which it does not own: a defect, nothing was committed"
                )));
            }
            if metadata.len() > METADATA_LIMIT {
                return Err(LogError::Stop(format!(
                    "{stream} commits {} characters beside {topic}/{partition}, brokers take {METADATA_LIMIT}: \
                     a defect, nothing was committed",
                    metadata.len()
                )));
            }
        }
        Ok(())
    }
}
