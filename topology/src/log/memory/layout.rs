//! Which partitions there are, and where an outgoing record goes.

use super::packed::Packed;
use super::partition::Append;
use crate::log::{LogError, Outgoing, Place};
use rustc_hash::FxHashMap;
use schemas::{Topic, placement::partition_of, topics::Cleanup};
use std::{ops::Range, sync::atomic::AtomicU32, sync::atomic::Ordering};

/// Every partition of every topic, numbered through. Fixed when the log is made, so it needs no lock.
pub(super) struct Layout {
    topics: FxHashMap<Topic, Range<usize>>,
    places: Vec<Place>,
    /// Where the next record goes that has neither partition nor key.
    keyless: AtomicU32,
}

impl Layout {
    pub(super) fn new(partitions: impl Fn(Topic) -> i32) -> Self {
        let mut places = Vec::new();
        let mut topics = FxHashMap::default();
        for &topic in Topic::all() {
            let first = places.len();
            places.extend((0..partitions(topic)).map(|partition| Place { topic, partition }));
            topics.insert(topic, first..places.len());
        }
        Self { topics, places, keyless: AtomicU32::new(0) }
    }

    /// How many partitions there are in all.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The partition of a number.
    pub(super) fn place(&self, at: usize) -> Place {
        self.places[at]
    }

    /// The numbers of a topic's partitions; none when it does not exist.
    pub(super) fn partitions(&self, topic: Topic) -> Range<usize> {
        self.topics.get(&topic).cloned().unwrap_or_default()
    }

    /// The number of a partition.
    pub(super) fn index(&self, place: Place) -> Result<usize, LogError> {
        let Place { topic, partition } = place;
        let range = self.partitions(topic);
        usize::try_from(partition).ok().and_then(|nth| range.clone().nth(nth)).ok_or_else(|| {
            let count = range.len();
            LogError::Stop(format!("{topic} has {count} partitions, no partition {partition}: see the configuration"))
        })
    }

    /// The partitions of topics that keep the newest record of each key.
    pub(super) fn compacted(&self) -> impl Iterator<Item = usize> {
        let compacted = |topic: &Topic| topic.cleanup() == Cleanup::Compact;
        self.topics.iter().filter(move |(topic, _)| compacted(topic)).flat_map(|(_, range)| range.clone())
    }

    /// Groups records by partition, in their order, ready to be appended.
    pub(super) fn stage(&self, records: &[Outgoing]) -> Result<Vec<Append>, LogError> {
        let mut placed = Vec::with_capacity(records.len());
        for record in records {
            placed.push((self.target(record)?, record));
        }
        placed.sort_by_key(|(partition, _)| *partition);
        let same = placed.chunk_by(|(left, _), (right, _)| left == right);
        same.map(|run| Ok(Append::new(run[0].0, Packed::of(run.iter().map(|(_, record)| *record))?))).collect()
    }

    fn target(&self, record: &Outgoing) -> Result<usize, LogError> {
        let Outgoing { topic, partition, key, .. } = record;
        let partition = match (partition, key, self.partitions(*topic).len() as i32) {
            (Some(partition), _, _) => *partition,
            (None, _, 0) => 0,
            (None, Some(key), count) => partition_of(key, count),
            // Java's producer lets such records stick to any partition for a while; here they take turns.
            (None, None, count) => (self.keyless.fetch_add(1, Ordering::Relaxed) % count as u32) as i32,
        };
        self.index(Place { topic: *topic, partition })
    }
}
