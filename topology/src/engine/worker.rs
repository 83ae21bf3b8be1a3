//! What runs on a thread of its own, or turn by turn under the test driver.

use std::time::Duration;

/// Whether a turn found something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing was there.
    Idle,
    /// Records, answers or a rebalance were dealt with.
    Worked,
}

/// Why a worker must not go on: the process says it in one line and exits.
#[derive(Debug, thiserror::Error)]
#[error("{stream}: {reason}")]
pub struct Halt {
    /// The stream.
    pub stream: String,
    /// What happened and what to do about it.
    pub reason: String,
}

/// One stream with its decision: a step of the chain, a sender, a sink.
pub trait Worker: Send {
    /// `<role>-<LANE>`.
    fn name(&self) -> &str;

    /// Whether its thread gives way where the machine has less than all want: that of bulk does (MASS, AD).
    fn gives_way(&self) -> bool {
        false
    }

    /// Takes what is there, decides, commits. Waits up to `wait` when there is nothing. A log or dependency that is
    /// away is waited for here and said so; only what can never succeed is a [`Halt`].
    fn turn(&mut self, wait: Duration) -> Result<Progress, Halt>;

    /// Finishes what is in flight within `limit`, commits, leaves the group.
    fn finish(self: Box<Self>, limit: Duration);
}

impl Halt {
    /// A worker's own reason to stop.
    pub fn new(stream: &str, reason: impl Into<String>) -> Self {
        Self { stream: stream.to_owned(), reason: reason.into() }
    }
}
