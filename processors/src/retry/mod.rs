//! What a sender does with a step before and after a request: whether it may leave, and what an answer leads to.

mod backoff;
mod step;
#[cfg(test)]
mod tests;
mod tokens;

pub use backoff::{Backoff, Paces};
pub use tokens::typical;

use crate::codes::{Class, OutcomeCode, Row};
use crate::ports::Reply;
use crate::reference::{NightAds, Vendor};
use crate::route::Rules;
use schemas::{Dispatch, Family, Origin, State};
use std::time::Duration;
use step::Step;

/// The longest time that a vendor is left alone without being asked again, whatever its Retry-After says.
pub const LONGEST_QUIET: Duration = Duration::from_secs(15 * 60);

/// What comes next for a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// The vendor has it, or may have it, and its report is awaited: SENT.
    Sent {
        /// By when the report must come, Unix milliseconds.
        due_ms: i64,
    },
    /// Another attempt: ATTEMPT when a request had left, and the changed dispatch, now or out of DELAY.
    Again(Again),
    /// Not at this hour: WAIT.
    Hold {
        /// Until when, Unix milliseconds.
        until_ms: i64,
    },
    /// The step ends: FINAL.
    End {
        /// DELIVERED, FAILED, UNCERTAIN or EXPIRED.
        state: State,
        /// Whether the next step of the plan may follow.
        fallback_allowed: bool,
    },
}

/// What changes in the dispatch of another attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// Not before, Unix milliseconds; now or before: at once.
    pub due_ms: i64,
    /// Who is asked.
    pub vendor: String,
    /// Number of the next provider request.
    pub attempt: i32,
    /// Vendors that are not asked again in this round.
    pub tried: Vec<String>,
    /// An earlier request may have arrived.
    pub in_doubt: bool,
    /// A push: places of the tokens that are not asked about any more.
    pub tokens_done: Vec<i32>,
    /// Requests that the vendor asked to bring later.
    pub throttled: i32,
    /// A push: one of its tokens has it.
    pub reached: bool,
}

/// What was said about the step, as reports and logs show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Whose table `code` is of.
    pub origin: Origin,
    /// 0000 or the reason.
    pub code: String,
    /// The reason in words.
    pub message: String,
    /// The vendor's own code; empty when it gave none.
    pub vendor_code: String,
}

/// A decision about one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What comes next.
    pub after: After,
    /// Why.
    pub said: Said,
    /// A provider request was made, and counts.
    pub asked: bool,
    /// The vendor may have taken this request or an earlier one.
    pub ambiguous: bool,
    /// The row of the vendor's code, for breakers, alarms and counters.
    pub row: Option<&'static Row>,
}

impl Plan {
    /// The vendor took the message, as this answer tells, and counts it. What is delivered has no row where one token of
    /// a push told of it and others told other things. That it has the message already tells so of one `in_doubt`, whose
    /// first answer was lost.
    pub fn taken(&self, in_doubt: bool) -> bool {
        let delivered = matches!(self.after, After::End { state: State::Delivered, .. });
        let class = self.row.map(|row| row.class);
        delivered || class == Some(Class::Done) || in_doubt && class == Some(Class::Duplicate)
    }
}

/// What a decision looks at, besides the answer.
#[derive(Clone, Copy)]
pub struct Desk<'r> {
    /// Vendors, customers, night windows.
    pub rules: Rules<'r>,
    /// Waits and limits.
    pub paces: &'r Paces,
    /// Whether a vendor's circuit breaker is open.
    pub down: &'r dyn Fn(&str) -> bool,
    /// Now, Unix milliseconds.
    pub now_ms: i64,
}

/// Whether a step may not leave now, although it was routed: asked right before each request.
pub fn stop(dispatch: &Dispatch, desk: &Desk<'_>) -> Option<Plan> {
    stopped(dispatch, desk).map(|plan| tokens::unless_reached(dispatch.reached, plan))
}

fn stopped(dispatch: &Dispatch, desk: &Desk<'_>) -> Option<Plan> {
    let accepted = &dispatch.accepted;
    let (after, code) = if desk.now_ms >= accepted.expires_at {
        (After::End { state: State::Expired, fallback_allowed: false }, OutcomeCode::Expired)
    } else {
        let family = Family::of(accepted.channel, accepted.message_type);
        let until_ms = desk.rules.night.until(family, accepted.ad, accepted.night_agreed, desk.now_ms)?;
        (by_night(dispatch, desk, until_ms), OutcomeCode::AdRule)
    };
    // Nobody refused what may have arrived: that it is too late now does not make it undelivered, and in the morning it
    // would be a second message.
    let (after, code) = if dispatch.in_doubt { (UNCERTAIN, OutcomeCode::Uncertain) } else { (after, code) };
    Some(Plan { after, said: Said::own(code), asked: false, ambiguous: dispatch.in_doubt, row: None })
}

/// What an answer leads to.
///
/// A breaker that is open is a [`Reply::NotSent`]; a request that was started and whose end was lost in a crash is a
/// [`Reply::NoAnswer`].
pub fn plan(reply: &Reply, dispatch: &Dispatch, vendor: &Vendor, desk: &Desk<'_>) -> Plan {
    let step = Step { dispatch, vendor, desk, pace: desk.paces.of(dispatch.priority) };
    tokens::unless_reached(dispatch.reached, step.plan(reply))
}

const UNCERTAIN: After = After::End { state: State::Uncertain, fallback_allowed: false };

fn by_night(dispatch: &Dispatch, desk: &Desk<'_>, until_ms: i64) -> After {
    let accepted = &dispatch.accepted;
    match desk.rules.reference.customer(&accepted.username).map(|customer| customer.night_ads) {
        Some(NightAds::Fail) => After::End { state: State::Failed, fallback_allowed: false },
        Some(NightAds::Hold) | None => After::Hold { until_ms: until_ms.min(accepted.expires_at) },
    }
}

impl Said {
    fn own(code: OutcomeCode) -> Self {
        Self {
            origin: Origin::Ims,
            code: code.as_str().into(),
            message: code.meaning().into(),
            vendor_code: String::new(),
        }
    }

    /// A code of the vendor's table passes through; one that is not in it becomes 5050 with the vendor's own words.
    pub(crate) fn vendors(row: &Row, code: &str, text: &str) -> Self {
        let vendor_code = code.chars().take(40).collect();
        match row.class {
            Class::Done => Self { origin: Origin::Vendor, code: "0000".into(), message: String::new(), vendor_code },
            Class::Unknown => Self {
                origin: Origin::Ims,
                code: OutcomeCode::VendorRefused.as_str().into(),
                message: text.chars().take(200).collect(),
                vendor_code,
            },
            _ => Self { origin: Origin::Vendor, code: code.into(), message: row.meaning.into(), vendor_code },
        }
    }
}
