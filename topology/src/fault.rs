//! Places at which a test makes the process die, to prove that nothing is lost or doubled when it does.
//!
//! `IMS_KILL_AT=<stream>:<point>:<n>` ends the process by SIGKILL when the stream passes the point for the n-th time,
//! for example `outcome-MASS:before_commit:3`. Unset, a point costs one load. A commit that is sent and not answered is
//! no place of ours: there the tests lose the request, or the answer, between process and broker.

use std::{sync::LazyLock, sync::atomic::AtomicU32, sync::atomic::Ordering};

/// Where a stream can be made to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Before records are taken.
    BeforePoll,
    /// Records are taken, nothing is decided.
    AfterPoll,
    /// Before stores are asked.
    BeforeLookUp,
    /// Stores have answered.
    AfterLookUp,
    /// The transaction is about to begin.
    BeforeBegin,
    /// It has begun, nothing is produced.
    AfterBegin,
    /// Everything is produced, not all acknowledged.
    AfterProduce,
    /// Everything is acknowledged.
    AfterDrain,
    /// Offsets are in the transaction.
    AfterSendOffsets,
    /// The commit is about to be sent.
    BeforeCommit,
    /// The commit is answered.
    AfterCommit,
    /// A sender holds records that it has not started.
    Held,
    /// Before "started" is committed.
    BeforeStarted,
    /// "Started" is committed, no request has left.
    AfterStarted,
    /// A request is about to leave, perhaps after others of the same mark.
    RequestDue,
    /// All requests of a mark have left.
    RequestWritten,
    /// Answers are there, not yet noted.
    AnswerRead,
    /// Answers are noted as done, not yet committed.
    DoneNoted,
}

impl Point {
    const fn name(self) -> &'static str {
        match self {
            Self::BeforePoll => "before_poll",
            Self::AfterPoll => "after_poll",
            Self::BeforeLookUp => "before_look_up",
            Self::AfterLookUp => "after_look_up",
            Self::BeforeBegin => "before_begin",
            Self::AfterBegin => "after_begin",
            Self::AfterProduce => "after_produce",
            Self::AfterDrain => "after_drain",
            Self::AfterSendOffsets => "after_send_offsets",
            Self::BeforeCommit => "before_commit",
            Self::AfterCommit => "after_commit",
            Self::Held => "held",
            Self::BeforeStarted => "before_started",
            Self::AfterStarted => "after_started",
            Self::RequestDue => "request_due",
            Self::RequestWritten => "request_written",
            Self::AnswerRead => "answer_read",
            Self::DoneNoted => "done_noted",
        }
    }
}

struct Plan {
    stream: String,
    point: String,
    passes_left: AtomicU32,
}

static PLAN: LazyLock<Option<Plan>> = LazyLock::new(|| {
    let text = std::env::var("IMS_KILL_AT").ok()?;
    let mut parts = text.split(':');
    let (stream, point, n) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
    Some(Plan { stream: stream.to_owned(), point: point.to_owned(), passes_left: AtomicU32::new(n) })
});

/// A stream passes a point.
#[inline]
pub fn point(stream: &str, point: Point) {
    if let Some(plan) = PLAN.as_ref() {
        pass(plan, stream, point);
    }
}

#[cold]
fn pass(plan: &Plan, stream: &str, point: Point) {
    if plan.stream == stream && plan.point == point.name() && plan.passes_left.fetch_sub(1, Ordering::SeqCst) == 1 {
        // The way out of a crash: no destructor, no flush, no goodbye to the broker.
        let _ = std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
        loop {
            std::thread::park();
        }
    }
}
