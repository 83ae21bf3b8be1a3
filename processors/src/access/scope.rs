//! What a secret key may be used for.

use serde::{Deserialize, Serialize};

/// What a secret key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Sending messages.
    Send,
    /// Asking what became of them.
    Report,
    /// Cancelling them.
    Cancel,
    /// Statistics and history, and what is registered.
    Read,
    /// Changing what is registered: keys, callbacks, senders, templates, opt-outs.
    Manage,
    /// Doing it for every customer, and approving. No customer's key has it unless somebody says so.
    Operate,
}

impl Scope {
    /// A customer's: what a key may do that does not say.
    pub const ALL: [Self; 5] = [Self::Send, Self::Report, Self::Cancel, Self::Read, Self::Manage];

    /// All of them.
    pub const EVERY: [Self; 6] = [Self::Send, Self::Report, Self::Cancel, Self::Read, Self::Manage, Self::Operate];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Report => "report",
            Self::Cancel => "cancel",
            Self::Read => "read",
            Self::Manage => "manage",
            Self::Operate => "operate",
        }
    }
}
