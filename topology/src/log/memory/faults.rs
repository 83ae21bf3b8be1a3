//! Failures on purpose, for the test driver.

use super::Shared;
use super::state::State;
use std::sync::Arc;

/// Which call of a stream is to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// [`Stream::commit`](crate::log::Stream::commit).
    Commit,
    /// [`Stream::mark`](crate::log::Stream::mark).
    Mark,
}

/// When it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Nothing of it happened: a refused or aborted transaction.
    Before,
    /// All of it happened and the answer was lost.
    After,
}

/// A fault that waits for its call.
pub(super) struct Armed {
    stream: String,
    call: Call,
    when: When,
    calls_left: u32,
}

/// Makes a log fail on purpose. Streams are named as their [`StreamSpec`](crate::log::StreamSpec) names them.
#[derive(Clone)]
pub struct Faults {
    shared: Arc<Shared>,
}

impl Faults {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The `nth` such call of the stream from now on (1 is the next), whichever member makes it, gives
    /// [`LogError::Rewound`](crate::log::LogError::Rewound) and rewinds. Calls that fail anyway are not counted.
    pub fn fail(&self, stream: &str, call: Call, nth: u32, when: When) {
        let armed = Armed { stream: stream.to_owned(), call, when, calls_left: nth };
        self.shared.with(|state| state.armed.push(armed));
    }

    /// From now on the log is away: polls, commits, marks, appends, readers and new streams get
    /// [`LogError::Away`](crate::log::LogError::Away), and no member is confirmed.
    pub fn away(&self) {
        self.shared.with(|state| state.away = true);
    }

    /// The log is back, as it was.
    pub fn back(&self) {
        self.shared.with(|state| state.away = false);
    }

    /// Makes the stream's group rebalance with the members that it has.
    pub fn rebalance(&self, stream: &str) {
        let now_ms = self.shared.now_ms();
        self.shared.with(|state| {
            if let Some(at) = group_of(state, stream) {
                let (group, bells) = state.group(at);
                group.rebalance(now_ms, bells);
            }
        });
    }

    /// Throws a member out as if its session had run out: a zombie, until its next poll says that it has lost all.
    /// Members count from 0 in the order in which they joined. False when there is no such member.
    pub fn expel(&self, stream: &str, member: usize) -> bool {
        let now_ms = self.shared.now_ms();
        self.shared.with(|state| {
            let Some(at) = group_of(state, stream) else { return false };
            let (group, bells) = state.group(at);
            let Some(id) = group.nth(member) else { return false };
            group.remove(id, now_ms, bells);
            true
        })
    }
}

/// What is to happen to this call.
pub(super) fn strike(state: &mut State, stream: &str, call: Call) -> Option<When> {
    let mut struck = None;
    state.armed.retain_mut(|armed| {
        if armed.stream != stream || armed.call != call {
            return true;
        }
        armed.calls_left = armed.calls_left.saturating_sub(1);
        if armed.calls_left == 0 {
            struck = Some(armed.when);
        }
        armed.calls_left > 0
    });
    struck
}

fn group_of(state: &State, stream: &str) -> Option<usize> {
    state.groups.iter().position(|group| group.name == stream)
}
