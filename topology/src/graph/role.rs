//! What a process can do in the chain.

use schemas::{Family, UnknownWord};
use std::{fmt, str::FromStr};

/// A role of the chain. A process runs any set of them; processes of one role share its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Checks requests, claims their ids, splits receivers.
    Ingest,
    /// Decides priority, vendor, waiting.
    Router,
    /// Sends AT, FT, BT.
    Kakao,
    /// Sends SMS, LMS, MMS.
    Text,
    /// Sends RCS.
    Rcs,
    /// Sends app push.
    Push,
    /// Sends email.
    Email,
    /// Ends messages: the one writer of their reports.
    Outcome,
    /// Lets go what waits, when it is due.
    Delay,
    /// Tells customers what became of their messages.
    Callback,
    /// Keeps history and statistics.
    Store,
    /// Keeps the newest report of each message for look-up.
    Reports,
    /// Keeps events and counters for analysis.
    Analyzer,
}

impl Role {
    /// All of them, in the order of the chain.
    pub const ALL: [Self; 13] = [
        Self::Ingest,
        Self::Router,
        Self::Kakao,
        Self::Text,
        Self::Rcs,
        Self::Push,
        Self::Email,
        Self::Outcome,
        Self::Delay,
        Self::Callback,
        Self::Store,
        Self::Reports,
        Self::Analyzer,
    ];

    /// Those that send.
    pub const SENDERS: [Self; 5] = [Self::Kakao, Self::Text, Self::Rcs, Self::Push, Self::Email];

    /// The word on the command line, in groups and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Router => "router",
            Self::Kakao => "kakao",
            Self::Text => "text",
            Self::Rcs => "rcs",
            Self::Push => "push",
            Self::Email => "email",
            Self::Outcome => "outcome",
            Self::Delay => "delay",
            Self::Callback => "callback",
            Self::Store => "store",
            Self::Reports => "reports",
            Self::Analyzer => "analyzer",
        }
    }

    /// What a sender sends; nothing for the others.
    pub const fn families(self) -> &'static [Family] {
        match self {
            Self::Kakao => &[Family::At, Family::Ft, Family::Bt],
            Self::Text => &[Family::Sms, Family::Lms, Family::Mms],
            Self::Rcs => &[Family::Rcs],
            Self::Push => &[Family::Push],
            Self::Email => &[Family::Email],
            _ => &[],
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownWord;
    fn from_str(s: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|r| r.as_str() == s).ok_or_else(|| UnknownWord::new("role", s))
    }
}
