//! The partitions that a stream owns, and where it reads them.

use crate::log::memory::bell::Bell;
use crate::log::memory::partition::Segment;
use crate::log::memory::state::State;
use crate::log::{Limits, LogError, Place, Position, Record};

struct Held {
    /// The partition's number in the log.
    at: usize,
    place: Place,
    next: i64,
    paused: bool,
}

/// Records that a poll may take, of one segment.
pub(super) struct Run {
    /// Which of the held partitions.
    nth: usize,
    segment: Segment,
}

/// What is held, in the order of the log's numbers.
#[derive(Default)]
pub(super) struct Hold {
    held: Vec<Held>,
    /// Which partition is asked first: they take turns, so that a full one starves none.
    turn: usize,
}

impl Hold {
    /// Begins to read and to watch partitions, none of them paused.
    pub(super) fn begin<'p>(
        &mut self,
        state: &mut State,
        positions: impl Iterator<Item = (usize, &'p Position)>,
        member: u64,
        bell: &Bell,
    ) {
        for (at, Position { place, next, .. }) in positions {
            state.partitions[at].watch(member, bell);
            self.held.push(Held { at, place: *place, next: *next, paused: false });
        }
        self.held.sort_unstable_by_key(|held| held.at);
    }

    /// Reads nothing any more.
    pub(super) fn let_go(&mut self, state: &mut State, member: u64) {
        for held in self.held.drain(..) {
            state.partitions[held.at].unwatch(member);
        }
    }

    /// Number and position of each partition.
    pub(super) fn positions(&self) -> impl Iterator<Item = (usize, i64)> {
        self.held.iter().map(|held| (held.at, held.next))
    }

    /// Whether a partition is held.
    pub(super) fn has(&self, at: usize) -> bool {
        self.held.binary_search_by_key(&at, |held| held.at).is_ok()
    }

    /// Pauses a partition, or goes on with it.
    pub(super) fn pause(&mut self, at: usize, paused: bool) {
        if let Some(held) = self.find(at) {
            held.paused = paused;
        }
    }

    /// Reads on from elsewhere.
    pub(super) fn seek(&mut self, at: usize, offset: i64) {
        if let Some(held) = self.find(at) {
            held.next = offset;
        }
    }

    fn find(&mut self, at: usize) -> Option<&mut Held> {
        self.held.binary_search_by_key(&at, |held| held.at).ok().map(|nth| &mut self.held[nth])
    }

    /// Records behind each position.
    pub(super) fn lag(&self, state: &State) -> Vec<(Place, i64)> {
        let behind = |held: &Held| (held.place, state.partitions[held.at].end - held.next);
        self.held.iter().map(behind).collect()
    }

    /// Segments that hold at least so many records, when there are as many. Copies no record.
    pub(super) fn take(&self, state: &State, records: usize) -> Result<Vec<Run>, LogError> {
        let mut runs = Vec::new();
        let mut wanted = records as i64;
        let turns = (0..self.held.len()).map(|nth| (nth + self.turn) % self.held.len());
        for nth in turns {
            let held = &self.held[nth];
            if held.paused {
                continue;
            }
            let partition = &state.partitions[held.at];
            partition.check(held.place, held.next)?;
            for segment in partition.from(held.next) {
                if wanted <= 0 {
                    return Ok(runs);
                }
                wanted -= segment.end - segment.base.max(held.next);
                runs.push(Run { nth, segment: segment.clone() });
            }
        }
        Ok(runs)
    }

    /// Gives records out of what was taken, within the limits, and moves on behind them.
    pub(super) fn give(&mut self, runs: &[Run], limits: Limits, into: &mut Vec<Record>) {
        self.turn = (self.turn + 1) % self.held.len();
        let (mut records, mut bytes) = (0, 0);
        for Run { nth, segment } in runs {
            let held = &mut self.held[*nth];
            for (offset, entry) in segment.from(held.next) {
                let size = entry.value_bytes();
                // The first record is given whatever its size: it would never fit.
                if records == limits.records || (records > 0 && bytes + size > limits.bytes) {
                    return;
                }
                (records, bytes) = (records + 1, bytes + size);
                into.push(segment.record(held.place, offset, entry));
                held.next = offset + 1;
            }
            // Compaction may have taken the last ones.
            held.next = segment.end;
        }
    }
}
