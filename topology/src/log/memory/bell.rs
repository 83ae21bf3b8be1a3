//! What wakes a poll that waits.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::time::Duration;

/// Belongs to one member; rung for a record on a partition that it reads, or when a rebalance concerns it. A ring that
/// comes before the wait is not lost.
#[derive(Debug, Clone)]
pub(super) struct Bell {
    rope: Sender<()>,
    sound: Receiver<()>,
}

impl Bell {
    pub(super) fn new() -> Self {
        let (rope, sound) = bounded(1);
        Self { rope, sound }
    }

    /// Wakes the member; costs nothing when it is awake.
    pub(super) fn ring(&self) {
        // Full: it was rung already and did not look yet.
        let _ = self.rope.try_send(());
    }

    /// Forgets a ring, before looking at what it could have been about.
    pub(super) fn hush(&self) {
        let _ = self.sound.try_recv();
    }

    /// Waits for a ring.
    pub(super) fn wait(&self, at_most: Duration) {
        // A time-out is not a failure: the poll then looks once more and returns.
        let _ = self.sound.recv_timeout(at_most);
    }
}
