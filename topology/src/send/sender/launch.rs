//! Lets requests leave.

use super::{Sender, Stage, read::family};
use crate::{
    engine::TurnError,
    fault::{self, Point},
    log::LogError,
    send::{Admission, Held, Slot, metrics as names},
};
use metrics::counter;
use processors::{
    ports::{Reply, Request},
    reference::{Reference, Vendor},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// The group must have confirmed this member within this time for a request to leave. A mark has just done so, within
/// milliseconds: more means that the process stood still, and a session (6 s for AUTH) may be running out.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(2);

/// What leaves next.
struct Pick {
    held: Held,
    vendor: Arc<Vendor>,
    slot: Slot,
}

impl Sender {
    /// Sends what may leave now. Whether something was done.
    pub(super) fn launch(&mut self) -> Result<bool, TurnError> {
        if !matches!(self.stage, Stage::Sending) || self.hold.is_empty() {
            return Ok(false);
        }
        let reference = self.judge.reference.current();
        let booked = self.books.done().len();
        let picks = self.pick(&reference);
        if picks.is_empty() {
            return Ok(self.books.done().len() > booked);
        }
        if let Err(error) = self.mark(&picks) {
            if let LogError::Away(_) = error {
                self.put_back(picks);
            }
            return Err(error.into());
        }
        let mut picks = picks.into_iter();
        while let Some(pick) = picks.next() {
            if self.stream.since_confirmed() >= CONFIRMED_WITHIN {
                tracing::warn!(stream = %self.spec.name, "stood still: nothing leaves until the group confirms this member");
                counter!(names::UNCONFIRMED, "stream" => self.spec.name.clone()).increment(1 + picks.len() as u64);
                self.put_back(std::iter::once(pick).chain(picks).collect());
                break;
            }
            fault::point(&self.spec.name, Point::RequestDue);
            self.send(&reference, pick);
        }
        fault::point(&self.spec.name, Point::RequestWritten);
        Ok(true)
    }

    /// Takes out of the hold, turn by turn, what each vendor's limits let go.
    fn pick(&mut self, reference: &Reference) -> Vec<Pick> {
        let mut picks = Vec::new();
        let mut rest: Option<Duration> = None;
        for name in self.hold.vendors() {
            while let Some(held) = self.hold.peek(&name) {
                if let Some(plan) = self.judge.stop(reference, &held.dispatch) {
                    if let Some(held) = self.hold.pop(&name) {
                        self.books.settle(held, plan, None, self.judge.now_ms());
                    }
                    continue;
                }
                let vendor = family(held.place).and_then(|family| reference.vendor(family, &name)).cloned();
                if let Some(vendor) = &vendor
                    && let Some(refusal) = self.judge.allowance.refusal(&name, &held.dispatch)
                {
                    let plan = self.judge.plan(reference, &refusal, &held.dispatch, vendor);
                    if let Some(held) = self.hold.pop(&name) {
                        self.books.settle(held, plan, None, self.judge.now_ms());
                    }
                    continue;
                }
                let admission = vendor.as_ref().map(|v| self.judge.allowance.admit(v, self.lane, held.cost()));
                match (admission, vendor) {
                    (Some(Admission::Go(slot)), Some(vendor)) => match self.hold.pop(&name) {
                        Some(held) => {
                            self.judge.allowance.leaves(&vendor, &held.dispatch);
                            picks.push(Pick { held, vendor, slot });
                        }
                        None => break,
                    },
                    (Some(Admission::Wait(wait)), _) => {
                        rest = Some(rest.map_or(wait, |rest| rest.min(wait)));
                        break;
                    }
                    (Some(Admission::Down) | None, _) | (_, None) => {
                        self.give_to_others(reference, &name);
                        break;
                    }
                }
            }
        }
        self.rest = rest.unwrap_or(Duration::ZERO);
        picks
    }

    /// A vendor is down or gone: its share goes to another one of the family, or waits.
    fn give_to_others(&mut self, reference: &Reference, name: &str) {
        let down = Reply::NotSent("the vendor is down".to_owned());
        for held in self.hold.take_where(|held| held.dispatch.vendor == name) {
            let vendor = family(held.place).and_then(|family| reference.vendor(family, name));
            // One that is gone from the reference data for one family may still serve another.
            let plan = match vendor {
                Some(vendor) => self.judge.plan(reference, &down, &held.dispatch, vendor),
                None => self.judge.plan(reference, &down, &held.dispatch, &super::read::gone(name)),
            };
            self.books.settle(held, plan, None, self.judge.now_ms());
        }
    }

    /// Marks what is about to leave, in the log. The broker checks that this member still owns it.
    fn mark(&mut self, picks: &[Pick]) -> Result<(), LogError> {
        let mut touched = BTreeSet::new();
        for Pick { held, .. } in picks {
            if self.windows.start(held.place, held.offset) {
                touched.insert(held.place);
            }
        }
        let positions = self.windows.positions(&touched);
        fault::point(&self.spec.name, Point::BeforeStarted);
        self.stream.mark(&positions)?;
        fault::point(&self.spec.name, Point::AfterStarted);
        counter!(names::STARTED, "stream" => self.spec.name.clone()).increment(picks.len() as u64);
        Ok(())
    }

    /// Takes back what was marked and has not left, in the order in which it stood.
    fn put_back(&mut self, picks: Vec<Pick>) {
        for Pick { held, .. } in picks.into_iter().rev() {
            self.windows.untouch(held.place, held.offset);
            self.hold.push_front(held);
        }
    }

    /// One request leaves, unless it met the night or expired since it was picked.
    fn send(&mut self, reference: &Reference, Pick { held, vendor, slot }: Pick) {
        let now_ms = self.judge.now_ms();
        if let Some(plan) = self.judge.stop(reference, &held.dispatch) {
            return self.books.settle(held, plan, None, now_ms);
        }
        let ticket = self.flights.ticket();
        let request = Request { ticket, dispatch: Arc::clone(&held.dispatch), vendor: Arc::clone(&vendor) };
        self.flights.left(ticket, held, vendor, slot, now_ms);
        self.provider.submit(request);
    }
}
