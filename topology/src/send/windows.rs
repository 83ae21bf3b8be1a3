//! The windows of all partitions that a worker owns: what senders and callbacks do with them alike.

use super::Window;
use crate::{
    engine::{Halt, unread},
    log::{Place, Position, Stream},
};
use rustc_hash::FxHashMap;

/// The windows that an assignment comes with. Metadata of another program stops the stream.
pub fn restored(stream: &str, positions: &[Position]) -> Result<FxHashMap<Place, Window>, Halt> {
    let window = |Position { place, next, metadata }: &Position| match Window::restore(*next, metadata) {
        Ok(window) => Ok((*place, window)),
        Err(error) => Err(Halt::new(stream, format!("{}/{}: {error}", place.topic, place.partition))),
    };
    positions.iter().map(window).collect()
}

/// Records of a stream that are not done: between the end and what is committed, less those with a done bit. `taken` of them
/// are polled and stand in no window yet.
pub fn undone(stream: &mut dyn Stream, taken: usize, windows: &FxHashMap<Place, Window>) -> i64 {
    let known: i64 = windows.values().map(Window::undone).sum();
    (unread(stream) + taken as i64 + known).max(0)
}

/// Of partitions that were paused at an offset because their window was full, those that can go on.
pub fn with_room(full: &FxHashMap<Place, i64>, windows: &FxHashMap<Place, Window>) -> Vec<Place> {
    let has_room = |(place, offset): (&Place, &i64)| windows.get(place).is_none_or(|w| w.has_room_for(*offset));
    full.iter().filter(|entry| has_room(*entry)).map(|(place, _)| *place).collect()
}
