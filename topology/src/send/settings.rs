//! A sender's settings.

use serde::{Deserialize, Serialize};

/// Bounds of a sender's read-ahead, and its patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SenderSettings {
    /// Records from which on the hold is full. When they are one customer's, its surplus is spilled into DELAY so that
    /// others are seen.
    pub hold_records: usize,
    /// Bytes of held records from which on it is, as they stand in the log.
    pub hold_bytes: usize,
    /// Records of one poll. A spill makes one transaction of as many.
    pub poll_records: usize,
    /// How long answers are waited for when partitions go to another member, milliseconds. The whole group waits.
    pub revoke_wait_ms: u32,
}

impl Default for SenderSettings {
    fn default() -> Self {
        // 2,000 records of 1 to 2 kB: twenty busy streams hold 60 MB.
        Self { hold_records: 2_000, hold_bytes: 4 << 20, poll_records: 1_000, revoke_wait_ms: 2_000 }
    }
}
