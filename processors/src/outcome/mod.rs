//! The state of a message, folded from the news about it. Outcome is the only writer of reports of accepted messages.
//!
//! A message is one token: it is in flight, or it waits here (SCHEDULED, HELD, SENT). What can meet it unasked are receipts
//! and cancels; those that come before what they speak about are kept for a while (EARLY). Of what is in flight nothing is
//! kept, but of a step in doubt the message, so that its receipt waits as long as the doubt does.
//! Whatever the order, the token ends once, with one terminal report.

mod fold;
mod known;
#[cfg(test)]
mod laws;
pub mod news;
mod plan;
#[cfg(test)]
mod tests;

pub use fold::fold;

use crate::route::Rules;
use schemas::{Accepted, AnalyzeLog, Channel, History, Lane, OpenStep, Report, StepResult};
use serde::{Deserialize, Serialize};

/// How long outcome keeps what it cannot place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patience {
    /// How long a receipt or cancel waits for what it speaks about, milliseconds; the receipt of a step in doubt, after
    /// its message has expired.
    pub early_ms: u32,
}

impl Default for Patience {
    fn default() -> Self {
        // A receipt overtakes its SENT by seconds; a cancel may come while its message stands in a long lane.
        Self { early_ms: 10 * 60_000 }
    }
}

/// What a fold looks at, besides the news and what is open.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'r> {
    /// Vendors, night windows.
    pub rules: Rules<'r>,
    /// How long early news are kept.
    pub patience: Patience,
    /// Lane of the RESULT topic that is read: the step's priority.
    pub lane: Lane,
    /// Where a report goes when not even the vendor's channel is known.
    pub channel: Channel,
    /// Now, Unix milliseconds.
    pub now_ms: i64,
}

/// What becomes of the kept state.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Open {
    /// Nothing.
    #[default]
    Keep,
    /// It is replaced.
    Put(Box<OpenStep>),
    /// It is closed.
    Remove,
}

/// A result that comes back later.
#[derive(Debug, Clone, PartialEq)]
pub struct Delay {
    /// When, Unix milliseconds.
    pub due_ms: i64,
    /// DUE or DEADLINE, for the RESULT lane that is read.
    pub result: StepResult,
}

/// What a fold writes, in one transaction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Folded {
    /// The state.
    pub open: Open,
    /// To REPORT-‹channel›.
    pub reports: Vec<Report>,
    /// To HIST-‹requested_channel›.
    pub history: Vec<History>,
    /// To ANALYZE-LOG.
    pub logs: Vec<AnalyzeLog>,
    /// To FALLBACK-‹lane›: the next step of the plan, or what was waiting.
    pub next: Option<Box<Accepted>>,
    /// To DELAY.
    pub delayed: Vec<Delay>,
}
