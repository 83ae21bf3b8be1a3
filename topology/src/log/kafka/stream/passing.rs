//! How a stream that stands still goes past offsets that hold no record.

use super::{KafkaStream, Stage};
use crate::log::{
    LogError, Offsets, Place, Position, Stream as _,
    kafka::{held::Held, passage::Passage},
};

impl KafkaStream {
    /// Goes past offsets that hold no record where all that was read is processed; tells where it stands then.
    pub(super) fn pass(&mut self) -> Result<Vec<(Place, i64)>, LogError> {
        let (Some(member), Some(held), Stage::Reading, None) = (&self.member, &self.held, self.stage, &self.away)
        else {
            return Ok(Vec::new());
        };
        let in_log = self.spec.offsets == Offsets::Log;
        let ahead = self.ahead.as_ref().map(|record| record.place);
        // All of it is processed: a sink asks when it has stored what it was given.
        let stands = |held: &Held, place: Place, from: i64| {
            held.next.get(&place) == Some(&Some(from))
                && (!in_log || held.committed.get(&place) == Some(&from))
                && !held.paused.contains(&place)
                && ahead != Some(place)
        };
        let before = || {
            let all = held.next.iter().filter_map(|(place, next)| Some((*place, (*next)?)));
            let passage = |(place, from)| Some(Passage { place, from, to: member.end_as_fetched(place)? });
            let passages = all.filter(|(place, from)| stands(held, *place, *from)).filter_map(passage);
            passages.filter(|passage| passage.from < passage.to).collect()
        };
        let mut passed = self.passages.without_records(&self.shared, before);
        passed.retain(|passage| stands(held, passage.place, passage.from));
        let positions: Vec<Position> = passed
            .iter()
            .map(|Passage { place, to, .. }| Position { place: *place, next: *to, metadata: String::new() })
            .collect();
        if in_log && !positions.is_empty() {
            self.mark(&positions)?;
        }
        let (Some(member), Some(held)) = (&self.member, &mut self.held) else { return Ok(Vec::new()) };
        for Position { place, next, .. } in &positions {
            held.next.insert(*place, Some(*next));
            // It would read what was aborted once more, or go on from before it after a pause.
            self.astray |= !member.seek(*place, *next)?;
        }
        Ok(passed.into_iter().map(|Passage { place, to, .. }| (place, to)).collect())
    }
}
