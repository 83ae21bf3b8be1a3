//! What a step keeps of its partitions is restored in pieces: between them the group hears of this member.

use super::{Step, StepWorker};
use crate::{
    engine::{Progress, TurnError},
    log::{Place, Position},
};
use std::time::Instant;

/// An assignment whose state is not all there.
pub(super) struct Restoring {
    places: Vec<Place>,
    begun: Instant,
}

impl<S: Step> StepWorker<S> {
    /// Takes an assignment over. What takes more than a piece goes on from turn to turn, and so does what the log is too
    /// far away for: until then its partitions are paused, and polls bring nothing but news of the group.
    pub(super) fn begin(&mut self, positions: &[Position]) -> Result<Progress, TurnError> {
        let places: Vec<Place> = positions.iter().map(|position| position.place).collect();
        self.step.assigned(&places);
        self.restoring = Some(Restoring { places, begun: Instant::now() });
        let restored = self.restore();
        if let Some(Restoring { places, .. }) = &self.restoring {
            self.stream.pause(places)?;
            tracing::info!(stream = %self.spec.name, partitions = places.len(), "restores its state");
        }
        restored
    }

    /// Restores one more piece; an error when it is not the last.
    pub(super) fn restore(&mut self) -> Result<Progress, TurnError> {
        if let Some(restored) = self.step.restore(&mut *self.reader)? {
            return Err(TurnError::Restoring(restored));
        }
        if let Some(Restoring { places, begun }) = self.restoring.take() {
            self.stream.resume(&places)?;
            let (partitions, restored_ms) = (places.len(), begun.elapsed().as_millis() as u64);
            tracing::info!(stream = %self.spec.name, partitions, restored_ms, "assigned");
        }
        Ok(Progress::Worked)
    }
}
