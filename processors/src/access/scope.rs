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
}

impl Scope {
    /// All of them: what a key may do that does not say.
    pub const ALL: [Self; 3] = [Self::Send, Self::Report, Self::Cancel];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Report => "report",
            Self::Cancel => "cancel",
        }
    }
}
