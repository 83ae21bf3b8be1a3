//! One partition: segments of records, each appended whole and never changed or copied again.

use super::bell::Bell;
use super::packed::{Entry, Packed};
use crate::log::{LogError, Place, Record};
use std::collections::VecDeque;

/// Records of one transaction for one partition, not yet in the log.
pub(super) struct Append {
    pub(super) partition: usize,
    packed: Packed,
    pub(super) bytes: u64,
}

impl Append {
    pub(super) fn new(partition: usize, packed: Packed) -> Self {
        let bytes = packed.bytes();
        Self { partition, packed, bytes }
    }
}

/// Records that were appended together. A clone shares them.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) base: i64,
    /// The offset after its last record.
    pub(super) end: i64,
    pub(super) timestamp_ms: i64,
    pub(super) bytes: u64,
    packed: Packed,
}

impl Segment {
    /// Its records from an offset on.
    pub(super) fn from(&self, offset: i64) -> impl Iterator<Item = (i64, &Entry)> {
        let entries = self.packed.entries();
        let skipped = entries.partition_point(|entry| self.base + entry.delta() < offset);
        entries[skipped..].iter().map(|entry| (self.base + entry.delta(), entry))
    }

    /// A record as the outside sees it.
    pub(super) fn record(&self, place: Place, offset: i64, entry: &Entry) -> Record {
        let (key, value, headers) = self.packed.parts(entry);
        Record { place, offset, timestamp_ms: self.timestamp_ms, key, value, headers }
    }

    /// The key of one of its records.
    pub(super) fn key(&self, entry: &Entry) -> Option<&[u8]> {
        self.packed.key(entry)
    }

    /// The same segment with only those records that are to stay; None when none are.
    pub(super) fn keep(&self, stays: impl Fn(i64, &Entry) -> bool) -> Option<Self> {
        let stays = |entry: &Entry| stays(self.base + entry.delta(), entry);
        if self.packed.entries().iter().all(stays) {
            return Some(self.clone());
        }
        let packed = self.packed.keep(stays);
        (!packed.entries().is_empty()).then(|| Self { bytes: packed.bytes(), packed, ..*self })
    }
}

/// A partition.
#[derive(Default)]
pub(super) struct Partition {
    /// First offset still there.
    pub(super) start: i64,
    /// The offset after the last record.
    pub(super) end: i64,
    /// In order of offset; compaction leaves gaps.
    pub(super) segments: VecDeque<Segment>,
    /// Bytes of them.
    pub(super) bytes: u64,
    /// Bytes that the last compaction left.
    pub(super) compacted_bytes: u64,
    /// And the offset up to which it has come.
    pub(super) compacted_to: i64,
    /// Members that want to hear of the next record.
    watchers: Vec<(u64, Bell)>,
}

impl Partition {
    /// Appends a batch and says whom to wake.
    pub(super) fn append(&mut self, append: Append, timestamp_ms: i64, bells: &mut Vec<Bell>) {
        let Append { packed, bytes, .. } = append;
        let base = self.end;
        self.end += packed.entries().len() as i64;
        self.bytes += bytes;
        self.segments.push_back(Segment { base, end: self.end, timestamp_ms, bytes, packed });
        bells.extend(self.watchers.iter().map(|(_, bell)| bell.clone()));
    }

    /// Whether reading can go on at an offset without missing a record.
    pub(super) fn check(&self, place: Place, offset: i64) -> Result<(), LogError> {
        let (Place { topic, partition }, Self { start, end, .. }) = (place, self);
        if (*start..=*end).contains(&offset) {
            return Ok(());
        }
        Err(LogError::Stop(format!(
            "{topic}/{partition} is to be read from {offset} and has {start} to {end}: its records are gone by retention \
             (allow the log in process more bytes) or never were"
        )))
    }

    /// The segments that hold records at or after an offset.
    pub(super) fn from(&self, offset: i64) -> impl Iterator<Item = &Segment> {
        let skipped = self.segments.partition_point(|segment| segment.end <= offset);
        self.segments.range(skipped..)
    }

    /// First offset of a time or later. Timestamps never fall within a log.
    pub(super) fn offset_at(&self, timestamp_ms: i64) -> Option<i64> {
        let earlier = self.segments.partition_point(|segment| segment.timestamp_ms < timestamp_ms);
        let segment = self.segments.get(earlier)?;
        segment.from(segment.base).next().map(|(offset, _)| offset)
    }

    /// The time of the oldest segment when all of it lies before an offset.
    pub(super) fn oldest_before(&self, offset: i64) -> Option<i64> {
        self.segments.front().filter(|segment| segment.end <= offset).map(|segment| segment.timestamp_ms)
    }

    /// Takes the oldest segment out.
    pub(super) fn drop_oldest(&mut self) -> Option<Segment> {
        let oldest = self.segments.pop_front()?;
        self.start = oldest.end;
        self.bytes -= oldest.bytes;
        Some(oldest)
    }

    /// Puts others in the place of the oldest segments.
    pub(super) fn replace_oldest(&mut self, count: usize, by: Vec<Segment>) {
        let newer = self.segments.split_off(count);
        self.segments = by.into();
        self.segments.extend(newer);
        self.bytes = self.segments.iter().map(|segment| segment.bytes).sum();
    }

    /// A member wants to be woken for the next record.
    pub(super) fn watch(&mut self, member: u64, bell: &Bell) {
        self.unwatch(member);
        self.watchers.push((member, bell.clone()));
    }

    /// It does not any more.
    pub(super) fn unwatch(&mut self, member: u64) {
        self.watchers.retain(|(watcher, _)| *watcher != member);
    }
}
