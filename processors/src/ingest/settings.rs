//! What a deployment sets for ingest.

use schemas::Lane;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Settings of ingest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long messages that do not say live.
    pub expiry: Expiry,
}

/// How long a message that names no expires_at may wait before it is worthless, from its request or from its send_at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expiry {
    /// Authentication: a code older than this is refused where it is typed (SPEC §2).
    pub auth: Duration,
    /// A notice of today is not for tomorrow; long enough for a vendor's worst day.
    pub realtime: Duration,
    /// Bulk jobs take their time.
    pub mass: Duration,
    /// An ad that missed its day may wait a night (at most 11 h 10 min) and the jam of the morning after.
    pub ad: Duration,
}

impl Default for Expiry {
    fn default() -> Self {
        Self { auth: 5 * MINUTE, realtime: 24 * HOUR, mass: 72 * HOUR, ad: 72 * HOUR }
    }
}

impl Expiry {
    /// Of a message of this lane.
    pub const fn of(&self, lane: Lane, ad: bool) -> Duration {
        match lane {
            _ if ad => self.ad,
            Lane::Auth => self.auth,
            Lane::Realtime => self.realtime,
            Lane::Mass => self.mass,
            Lane::Ad => self.ad,
        }
    }
}
