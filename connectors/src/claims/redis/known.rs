//! Whether Redis still holds all claims of the last 24 hours.
//!
//! Each part of the claims has a count beside it, which every batch adds to. A count that this stream has seen larger
//! was lost or went back to an older copy, and the part's claims with it: the server came back empty, from a snapshot,
//! or a replica took over that had not heard of the newest. A count that begins is the same to a process that has just
//! started: Redis was emptied while no ingest ran, or this is the first start of the deployment.

use super::keys::PARTS;
use crate::redis::NAME;
use ::redis::Value;
use processors::ports::{Away, CLAIM_WINDOW};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Times that claims were found lost.
pub const LOST: &str = "ims_claims_lost_total";
/// Message ids that became new claims while the claims of the last 24 hours were not all known.
pub const IN_DOUBT: &str = "ims_claims_in_doubt_total";
/// Two streams that find the same loss tell it once, if this close to each other.
const SAME_LOSS_MS: i64 = 60_000;

/// Since when claims are known: a message id of before may be accepted a second time, until this is 24 hours ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubt {
    /// Unix milliseconds.
    pub since_ms: i64,
    /// New claims of this process since.
    pub claims: u64,
}

/// The doubt of a process, shared by all its streams.
#[derive(Debug, Default)]
pub struct Doubts(Mutex<Option<Noted>>);

#[derive(Debug, Clone, Copy)]
struct Noted {
    doubt: Doubt,
    /// When a loss was told last.
    told_ms: i64,
}

impl Doubts {
    /// None.
    pub const fn none() -> Self {
        Self(Mutex::new(None))
    }

    /// The doubt as it is now, if there is any.
    pub fn now(&self, now_ms: i64) -> Option<Doubt> {
        let mut noted = self.lock();
        noted.take_if(|noted| noted.doubt.since_ms + CLAIM_WINDOW.as_millis() as i64 <= now_ms);
        noted.map(|noted| noted.doubt)
    }

    /// Notes new claims, which are in doubt while anything is.
    pub(super) fn count(&self, claims: u64, now_ms: i64) {
        if claims == 0 || self.now(now_ms).is_none() {
            return;
        }
        if let Some(noted) = &mut *self.lock() {
            noted.doubt.claims += claims;
        }
        metrics::counter!(IN_DOUBT).increment(claims);
    }

    /// Claims are known since then only; whether that is worth telling.
    fn note(&self, since_ms: i64) -> bool {
        let mut noted = self.lock();
        let is_news = noted.is_none_or(|noted| noted.told_ms <= since_ms - SAME_LOSS_MS);
        let Noted { doubt, told_ms } =
            noted.unwrap_or(Noted { doubt: Doubt { since_ms, claims: 0 }, told_ms: since_ms });
        let doubt = Doubt { since_ms: since_ms.max(doubt.since_ms), ..doubt };
        *noted = Some(Noted { doubt, told_ms: if is_news { since_ms } else { told_ms } });
        is_news
    }

    fn lock(&self) -> MutexGuard<'_, Option<Noted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the recorder what the metrics of claims mean.
pub fn describe_metrics() {
    metrics::describe_counter!(LOST, "Times that the claims of message ids were found lost in Redis.");
    metrics::describe_counter!(
        IN_DOUBT,
        "Message ids newly claimed while the claims of the last 24 hours were not all known: some may be duplicates."
    );
}

/// What counts tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Whole,
    Lost,
}

/// What one stream has seen.
#[derive(Debug)]
pub(super) struct Counts {
    seen: [i64; PARTS],
    /// Parts that were found lost, or that begin.
    lost: [bool; PARTS],
    lost_key: Vec<u8>,
}

impl Counts {
    pub(super) fn new(lost_key: Vec<u8>) -> Self {
        Self { seen: [0; PARTS], lost: [false; PARTS], lost_key }
    }

    /// The key that says when claims were found lost.
    pub(super) fn lost_key(&self) -> &[u8] {
        &self.lost_key
    }

    /// Compares counts with what was seen before.
    pub(super) fn note<'a>(&mut self, counts: impl Iterator<Item = (usize, &'a Value)>) -> Result<Found, Away> {
        let mut found = Found::Whole;
        for (part, count) in counts {
            let &Value::Int(count) = count else {
                return Err(Away { dependency: NAME, cause: "answers INCR with no number".into() });
            };
            if count <= self.seen[part] || count == 1 {
                self.lost[part] = true;
                found = Found::Lost;
            }
            self.seen[part] = count;
        }
        Ok(found)
    }

    /// Tells what all parts have shown, and what Redis says of an earlier loss; whether the loss is news to Redis.
    pub(super) fn settle(&mut self, said_ms: Option<i64>, doubts: &Doubts, now_ms: i64) -> bool {
        let parts = self.lost.iter().filter(|lost| **lost).count();
        self.lost = [false; PARTS];
        if parts == 0 {
            said_ms.map(|since_ms| doubts.note(since_ms));
            return false;
        }
        if doubts.note(now_ms) {
            metrics::counter!(LOST).increment(1);
            tracing::warn!(
                parts,
                of = PARTS,
                "redis holds no claims of message ids from before, or not all: this is the first start, or it was \
                 emptied or came back from an older copy. Until they are known for 24 hours a duplicate may be \
                 accepted; each message still ends once"
            );
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_soon_after_another_is_told_once_and_what_was_claimed_between_them_is_not_known() {
        let (doubts, loss_ms) = (Doubts::none(), 1_000);
        assert!(doubts.note(loss_ms));
        doubts.count(3, loss_ms);
        assert!(!doubts.note(loss_ms + SAME_LOSS_MS - 1), "told");
        assert!(!doubts.note(loss_ms), "Redis says of the first");
        assert_eq!(doubts.now(loss_ms), Some(Doubt { since_ms: loss_ms + SAME_LOSS_MS - 1, claims: 3 }));
        assert!(doubts.note(loss_ms + SAME_LOSS_MS), "one after the other for ever are told");
    }
}
