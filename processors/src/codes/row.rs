//! One row of a code table.

use schemas::State;

/// What a code means for the step that got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The vendor has it: delivered, or sent when the vendor reports later.
    Done,
    /// This message will never pass: do not repeat.
    Final,
    /// Repeat at the same vendor later.
    Retry,
    /// Repeat at another vendor.
    RetryElsewhere,
    /// Repeat once, then it is final.
    RetryOnce,
    /// Not at this hour: hold until the morning (Kakao 3022).
    Hold,
    /// Final, and the same for every message of this sender, template or credential until somebody mends it: what
    /// [`Handling`] names is stopped (see [`crate::stops`]).
    Block,
    /// The vendor may have delivered: never repeated, no fallback.
    Uncertain,
    /// The vendor has this serial number already.
    Duplicate,
    /// The vendor does not know yet: its report comes later.
    Poll,
    /// No row has this code.
    Unknown,
}

impl Class {
    /// The word for metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Final => "final",
            Self::Retry => "retry",
            Self::RetryElsewhere => "retry_elsewhere",
            Self::RetryOnce => "retry_once",
            Self::Hold => "hold",
            Self::Block => "block",
            Self::Uncertain => "uncertain",
            Self::Duplicate => "duplicate",
            Self::Poll => "poll",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether the next step of the customer's plan may follow (S→ in the tables).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fallback {
    /// No.
    Never,
    /// Yes.
    Allowed,
    /// For information, never for ads (Kakao 3020: the recipient blocked the sender).
    UnlessAd,
}

/// What else a code asks for, besides what becomes of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Handling {
    /// Nothing.
    Plain,
    /// Counts for the vendor's circuit breaker.
    Breaker,
    /// A count limit: pointless until its next window, so wait the longest step of the plan at once.
    NextWindow,
    /// Pointless within the minutes that an AUTH message has.
    NotForAuth,
    /// Our credential at the vendor is bad for this: renew it, alarm.
    Credential,
    /// The vendor lets none of our requests in, by key, account or address: nothing was taken, so messages wait or go
    /// to another vendor until somebody mends it. Counts for its circuit breaker; renew the credential, alarm.
    LockedOut,
    /// The sender (profile, channel, number) is refused: of class Block, its messages stop.
    Sender,
    /// The template is stopped or unknown: of class Block, its messages stop.
    Template,
    /// The recipient's number is dead or refuses. Nothing follows for other messages: numbers change hands.
    Recipient,
    /// The push token is dead: remove it.
    Token,
    /// Hard bounce: suppress the address.
    Address,
    /// The vendor or carrier took it for spam: of class Block, its sender's messages stop.
    Spam,
}

/// How to treat one code, or a run of codes of the same length.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    first: &'static str,
    last: &'static str,
    /// What it means for the step.
    pub class: Class,
    /// Whether the next step of the plan may follow once the step is given up.
    pub fallback: Fallback,
    /// What else it asks for.
    pub handling: Handling,
    /// The code in words, without personal data.
    pub meaning: &'static str,
}

impl Row {
    /// Whether the next step of the plan may follow a failed step with this code.
    pub const fn fallback_allowed(&self, ad: bool) -> bool {
        match self.fallback {
            Fallback::Never => false,
            Fallback::Allowed => true,
            Fallback::UnlessAd => !ad,
        }
    }

    /// The same after a *delivery report*. What a request would repeat did not arrive, and nobody repeats it: the next
    /// step of the plan is its only other chance.
    pub const fn fallback_reported(&self, ad: bool) -> bool {
        match (self.class, self.fallback) {
            (Class::Retry | Class::RetryElsewhere | Class::RetryOnce, Fallback::Never) => true,
            _ => self.fallback_allowed(ad),
        }
    }

    /// The state that a *delivery report* with this code gives its step; None when it is no news.
    ///
    /// The vendor has stopped trying when it reports, so what a request would repeat is here a failure.
    pub const fn reported_state(&self) -> Option<State> {
        match self.class {
            Class::Done => Some(State::Delivered),
            Class::Uncertain => Some(State::Uncertain),
            Class::Duplicate | Class::Poll => None,
            // Not sent for the hour alone: it may go in the morning.
            Class::Hold => Some(State::Held),
            Class::Final | Class::Retry | Class::RetryElsewhere | Class::RetryOnce | Class::Block | Class::Unknown => {
                Some(State::Failed)
            }
        }
    }

    /// First and last code of the run; the same for a row of one code.
    pub const fn codes(&self) -> (&'static str, &'static str) {
        (self.first, self.last)
    }

    /// Whether a fresh credential may help.
    pub const fn wants_credential(&self) -> bool {
        matches!(self.handling, Handling::Credential | Handling::LockedOut)
    }

    pub(super) const fn with(mut self, handling: Handling) -> Self {
        self.handling = handling;
        self
    }

    fn holds(&self, code: &str) -> bool {
        code.len() == self.first.len() && self.first <= code && code <= self.last
    }
}

pub(super) const fn row(code: &'static str, class: Class, fallback: Fallback, meaning: &'static str) -> Row {
    run(code, code, class, fallback, meaning)
}

pub(super) const fn run(
    first: &'static str,
    last: &'static str,
    class: Class,
    fallback: Fallback,
    meaning: &'static str,
) -> Row {
    Row { first, last, class, fallback, handling: Handling::Plain, meaning }
}

/// The row that holds a code, in rows sorted by code.
pub(super) fn find(rows: &'static [Row], code: &str) -> Option<&'static Row> {
    // Runs of two lengths would not sort by text alone; every table's runs have one length, which a test checks.
    let after = rows.partition_point(|row| row.first <= code);
    rows[..after].last().filter(|row| row.holds(code))
}
