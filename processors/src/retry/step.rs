//! What each kind of answer leads to.

use super::{After, Again, Backoff, Desk, LONGEST_QUIET, Plan, Said, UNCERTAIN, backoff, by_night, tokens};
use crate::codes::{Class, Handling, OutcomeCode, Row, judge};
use crate::ports::Reply;
use crate::reference::{Asked, InDoubt, Vendor};
use crate::route::{choose, takes};
use rustc_hash::FxHasher;
use schemas::{Dispatch, Family, Lane, State};
use std::{hash::Hasher, time::Duration};

/// One step and what decides about it.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    pub dispatch: &'a Dispatch,
    pub vendor: &'a Vendor,
    pub desk: &'a Desk<'a>,
    pub pace: Backoff,
}

impl Step<'_> {
    /// What an answer leads to.
    pub fn plan(&self, reply: &Reply) -> Plan {
        match reply {
            Reply::Code { code, text } => self.code(code, text),
            Reply::Unasked { code, text } => self.unasked(code, text),
            Reply::NotSent(_) | Reply::Undecided(_) => self.not_sent(),
            Reply::NoAnswer(_) => self.no_answer(),
            Reply::Forgotten(_) => self.forgotten(),
            Reply::Throttled(time) => self.throttled(*time),
            Reply::Tokens(replies) => tokens::plan(self, replies),
        }
    }

    pub fn code(&self, code: &str, text: &str) -> Plan {
        let row = judge(self.vendor.codes, code);
        if row.handling == Handling::LockedOut {
            // It refused us and not the message: as if there had been no connection.
            return Plan { row: Some(row), ..self.not_sent() };
        }
        let failed =
            || After::End { state: State::Failed, fallback_allowed: row.fallback_allowed(self.dispatch.accepted.ad) };
        let reported = || After::Sent { due_ms: self.receipt_due_ms() };
        // A vendor that refuses for now has not said what became of an earlier request in doubt.
        let given_up = || if self.dispatch.in_doubt { UNCERTAIN } else { failed() };
        let after = match row.class {
            Class::Done if self.vendor.receipts => reported(),
            Class::Done => After::End { state: State::Delivered, fallback_allowed: false },
            Class::Final if self.dispatch.in_doubt && !self.vendor.protocol.knows_repeats() => UNCERTAIN,
            Class::Final => failed(),
            // Of the customer's and our own affairs, or of nothing that is known: not of this message.
            Class::Block | Class::Unknown => given_up(),
            Class::Uncertain => UNCERTAIN,
            // The first request arrived; what became of it, only a report can say.
            Class::Duplicate if self.vendor.receipts => reported(),
            Class::Duplicate => UNCERTAIN,
            Class::Poll => reported(),
            Class::Hold if self.dispatch.in_doubt => UNCERTAIN,
            Class::Hold => {
                let family = self.family();
                by_night(self.dispatch, self.desk, self.desk.rules.night.morning(family, self.desk.now_ms))
            }
            Class::RetryOnce if self.tries() >= 2 => given_up(),
            Class::Retry | Class::RetryOnce => self.later(row).unwrap_or_else(given_up),
            // Only the vendor that may have it can tell a repeat from a second message.
            Class::RetryElsewhere if self.dispatch.in_doubt => self.later(row).unwrap_or_else(given_up),
            Class::RetryElsewhere => self.elsewhere(true).unwrap_or_else(failed),
        };
        let ambiguous = self.dispatch.in_doubt || matches!(row.class, Class::Uncertain | Class::Duplicate);
        Plan { after, said: Said::vendors(row, code, text), asked: true, ambiguous, row: Some(row) }
    }

    /// What the vendor would say, who was not asked: of an earlier request that says nothing.
    fn unasked(&self, code: &str, text: &str) -> Plan {
        let plan = self.code(code, text);
        let after = if self.dispatch.in_doubt { UNCERTAIN } else { plan.after };
        Plan { after, asked: false, ..plan }
    }

    /// Nothing left us, so repeating is safe: at another vendor at once, else when the vendors may be back.
    pub fn not_sent(&self) -> Plan {
        let due_ms = self.back_ms();
        let again = if self.dispatch.in_doubt {
            // Only the vendor that may have it can tell a repeat from a second message.
            self.same(due_ms, false, true)
        } else {
            self.elsewhere(false).or_else(|| (!self.impatient()).then(|| self.next_round(due_ms, false)).flatten())
        };
        self.unless_out_of_time(again, false)
    }

    /// When vendors that are down may be back, Unix milliseconds.
    fn back_ms(&self) -> i64 {
        let waited_ms = self.desk.now_ms - self.dispatch.routed_at;
        self.desk.now_ms + self.spread(self.pace.after_waiting(waited_ms))
    }

    /// It waited for long enough that the next step of its plan should have its turn.
    fn impatient(&self) -> bool {
        let waited_ms = self.desk.now_ms - self.dispatch.routed_at;
        self.has_next() && waited_ms >= i64::from(self.pace.patience_ms)
    }

    /// The vendor may have delivered: its own policy says what can be done about that.
    pub fn no_answer(&self) -> Plan {
        let after = match self.vendor.in_doubt {
            InDoubt::Uncertain => UNCERTAIN,
            InDoubt::Receipt => After::Sent { due_ms: self.receipt_due_ms() },
            InDoubt::Repeat | InDoubt::Query if self.exhausted() => UNCERTAIN,
            InDoubt::Repeat | InDoubt::Query => {
                let due_ms = self.desk.now_ms + self.spread(self.pace.after_request(self.tries()));
                self.same(due_ms, true, true).unwrap_or(UNCERTAIN)
            }
        };
        Plan { after, said: Said::own(OutcomeCode::Uncertain), asked: true, ambiguous: true, row: None }
    }

    /// Nobody can tell any more whether the vendor has it.
    pub fn forgotten(&self) -> Plan {
        Plan { after: UNCERTAIN, said: Said::own(OutcomeCode::Uncertain), asked: false, ambiguous: true, row: None }
    }

    /// Waits as long as the vendor asks, within bounds, however often; an AUTH message rather goes to another vendor.
    pub fn throttled(&self, time: Duration) -> Plan {
        let in_doubt = self.dispatch.in_doubt;
        let left_ms = self.dispatch.accepted.expires_at - self.desk.now_ms;
        let time_ms = i64::try_from(time.min(LONGEST_QUIET).as_millis()).unwrap_or(left_ms).min(left_ms);
        let hurry = self.dispatch.priority == Lane::Auth && !in_doubt;
        let other = hurry.then(|| self.elsewhere(true)).flatten();
        let again = other.or_else(|| self.same(self.desk.now_ms + self.spread(time_ms), true, in_doubt));
        let uncounted = again.map(|after| match after {
            After::Again(again) => After::Again(Again { throttled: again.throttled.saturating_add(1), ..again }),
            other => other,
        });
        self.unless_out_of_time(uncounted, true)
    }

    /// No vendor refused the step; when there is no time for another attempt, the next step of the plan may follow.
    fn unless_out_of_time(&self, again: Option<After>, asked: bool) -> Plan {
        let in_doubt = self.dispatch.in_doubt;
        let (after, code) = match again {
            Some(again) => (again, OutcomeCode::NoVendor),
            None if in_doubt => (UNCERTAIN, OutcomeCode::Uncertain),
            None if self.has_next() && self.desk.now_ms < self.dispatch.accepted.expires_at => {
                (After::End { state: State::Failed, fallback_allowed: true }, OutcomeCode::NoVendor)
            }
            None => (After::End { state: State::Expired, fallback_allowed: false }, OutcomeCode::Expired),
        };
        Plan { after, said: Said::own(code), asked, ambiguous: in_doubt, row: None }
    }

    /// The same vendor later, or another one when this one is down; None when the step has tried enough.
    fn later(&self, row: &Row) -> Option<After> {
        let auth = self.dispatch.priority == Lane::Auth;
        let pace = if self.family() == Family::Email { self.desk.paces.mail } else { self.pace };
        if self.tries() >= pace.requests as i32 || auth && row.handling == Handling::NotForAuth {
            return None;
        }
        let wait_ms = match row.handling {
            Handling::NextWindow => i64::from(pace.longest_ms),
            _ => pace.after_request(self.tries()),
        };
        let due_ms = self.desk.now_ms + self.spread(wait_ms);
        if self.dispatch.in_doubt {
            return self.same(due_ms, true, true);
        }
        self.next_round(due_ms, true)
    }

    /// Another vendor, at once; None when there is none that was not tried in this round.
    fn elsewhere(&self, asked: bool) -> Option<After> {
        if asked && self.exhausted() {
            return None;
        }
        let mut tried = self.dispatch.tried.clone();
        tried.push(self.dispatch.vendor.clone());
        let vendor = self.another(&tried)?;
        self.again(vendor, self.desk.now_ms, tried, asked, false)
    }

    /// A new round after a wait: the same vendor, or another one when this one is down.
    fn next_round(&self, due_ms: i64, asked: bool) -> Option<After> {
        let same = &self.dispatch.vendor;
        let other = (self.desk.down)(same).then(|| self.another(std::slice::from_ref(same))).flatten();
        self.again(other.unwrap_or_else(|| same.clone()), due_ms, Vec::new(), asked, false)
    }

    /// The same vendor in the same round.
    fn same(&self, due_ms: i64, asked: bool, in_doubt: bool) -> Option<After> {
        self.again(self.dispatch.vendor.clone(), due_ms, self.dispatch.tried.clone(), asked, in_doubt)
    }

    /// None when there is no time for it.
    pub fn again(&self, vendor: String, due_ms: i64, tried: Vec<String>, asked: bool, in_doubt: bool) -> Option<After> {
        let attempt = self.dispatch.attempt.saturating_add(i32::from(asked));
        let in_time = due_ms < self.dispatch.accepted.expires_at;
        let Dispatch { tokens_done, throttled, reached, .. } = self.dispatch;
        let (tokens_done, throttled, reached) = (tokens_done.clone(), *throttled, *reached);
        let again = Again { due_ms, vendor, attempt, tried, in_doubt, tokens_done, throttled, reached };
        in_time.then_some(After::Again(again))
    }

    /// Tokens that this vendor does not take, for one that does: at once, or when those that are down may be back; None
    /// when none takes them, or there is no time or patience for it.
    pub fn rest(&self, asked: bool, in_doubt: bool) -> Option<After> {
        let same = std::slice::from_ref(&self.dispatch.vendor);
        if let Some(vendor) = self.another(same) {
            return self.again(vendor, self.desk.now_ms, Vec::new(), asked, in_doubt);
        }
        if !in_doubt && self.impatient() {
            return None;
        }
        let vendor = self.one(|vendor| !same.contains(&vendor.name))?;
        self.again(vendor, self.back_ms(), Vec::new(), asked, in_doubt)
    }

    /// A vendor of the family that is up and not among these.
    fn another(&self, besides: &[String]) -> Option<String> {
        self.one(|vendor| !besides.contains(&vendor.name) && !(self.desk.down)(&vendor.name))
    }

    /// A vendor of the family that takes the message, and of which this is so.
    fn one(&self, is: impl Fn(&Vendor) -> bool) -> Option<String> {
        let Dispatch { accepted, tokens_done, .. } = self.dispatch;
        let fits = |vendor: &Vendor| takes(vendor, accepted, tokens_done) && is(vendor);
        let asked = Asked { family: self.family(), priority: self.dispatch.priority, username: &accepted.username };
        choose(self.desk.rules.reference, asked, self.draw(), fits).map(|vendor| vendor.name.clone())
    }

    fn has_next(&self) -> bool {
        !self.dispatch.accepted.fallback.is_empty()
    }

    /// Which of its requests this one is, without those that a vendor asked to bring later.
    pub fn tries(&self) -> i32 {
        self.dispatch.attempt.saturating_sub(self.dispatch.throttled)
    }

    pub fn exhausted(&self) -> bool {
        self.tries() >= self.pace.requests as i32
    }

    fn family(&self) -> Family {
        Family::of(self.dispatch.accepted.channel, self.dispatch.accepted.message_type)
    }

    fn receipt_due_ms(&self) -> i64 {
        self.desk
            .now_ms
            .saturating_add(i64::try_from(self.vendor.receipt_time(self.family()).as_millis()).unwrap_or(i64::MAX))
    }

    fn spread(&self, wait_ms: i64) -> i64 {
        wait_ms + backoff::spread_ms(wait_ms, self.dispatch.priority, self.draw())
    }

    /// The same for the same request of the same step.
    fn draw(&self) -> u64 {
        let mut hasher = FxHasher::default();
        hasher.write(self.dispatch.serial_number.as_bytes());
        hasher.write_i32(self.dispatch.attempt);
        hasher.finish()
    }
}
