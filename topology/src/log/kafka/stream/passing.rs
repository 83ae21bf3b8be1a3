//! How a stream that stands still goes past offsets that hold no record.

use super::{KafkaStream, Stage};
use crate::log::{LogError, Offsets, Place, Position, Stream as _, kafka::passage::Passage};

impl KafkaStream {
    /// Goes past offsets that hold no record where all that was read is processed; tells where it stands then.
    pub(super) fn pass(&mut self) -> Result<Vec<(Place, i64)>, LogError> {
        let (Some(member), Some(held), Stage::Reading, None) = (&self.member, &self.held, self.stage, &self.away)
        else {
            return Ok(Vec::new());
        };
        let ahead = self.ahead.as_ref().map(|record| record.place);
        // A sink asks when it has stored what it was given.
        let stands = |place: Place, from: i64| held.stands(place, from) && ahead != Some(place);
        let before = || {
            let all = held.next.iter().filter_map(|(place, next)| Some((*place, (*next)?)));
            let passage = |(place, from)| Some(Passage { place, from, to: member.end_as_fetched(place)? });
            let passages = all.filter(|(place, from)| stands(*place, *from)).filter_map(passage);
            passages.filter(|passage| passage.from < passage.to).collect()
        };
        let found = self.passages.without_records(&self.shared, before).into_iter();
        let passed: Vec<(Place, i64)> =
            found.filter(|passage| stands(passage.place, passage.from)).map(|p| (p.place, p.to)).collect();
        if passed.is_empty() {
            return Ok(passed);
        }
        if self.spec.offsets == Offsets::Log {
            let position =
                |(place, next): &(Place, i64)| Position { place: *place, next: *next, metadata: String::new() };
            self.mark(&passed.iter().map(position).collect::<Vec<_>>())?;
        }
        let (Some(member), Some(held)) = (&self.member, &mut self.held) else { return Ok(Vec::new()) };
        held.next.extend(passed.iter().map(|(place, to)| (*place, Some(*to))));
        // It would read what was aborted once more, or go on from before it after a pause.
        self.astray |= !member.seek(passed.iter().map(|(place, to)| (place, *to)))?;
        Ok(passed)
    }
}
