//! Keeps the hold within its bounds, and nobody in it before his turn for long.

use super::{Sender, Stage};
use crate::{engine::TurnError, send::metrics as names};
use metrics::counter;

/// How often the hold is searched for what may not leave any more.
const SWEEP_MS: i64 = 1_000;
/// How long the hold stays full before partitions are paused, as long as answers are to come. A partition that goes on
/// is read again only after a fetch that waits at the broker for others has come back: a quick vendor would have nothing
/// to do for half a second, again and again.
const SHUT_AFTER_MS: i64 = 1_000;
/// How often one record more is polled until then: the group is heard of by polling.
pub(super) const POLL_MS: i64 = 50;

impl Sender {
    /// Before a poll: settles what expired or met the night, spills a surplus, pauses or goes on. Whether something
    /// was done.
    pub(super) fn make_room(&mut self) -> Result<bool, TurnError> {
        if !matches!(self.stage, Stage::Sending) {
            return Ok(false);
        }
        let mut worked = self.sweep();
        if self.is_full() && self.hold_full_ms.is_none() {
            // Only somebody who waits behind is worth a spill.
            let behind: i64 = self.stream.lag().into_iter().map(|(_, lag)| lag).sum();
            if behind > 0 {
                worked |= self.spill();
            }
        }
        if self.is_full() {
            self.hold_full_ms.get_or_insert(self.judge.now_ms());
        } else if !self.shut {
            self.hold_full_ms = None;
        } else if self.is_half_empty() {
            (self.shut, self.hold_full_ms) = (false, None);
            self.stream.resume(&self.windows.open())?;
        }
        self.windows.reopen(&mut *self.stream, self.shut)?;
        Ok(worked)
    }

    /// Whether what is held is enough for now; pauses the partitions when it will be for long.
    pub(super) fn has_enough(&mut self) -> Result<bool, TurnError> {
        let Some(since_ms) = self.hold_full_ms else { return Ok(false) };
        let now_ms = self.judge.now_ms();
        if now_ms - since_ms >= SHUT_AFTER_MS || self.flights.ours() == 0 {
            self.shut()?;
        }
        Ok(!self.shut && now_ms - self.polled_ms < POLL_MS)
    }

    fn is_full(&self) -> bool {
        self.hold.records() >= self.settings.hold_records || self.hold.bytes() >= self.settings.hold_bytes
    }

    fn is_half_empty(&self) -> bool {
        self.hold.records() <= self.settings.hold_records / 2 && self.hold.bytes() <= self.settings.hold_bytes / 2
    }

    fn shut(&mut self) -> Result<(), TurnError> {
        if !self.shut {
            self.stream.pause(&self.windows.places())?;
            self.shut = true;
        }
        Ok(())
    }

    /// Lets customers' surplus come back later, so that whoever stands behind it is read.
    fn spill(&mut self) -> bool {
        let soon = self.soon();
        let count = self.hold.records().saturating_sub(self.settings.hold_records / 2).max(1);
        let surplus = self.hold.take_surplus(count, &soon);
        let now_ms = self.judge.now_ms();
        for held in &surplus {
            let dispatch = &held.dispatch;
            let per_second = soon.get(&dispatch.vendor).map_or(1.0, |calls| *calls as f64);
            let mut due_ms = self.returns.due_ms(&dispatch.vendor, held.customer(), per_second, now_ms);
            // Whatever ends its wait otherwise is told in time, not when its turn would come.
            due_ms = due_ms.min(dispatch.accepted.expires_at);
            if let Some(last_ms) = self.judge.last_allowed_ms(dispatch) {
                due_ms = due_ms.min(last_ms + 1);
            }
            self.books.spill(held, due_ms, now_ms);
        }
        counter!(names::SPILLED, "stream" => self.spec.name.clone()).increment(surplus.len() as u64);
        !surplus.is_empty()
    }

    /// Settles what may not leave any more: the rate may keep it from its turn for long.
    fn sweep(&mut self) -> bool {
        let now_ms = self.judge.now_ms();
        if (self.swept_ms..self.swept_ms.saturating_add(SWEEP_MS)).contains(&now_ms) {
            return false;
        }
        self.swept_ms = now_ms;
        self.judge.allowance.holds(&self.spec.name, self.hold.waiting());
        self.returns.forget_past(now_ms);
        let reference = self.judge.reference.current();
        let judge = &self.judge;
        let stopped = self.hold.take_where(|held| judge.stop(&reference, &held.dispatch).is_some());
        let any = !stopped.is_empty();
        for held in stopped {
            // Asked twice, because a plan is worth making only for the few that stop.
            match self.judge.stop(&reference, &held.dispatch) {
                Some(plan) => self.books.settle(held, plan, None, now_ms),
                None => self.hold.push(held),
            }
        }
        any
    }
}
