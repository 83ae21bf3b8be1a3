//! Reports whose callback is still pending, for look-up by their name (SPEC §4): in Redis database 0.
//!
//! A copy beside the truth, which is in Kafka: what is lost here delays and loses no callback, so whoever writes it goes
//! on when it is away.

#[cfg(test)]
mod memory;
mod notes;
mod redis;

pub use notes::{Notes, describe_metrics};
pub use redis::RedisPending;

use processors::ports::Away;
use schemas::{Channel, Report};
use std::fmt;

/// What a report is called: `username:channelType:messageId`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReportName {
    /// The customer's login name.
    pub username: String,
    /// The channel that was asked for.
    pub channel: Channel,
    /// The customer's own id.
    pub message_id: String,
}

impl ReportName {
    /// What a report is called.
    pub fn of(report: &Report) -> Self {
        Self { username: report.username.clone(), channel: report.channel, message_id: report.message_id.clone() }
    }
}

impl fmt::Display for ReportName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.username, self.channel, self.message_id)
    }
}

/// Pending reports as JSON, by their names.
pub trait PendingReports: Send {
    /// Keeps reports until they are removed, in one round trip; a newer one of the same name takes the place of the older.
    /// False: there is no room for what is only a copy, and none is kept.
    fn put(&mut self, reports: &[(ReportName, String)]) -> Result<bool, Away>;

    /// Removes reports that are told, or given up; names that are not there are none the less removed.
    fn remove(&mut self, names: &[ReportName]) -> Result<(), Away>;

    /// The report of this name while it is pending.
    fn get(&mut self, name: &ReportName) -> Result<Option<String>, Away>;
}

#[cfg(test)]
mod tests;
