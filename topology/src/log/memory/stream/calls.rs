//! The calls of a stream, as the engine makes them.

use super::{Found, MemoryStream};
use crate::log::memory::faults::Call;
use crate::log::{Limits, LogError, Outgoing, Place, Polled, Position, Record, Stream};
use std::time::{Duration, Instant};

impl Stream for MemoryStream {
    fn poll(&mut self, limits: Limits, into: &mut Vec<Record>) -> Result<Polled, LogError> {
        let started = Instant::now();
        let shared = self.shared.clone();
        loop {
            self.bell.hush();
            let now_ms = shared.now_ms();
            match shared.reach(|state| self.look(state, limits, now_ms))? {
                Found::News(polled) => return Ok(polled),
                Found::Records(runs) => {
                    self.hold.give(&runs, limits, into);
                    return Ok(Polled::Records);
                }
                Found::Nothing => {}
            }
            let left = limits.wait.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(Polled::Records);
            }
            self.bell.wait(left);
        }
    }

    fn commit(&mut self, outputs: &[Outgoing], positions: &[Position]) -> Result<(), LogError> {
        if !self.spec.produces && !outputs.is_empty() {
            return Err(LogError::Stop(format!(
                "{} appends records but was started without a producer",
                self.spec.name
            )));
        }
        let appends = self.shared.layout.stage(outputs)?;
        self.conclude(Call::Commit, appends, positions)
    }

    fn mark(&mut self, positions: &[Position]) -> Result<(), LogError> {
        self.conclude(Call::Mark, vec![], positions)
    }

    /// Does nothing when nothing is to go.
    fn release(&mut self) -> Result<(), LogError> {
        self.shared.with(|state| {
            let (group, bells) = state.group(self.group);
            if group.release(self.member, bells) {
                self.hold.let_go(state, self.member);
            }
        });
        Ok(())
    }

    fn pause(&mut self, places: &[Place]) -> Result<(), LogError> {
        self.open(places, false)
    }

    fn resume(&mut self, places: &[Place]) -> Result<(), LogError> {
        self.open(places, true)
    }

    fn seek(&mut self, place: Place, offset: i64) -> Result<(), LogError> {
        let at = self.owned(place)?;
        self.hold.seek(at, offset);
        Ok(())
    }

    fn lag(&mut self) -> Vec<(Place, i64)> {
        self.shared.with(|state| self.hold.lag(state))
    }

    /// The group is in this process: as long as it knows the member and is there, asking confirms it. A member that was
    /// thrown out had been silent for a session.
    fn since_confirmed(&self) -> Duration {
        let now_ms = self.shared.now_ms();
        let (away, known) = self.shared.with(|state| (state.away, state.groups[self.group].knows(self.member)));
        if known && !away {
            self.confirmed_ms.set(now_ms);
        }
        let since = Duration::from_millis(u64::try_from(now_ms - self.confirmed_ms.get()).unwrap_or(0));
        if known { since } else { since.max(self.shared.settings.session) }
    }

    fn leave(self: Box<Self>) {
        drop(self);
    }
}

impl MemoryStream {
    fn open(&mut self, places: &[Place], open: bool) -> Result<(), LogError> {
        let partitions = places.iter().map(|place| self.owned(*place)).collect::<Result<Vec<_>, _>>()?;
        self.shared.with(|state| {
            for at in partitions {
                self.hold.pause(at, !open);
                match open {
                    true => state.partitions[at].watch(self.member, &self.bell),
                    false => state.partitions[at].unwatch(self.member),
                }
            }
        });
        Ok(())
    }
}
