//! Telling customers: which reports are told, in which words, signed how, to which addresses, and what an answer calls
//! for (SPEC §4; <https://www.standardwebhooks.com>).

pub mod address;
mod body;
mod endpoint;
mod event;
mod plan;
mod signature;
#[cfg(test)]
mod tests;

pub use body::{Data, Message, Step, data, message, trial};
pub use endpoint::{Batch, Endpoint};
pub use event::{Attempt, event, outcome};
pub use plan::{After, LAST_RETRY, LONGEST_REST_MS, plan, rest_until_ms, retry_after_ms};
pub use signature::{NoSecret, Secret, signature};

use crate::refusal::Code;
use schemas::{Report, ReportKind, State};
use std::sync::Arc;
use url::Url;

/// How long a report may wait for its first call, because its endpoint takes fewer than there are: as long as its
/// REPORT topic keeps it (schemas/src/topics.rs).
pub const TOLD_WITHIN_MS: i64 = 30 * 24 * 3_600_000;

/// One call, ready to leave.
#[derive(Clone)]
pub struct Call {
    /// Ties the answer to what the caller holds.
    pub ticket: u64,
    /// Where to.
    pub uri: Arc<Url>,
    /// webhook-id.
    pub id: String,
    /// webhook-timestamp, Unix seconds.
    pub timestamp_s: i64,
    /// webhook-signature.
    pub signature: String,
    /// JSON.
    pub body: Vec<u8>,
    /// ims-replay: the replay by which an operator has it told once more; None for what is told by itself.
    pub replay: Option<String>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// The call's ticket.
    pub ticket: u64,
    /// What came.
    pub reply: Reply,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

/// The kinds of answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The endpoint answered; what stands in the body, whole or cut, changes nothing.
    Status {
        /// HTTP status.
        status: u16,
        /// The Retry-After header, as it came.
        retry_after: Option<String>,
    },
    /// It did not.
    Failed(Failure),
}

/// Why a call got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// Its name has an address that customers may not have us call.
    Forbidden,
    /// Its name has no address, or none could be asked for.
    Unresolved,
    /// No connection, no TLS.
    Unreachable,
    /// The connection broke, or what came is no HTTP. The endpoint may have taken the report.
    Broken,
    /// No answer in time. The endpoint may have taken the report.
    TimedOut,
    /// The process that made the call died before the answer stood in the log.
    Lost,
}

impl Failure {
    /// The word in metrics and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden_address",
            Self::Unresolved => "unresolved",
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::TimedOut => "timed_out",
            Self::Lost => "lost",
        }
    }

    /// Whether the endpoint may have taken the report all the same.
    pub const fn is_ambiguous(self) -> bool {
        matches!(self, Self::Broken | Self::TimedOut | Self::Lost)
    }
}

/// Whether a customer is called for a report: for what ends a message. A refused duplicate is not told, because its
/// message_id is that of another message, and the customer would take it for the end of that one.
pub fn is_told(report: &Report) -> bool {
    let duplicate = report.state == State::Rejected && report.code == Code::Duplicate.as_str();
    report.terminal && report.kind == ReportKind::State && !duplicate
}
