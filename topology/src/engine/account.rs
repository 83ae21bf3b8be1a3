//! Whose account hangs on a record that waits: said beside it, for when the record itself cannot be read.

use crate::log::Record;
use bytes::Bytes;
use schemas::Lane;

/// `‹LANE›` or `‹LANE›/‹due, Unix milliseconds›`, of records in DELAY: an [`Account`].
pub const ACCOUNT_HEADER: &str = "ims-account";

/// The account of a message, as it hangs on a record in DELAY. A callback has none: its message has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// The message itself waits here; its end is told on RESULT of this lane.
    Waits(Lane),
    /// It wakes what outcome keeps open on this lane until this time. What is open no more, or until another time, does
    /// not depend on it: most of these are deadlines of messages that ended long before.
    Wakes(Lane, i64),
}

impl Account {
    /// Of a record out of DELAY.
    pub fn of(record: &Record) -> Option<Self> {
        let (_, value) = record.headers.iter().find(|(name, _)| name == ACCOUNT_HEADER)?;
        let value = std::str::from_utf8(value).ok()?;
        match value.split_once('/') {
            None => Some(Self::Waits(value.parse().ok()?)),
            Some((lane, due_ms)) => Some(Self::Wakes(lane.parse().ok()?, due_ms.parse().ok()?)),
        }
    }

    pub(super) fn header(self) -> (String, Bytes) {
        let value = match self {
            Self::Waits(lane) => Bytes::from_static(lane.as_str().as_bytes()),
            Self::Wakes(lane, due_ms) => format!("{lane}/{due_ms}").into(),
        };
        (ACCOUNT_HEADER.to_owned(), value)
    }
}
