//! Bounds of the callback role.

use serde::{Deserialize, Serialize};

/// Bounds of the callback role of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallbackSettings {
    /// Calls under way at most.
    pub in_flight: usize,
    /// Calls under way to one endpoint at most; one that keeps failing gets one at a time.
    pub endpoint_in_flight: usize,
    /// Reports that wait in memory at most; what is beyond comes back out of DELAY.
    pub hold_records: usize,
    /// Records of one poll.
    pub poll_records: usize,
    /// How long answers are waited for when partitions go to another member, milliseconds. The whole group waits.
    pub revoke_wait_ms: u32,
}

impl Default for CallbackSettings {
    fn default() -> Self {
        // 2,000 reports of 1 to 2 kB. A working endpoint answers 8 calls at a time in 100 ms: 80 a second.
        Self { in_flight: 512, endpoint_in_flight: 8, hold_records: 2_000, poll_records: 1_000, revoke_wait_ms: 2_000 }
    }
}
