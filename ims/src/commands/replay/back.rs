//! The way back: what came back before, and what comes back now.

use super::{
    audit::Brought,
    letters::{Letter, header, offsets},
    pace::Paced,
};
use crate::assemble::now_ms;
use bytes::Bytes;
use processors::ring::Rings;
use rustc_hash::FxHashMap;
use schemas::{Topic, topics::Kind};
use topology::{
    engine::{CUT_HEADER, ORIGIN_HEADER, REASON_HEADER},
    log::{LogError, Outgoing, Place, Reader, Record},
};

/// Leaves out the letters that were brought back since they became dead letters: the source topic shows them, because
/// only a replay carries an origin. What retention has deleted there is not seen.
pub fn leave_out_what_came_back(
    reader: &mut dyn Reader,
    source: Topic,
    letters: &mut Vec<Letter>,
) -> Result<(), LogError> {
    let Some(oldest_ms) = letters.iter().map(|letter| letter.at_ms).min() else { return Ok(()) };
    let mut came_back: FxHashMap<String, i64> = FxHashMap::default();
    for partition in reader.partitions(source)? {
        let place = Place { topic: source, partition };
        let Some(from) = reader.offset_at(place, oldest_ms)? else { continue };
        let (_, end) = reader.bounds(place)?;
        reader.read(place, from, end, &mut |record| {
            if let Some(origin) = header(&record, ORIGIN_HEADER) {
                let newest = came_back.entry(origin).or_insert(record.timestamp_ms);
                *newest = record.timestamp_ms.max(*newest);
            }
        })?;
    }
    letters.retain(|letter| came_back.get(&letter.origin).is_none_or(|&at_ms| at_ms < letter.at_ms));
    Ok(())
}

/// Letters on their way back.
pub struct Back<'l> {
    /// The letters.
    pub letters: &'l [Letter],
    /// Where they came from.
    pub source: Topic,
    /// The value instead of the one that was found.
    pub mended: Option<Bytes>,
    /// For what came from a ring.
    pub rings: Rings,
}

impl Back<'_> {
    /// Brings them, so many a second at most; `brought` is right also when it ends with an error, and `each` is told of
    /// every one.
    pub fn bring(
        &self,
        reader: &mut dyn Reader,
        place: Place,
        mut paced: Paced<'_, ()>,
        brought: &mut Brought,
        each: &dyn Fn(),
    ) -> anyhow::Result<()> {
        let (Some(first), Some(last)) = (self.letters.first(), self.letters.last()) else { return Ok(()) };
        let wanted = offsets(self.letters);
        let mut outcome = Ok(());
        let mut add = |()| {
            brought.count += 1;
            each();
        };
        let read = reader.read(place, first.offset, last.offset + 1, &mut |letter| {
            if outcome.is_ok() && wanted.contains(&letter.offset) {
                outcome = paced.push(self.record(letter), (), &mut add);
            }
        });
        // What could not be brought says more than a reader that met the same trouble.
        outcome.and_then(|()| Ok(read?)).and_then(|()| paced.flush(&mut add))
    }

    /// The record as it comes back: as it was, with its origin, without what its letter says of it.
    fn record(&self, letter: Record) -> Outgoing {
        let mut headers = letter.headers;
        headers.retain(|(name, _)| name != REASON_HEADER && name != CUT_HEADER);
        let value = self.mended.clone().or(letter.value);
        Outgoing { topic: self.source, partition: self.partition(), key: letter.key, value, headers }
    }

    /// Keys find their partition; what waited in a ring is put into the slot that has just opened, from where it goes
    /// where it belongs.
    fn partition(&self) -> Option<i32> {
        let Kind::Delay(ring) = self.source.kind() else { return None };
        let size = self.rings.size(ring);
        let turn = now_ms().div_euclid(i64::from(size.width_ms));
        Some(turn.rem_euclid(i64::from(size.slots)) as i32)
    }
}
