//! Reads partitions without a group.

use super::Shared;
use super::partition::Segment;
use crate::log::{LogError, Place, Reader, Record};
use schemas::Topic;
use std::sync::Arc;

pub(super) struct MemoryReader {
    shared: Arc<Shared>,
}

impl MemoryReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl Reader for MemoryReader {
    fn partitions(&mut self, topic: Topic) -> Result<Vec<i32>, LogError> {
        self.shared.reach(|_| Ok((0..self.shared.layout.partitions(topic).len() as i32).collect()))
    }

    fn bounds(&mut self, place: Place) -> Result<(i64, i64), LogError> {
        let at = self.shared.layout.index(place)?;
        self.shared.reach(|state| Ok((state.partitions[at].start, state.partitions[at].end)))
    }

    fn offset_at(&mut self, place: Place, timestamp_ms: i64) -> Result<Option<i64>, LogError> {
        let at = self.shared.layout.index(place)?;
        self.shared.reach(|state| Ok(state.partitions[at].offset_at(timestamp_ms)))
    }

    fn read(&mut self, place: Place, from: i64, to: i64, each: &mut dyn FnMut(Record)) -> Result<(), LogError> {
        let at = self.shared.layout.index(place)?;
        let segments: Vec<Segment> = self.shared.reach(|state| {
            let partition = &state.partitions[at];
            partition.check(place, from)?;
            Ok(partition.from(from).take_while(|segment| segment.base < to).cloned().collect())
        })?;
        for segment in &segments {
            for (offset, entry) in segment.from(from).take_while(|(offset, _)| *offset < to) {
                each(segment.record(place, offset, entry));
            }
        }
        Ok(())
    }
}
