//! What the HTTP doors of a deployment know together: how much its customers have used, and answers by Idempotency-Key.
//!
//! In Redis, shared by all doors, one round trip for a batch of questions. A door that is alone, or finds Redis away,
//! goes by what it knows itself: [`MemoryRepeats`], and [`processors::access::Usage`] of each customer.

mod memory;
mod redis;

pub use memory::MemoryRepeats;
pub use redis::RedisDesk;

use processors::access::{Begun, Contents, Limits, Mark, RepeatKey, Taken, Use};
use std::{sync::Arc, time::Duration};

/// A request with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeat {
    /// Its key.
    pub key: RepeatKey,
    /// What it asks.
    pub contents: Contents,
    /// Its own.
    pub mark: Mark,
}

/// What a customer asks for, and what this door has counted without the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// The customer.
    pub username: Arc<str>,
    /// Its bounds.
    pub limits: Limits,
    /// What the request would use.
    pub using: Use,
    /// Messages of the day that this door was last told of: they count when nobody else knows of any.
    pub known: i64,
    /// Messages of the day that it let in by itself, less those that came to nothing.
    pub unreported: i64,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// May a customer use so much?
    Take(Take),
    /// Was this asked before? From now on it is under way, for so long at most.
    Begin(Repeat, Duration),
    /// It is answered: so is whoever asks it again.
    Answer(Repeat, Vec<u8>),
    /// It came to nothing: whoever asks it again is the first.
    Leave(Repeat),
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// To [`Ask::Take`].
    Taken(Taken),
    /// To [`Ask::Begin`].
    Begun(Begun),
    /// To what is no question.
    Done,
}

#[cfg(test)]
mod tests;
