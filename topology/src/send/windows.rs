//! The windows of all partitions that a worker owns: what senders and callbacks do with them alike.

use super::{Mark, Window};
use crate::{
    engine::{Halt, unread},
    log::{LogError, Place, Position, Stream},
};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// Of each partition its window.
#[derive(Default)]
pub struct Windows {
    of: FxHashMap<Place, Window>,
    /// Partitions paused because their window is full, and the record to go on with.
    full: FxHashMap<Place, i64>,
}

impl Windows {
    /// Adds the windows that an assignment comes with. Metadata of another program stops the stream.
    pub fn restore(&mut self, stream: &str, positions: &[Position]) -> Result<(), Halt> {
        let window = |Position { place, next, metadata }: &Position| match Window::restore(*next, metadata) {
            Ok(window) => Ok((*place, window)),
            Err(error) => Err(Halt::new(stream, format!("{}/{}: {error}", place.topic, place.partition))),
        };
        let restored: FxHashMap<Place, Window> = positions.iter().map(window).collect::<Result<_, _>>()?;
        self.of.extend(restored);
        Ok(())
    }

    /// Forgets them all.
    pub fn clear(&mut self) {
        self.of.clear();
        self.full.clear();
    }

    /// A request for this record is about to leave. False, as with the two below: its partition is not owned.
    pub fn start(&mut self, place: Place, offset: i64) -> bool {
        self.set(place, |window| window.start(offset))
    }

    /// The request did not leave after all.
    pub fn untouch(&mut self, place: Place, offset: i64) -> bool {
        self.set(place, |window| window.untouch(offset))
    }

    /// The record's result goes into the transaction that commits its window.
    pub fn done(&mut self, place: Place, offset: i64) -> bool {
        self.set(place, |window| window.done(offset))
    }

    fn set(&mut self, place: Place, mark: impl FnOnce(&mut Window)) -> bool {
        self.of.get_mut(&place).map(mark).is_some()
    }

    /// How a record of an owned partition stands.
    pub fn mark(&self, place: Place, offset: i64) -> Option<Mark> {
        self.of.get(&place).map(|window| window.mark(offset))
    }

    /// Every partition.
    pub fn places(&self) -> Vec<Place> {
        self.of.keys().copied().collect()
    }

    /// Those that are not paused because their window is full.
    pub fn open(&self) -> Vec<Place> {
        self.of.keys().filter(|place| !self.full.contains_key(place)).copied().collect()
    }

    /// Takes a record that was polled, and tells its mark. None: it is not owned, or comes again once there is room for
    /// it; its partition is paused until then.
    pub fn take(&mut self, stream: &mut dyn Stream, place: Place, offset: i64) -> Result<Option<Mark>, LogError> {
        if self.full.contains_key(&place) {
            return Ok(None);
        }
        let Some(window) = self.of.get_mut(&place) else { return Ok(None) };
        let mark = window.take(offset);
        if mark.is_none() {
            stream.pause(&[place])?;
            stream.seek(place, offset)?;
            self.full.insert(place, offset);
        }
        Ok(mark)
    }

    /// Goes on with partitions whose window has moved; `shut`: all are paused, and stay so.
    pub fn reopen(&mut self, stream: &mut dyn Stream, shut: bool) -> Result<(), LogError> {
        let Self { of, full } = self;
        let has_room = |(place, offset): (&Place, &i64)| of.get(place).is_none_or(|w| w.has_room_for(*offset));
        let open: Vec<Place> = full.iter().filter(|entry| has_room(*entry)).map(|(place, _)| *place).collect();
        if !open.is_empty() && !shut {
            stream.resume(&open)?;
        }
        full.retain(|place, _| !open.contains(place));
        Ok(())
    }

    /// Where partitions stand, with their marks.
    pub fn positions(&self, places: &BTreeSet<Place>) -> Vec<Position> {
        let position = |place: &Place| {
            let window = self.of.get(place)?;
            Some(Position { place: *place, next: window.base(), metadata: window.metadata() })
        };
        places.iter().filter_map(position).collect()
    }

    /// Records of a stream that are not done: between the end and what is committed, less those with a done bit. `taken` of
    /// them are polled and stand in no window yet.
    pub fn undone(&self, stream: &mut dyn Stream, taken: usize) -> i64 {
        let known: i64 = self.of.values().map(Window::undone).sum();
        (unread(stream) + taken as i64 + known).max(0)
    }
}
