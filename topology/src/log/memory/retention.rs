//! Old records go: a process that runs for days must not keep every record of its life.

use super::Shared;
use super::packed::Entry;
use super::partition::Segment;
use super::state::State;
use rustc_hash::FxHashMap;
use std::{cmp::Reverse, collections::BinaryHeap, sync::atomic::Ordering};

/// Keeps the newest record of each key of compacted topics, then drops the oldest segments of the others, as far as all
/// groups of their topic have read them. Frees no record under the lock.
pub(super) fn retain(shared: &Shared) {
    if shared.retaining.swap(true, Ordering::Acquire) {
        return;
    }
    for at in shared.layout.compacted() {
        compact(shared, at);
    }
    // An eighth below the limit, so that the next time is an eighth away, also when groups lag and little can go.
    let eighth = shared.settings.retention_bytes / 8;
    let dropped = shared.with(|state| {
        let dropped = drop_oldest(state, shared.layout.compacted(), 7 * eighth);
        state.drop_above = shared.settings.retention_bytes.max(state.bytes + eighth);
        dropped
    });
    tracing::debug!(segments = dropped.len(), "dropped the oldest records of the log in process");
    shared.retaining.store(false, Ordering::Release);
}

/// Takes the oldest segments that nobody needs out of the log until it is small enough.
fn drop_oldest(state: &mut State, compacted: impl Iterator<Item = usize>, enough: u64) -> Vec<Segment> {
    let mut needed = vec![i64::MAX; state.partitions.len()];
    for (partition, next) in state.groups.iter().flat_map(|group| group.needs()) {
        needed[partition] = needed[partition].min(next);
    }
    for partition in compacted {
        needed[partition] = 0;
    }
    let State { partitions, bytes, .. } = state;
    let mut oldest: BinaryHeap<Reverse<(i64, usize)>> = BinaryHeap::new();
    let mut dropped = Vec::new();
    for at in 0..partitions.len() {
        oldest.extend(partitions[at].oldest_before(needed[at]).map(|timestamp_ms| Reverse((timestamp_ms, at))));
    }
    while *bytes > enough
        && let Some(Reverse((_, at))) = oldest.pop()
        && let Some(segment) = partitions[at].drop_oldest()
    {
        *bytes -= segment.bytes;
        dropped.push(segment);
        oldest.extend(partitions[at].oldest_before(needed[at]).map(|timestamp_ms| Reverse((timestamp_ms, at))));
    }
    dropped
}

/// Replaces a partition's segments by what compaction leaves of them, once they have doubled: each record is then
/// looked at a few times in its life, however many there are. One thread at a time does so; appends go behind.
fn compact(shared: &Shared, at: usize) {
    let (before, left, known): (Vec<Segment>, u64, i64) = shared.with(|state| {
        let partition = &state.partitions[at];
        (partition.segments.iter().cloned().collect(), partition.compacted_bytes, partition.compacted_to)
    });
    let sum = |segments: &[Segment]| segments.iter().map(|segment| segment.bytes).sum::<u64>();
    let bytes = sum(&before);
    if bytes < 2 * left {
        return;
    }
    let after = newest_of_each_key(&before, known);
    let left = sum(&after);
    shared.with(|state| {
        state.bytes -= bytes - left;
        let partition = &mut state.partitions[at];
        partition.compacted_bytes = left;
        partition.compacted_to = before.last().map_or(known, |segment| segment.end);
        partition.replace_oldest(before.len(), after);
    });
}

/// The newest record of each key. A tombstone stays until the next compaction: who reads in pieces what nobody writes to
/// meanwhile may know of what it takes back, and there is no second compaction before the partition has doubled. `known`
/// is up to where the last one has come.
fn newest_of_each_key(segments: &[Segment], known: i64) -> Vec<Segment> {
    let mut newest: FxHashMap<Option<&[u8]>, i64> = FxHashMap::default();
    for segment in segments {
        newest.extend(segment.from(segment.base).map(|(offset, entry)| (segment.key(entry), offset)));
    }
    let keep = |segment: &Segment| {
        let newest = |offset: i64, entry: &Entry| newest.get(&segment.key(entry)) == Some(&offset);
        segment.keep(|offset, entry| newest(offset, entry) && (offset >= known || !entry.is_tombstone()))
    };
    segments.iter().filter_map(keep).collect()
}
