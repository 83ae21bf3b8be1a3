//! What a door has counted and kept by itself.

use connectors::desk::MemoryRepeats;
use processors::access::{LONGEST_WAIT_MS, Limits, Taken, Usage, Use, Verdict, day_of};
use processors::rest::rests;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// As many entries as customers have limits, and the answers of a day.
#[derive(Default)]
pub struct Own {
    customers: Mutex<FxHashMap<Arc<str>, Counted>>,
    repeats: Mutex<MemoryRepeats>,
}

/// What is known of a customer.
#[derive(Debug, Default)]
struct Counted {
    /// Of all doors, as far as this one was told, and of itself.
    usage: Usage,
    /// What of its day the others do not know yet.
    unreported: i64,
    /// Until then not even one message is let in.
    refused_until_ms: i64,
}

impl Own {
    /// Answers by key.
    pub fn repeats(&self) -> MutexGuard<'_, MemoryRepeats> {
        self.repeats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, username: &Arc<str>, act: impl FnOnce(&mut Counted) -> T) -> T {
        let mut customers = self.customers.lock().unwrap_or_else(PoisonError::into_inner);
        act(customers.entry(Arc::clone(username)).or_default())
    }

    /// What a customer is told whose rate is known to be used up.
    pub fn refused(&self, username: &Arc<str>, now_ms: i64) -> Option<Taken> {
        let customers = self.customers.lock().unwrap_or_else(PoisonError::into_inner);
        let Counted { usage, refused_until_ms, .. } = customers.get(username)?;
        rests(*refused_until_ms, LONGEST_WAIT_MS, now_ms).then(|| Taken {
            verdict: Verdict::OverRate { wait_ms: refused_until_ms - now_ms },
            missing_us: (usage.full_at_us - now_ms * 1000).max(0),
            used: usage.used,
        })
    }

    /// Lets a request in by what this door knows.
    pub fn take(&self, username: &Arc<str>, limits: Limits, using: Use, now_ms: i64) -> Taken {
        self.with(username, |counted| {
            counted.turn(now_ms);
            let taken = counted.usage.take(limits, using, now_ms);
            if taken.verdict == Verdict::Granted {
                counted.unreported += i64::from(using.messages);
            }
            counted.note(limits, taken, now_ms);
            taken
        })
    }

    /// What the others are told with a question: the messages of the day that they know as far as this door does, and
    /// those that they do not know, which are theirs from now on.
    pub fn to_report(&self, username: &Arc<str>, now_ms: i64) -> (i64, i64) {
        self.with(username, |counted| {
            counted.turn(now_ms);
            let unreported = std::mem::take(&mut counted.unreported);
            (counted.usage.used - unreported, unreported)
        })
    }

    /// They did not hear what was to be reported at a time, or heard more than became true.
    pub fn put_back(&self, username: &Arc<str>, unreported: i64, then_ms: i64) {
        self.with(username, |counted| {
            if counted.is_of(then_ms) {
                counted.unreported += unreported;
            }
        });
    }

    /// What they told when they were asked at a time.
    pub fn reported(&self, username: &Arc<str>, limits: Limits, taken: Taken, then_ms: i64) {
        self.with(username, |counted| {
            if counted.is_of(then_ms) {
                counted.usage.used = taken.used + counted.unreported;
            }
            counted.usage.full_at_us = then_ms * 1000 + taken.missing_us;
            counted.note(limits, taken, then_ms);
        });
    }

    /// Messages that were counted at a time came to nothing.
    pub fn give_back(&self, username: &Arc<str>, messages: u32, counted_ms: i64) {
        self.with(username, |counted| {
            if counted.is_of(counted_ms) {
                counted.usage.give_back(i64::from(messages), counted_ms);
                counted.unreported -= i64::from(messages);
            }
        });
    }
}

impl Counted {
    /// A new day: what was not reported of the last one is of no use to anybody.
    fn turn(&mut self, now_ms: i64) {
        if self.usage.turn(now_ms) {
            self.unreported = 0;
        }
    }

    /// Whether a time is of the day that is counted: what another has used is of no use to it.
    fn is_of(&self, at_ms: i64) -> bool {
        day_of(at_ms).0 == self.usage.day
    }

    /// Remembers until when a customer need not be asked about.
    fn note(&mut self, limits: Limits, taken: Taken, now_ms: i64) {
        if let Verdict::OverRate { .. } = taken.verdict {
            self.refused_until_ms = now_ms + taken.wait_of_one_ms(limits);
        }
    }
}
