//! Takes answers, and commits what followed from them.

use super::{Sender, Stage, costs, flights::Landed};
use crate::{
    engine::TurnError,
    fault::{self, Point},
    log::LogError,
    metrics as engine_names,
    send::{Held, metrics as names},
};
use metrics::counter;
use processors::{
    codes::{Handling, judge},
    ports::{Answer, Reply},
    reference::Vendor,
    retry::typical,
    standing::Word,
};
use std::{collections::BTreeSet, time::Duration};

/// How long one look for answers may take while requests are in flight: a record that arrives meanwhile waits as long.
const URGENT_LOOK: Duration = Duration::from_millis(1);
const LOOK: Duration = Duration::from_millis(5);
/// How long results of bulk are gathered for one transaction, and how many at most, while more of it waits for hands: in
/// the time of a commit nothing leaves.
const GATHERED_FOR_MS: i64 = 25;
const GATHERED_AT_MOST: usize = 5_000;

impl Sender {
    /// Takes the answers that are there. Waits a little when there is nothing else to do. Whether there were any.
    pub(super) fn listen(&mut self, wait: Duration) -> bool {
        let look = match () {
            () if self.flights.ours() == 0 || !self.books.is_empty() && !self.gathers() => Duration::ZERO,
            () if self.spec.urgent => wait.min(URGENT_LOOK),
            () => wait.min(LOOK),
        };
        let mut answers = Vec::new();
        self.provider.answers(look, &mut answers);
        if answers.is_empty() {
            return false;
        }
        fault::point(&self.spec.name, Point::AnswerRead);
        answers.into_iter().for_each(|answer| self.take_answer(answer));
        self.spec.bulk()
    }

    /// Notes what an answer says about its vendor, and settles it if its partition is ours.
    fn take_answer(&mut self, answer: Answer) {
        if let Some(flight) = self.flights.get_mut(answer.ticket) {
            let reply = typical(&answer.reply, &flight.vendor);
            let took_ms = answer.at_ms - flight.sent_ms;
            if let Some(slot) = flight.slot.take() {
                match reply {
                    Reply::Unasked { .. } => drop(slot),
                    _ => slot.ended(word(reply, &flight.vendor), took_ms),
                }
            }
            if let Reply::Code { code, text } = &answer.reply {
                self.judge.allowance.answered(&flight.vendor, &flight.held.dispatch, flight.sent_ms, code, text);
            }
            if let Reply::Throttled(time) = reply {
                self.judge.allowance.quiet(&flight.vendor, *time);
            }
        }
        let owning = matches!(self.stage, Stage::Sending | Stage::Parting(_));
        match self.flights.land(answer, owning) {
            Landed::Ours(flight, reply) => self.settle(flight.held, &reply, &flight.vendor, flight.sent_ms),
            Landed::Late => counter!(names::LATE_ANSWERS, "stream" => self.spec.name.clone()).increment(1),
            Landed::Parked => {}
        }
    }

    /// Enters what an answer leads to.
    pub(super) fn settle(&mut self, held: Held, reply: &Reply, vendor: &Vendor, sent_ms: i64) {
        let reference = self.judge.reference.current();
        let plan = self.judge.plan(&reference, reply, &held.dispatch, vendor);
        if plan.taken(held.dispatch.in_doubt) {
            costs::count(vendor, &held.dispatch, || self.provider.parts(&held.dispatch, vendor));
        }
        let sent_at = reply.has_left().then_some(sent_ms);
        self.books.settle(held, plan, sent_at, self.judge.now_ms());
    }

    /// Whether what is booked may wait for more: others wait behind for the hands that came back.
    fn gathers(&self) -> bool {
        self.spec.bulk()
            && matches!(self.stage, Stage::Sending)
            && !self.hold.is_empty()
            && self.flights.ours() > 0
            && self.books.done().len() < GATHERED_AT_MOST
            && self.booked_ms.is_none_or(|since_ms| (0..GATHERED_FOR_MS).contains(&(self.judge.now_ms() - since_ms)))
    }

    /// Commits what is booked: results, further attempts and the offsets that they end, in one transaction.
    pub(super) fn commit(&mut self) -> Result<bool, TurnError> {
        if self.books.is_empty() {
            return Ok(false);
        }
        self.booked_ms.get_or_insert(self.judge.now_ms());
        if self.gathers() {
            return Ok(false);
        }
        let mut touched = BTreeSet::new();
        for (place, offset) in self.books.done() {
            if self.windows.done(*place, *offset) {
                touched.insert(*place);
            }
        }
        fault::point(&self.spec.name, Point::DoneNoted);
        self.owed = Some(self.windows.positions(&touched));
        self.commit_owed()
    }

    /// Commits what is owed, now or again. Until it is committed nothing is marked, so no mark can say "done" of what
    /// is not in the log.
    pub(super) fn commit_owed(&mut self) -> Result<bool, TurnError> {
        let Some(positions) = self.owed.take() else { return Ok(false) };
        match self.stream.commit(self.books.out().records(), &positions) {
            Ok(()) => {}
            Err(error) => {
                if let LogError::Away(_) = error {
                    self.owed = Some(positions);
                }
                return Err(error.into());
            }
        }
        counter!(engine_names::RECORDS, "stream" => self.spec.name.clone()).increment(self.books.done().len() as u64);
        self.books.out().count_all();
        self.books.done().iter().for_each(|(place, offset)| self.flights.settled(*place, *offset));
        self.judge.allowance.put_aside(self.books.take_aside());
        self.books.clear();
        self.booked_ms = None;
        Ok(true)
    }
}

/// What a reply says of the vendor.
fn word<'r>(reply: &'r Reply, vendor: &Vendor) -> Word<'r> {
    match reply {
        Reply::NotSent(why) => Word::NotSent(why),
        Reply::NoAnswer(why) => Word::NoAnswer(why),
        // That it wants to be left alone is noted with the time.
        Reply::Throttled(_) | Reply::Unasked { .. } | Reply::Forgotten(_) | Reply::Undecided(_) | Reply::Tokens(_) => {
            Word::Nothing
        }
        Reply::Code { code, text } => match judge(vendor.codes, code).handling {
            Handling::LockedOut => Word::LockedOut(code, text),
            Handling::Breaker => Word::Ailing(code),
            _ => Word::Well,
        },
    }
}
