//! What waits for each vendor, as the senders of this process know it: what they hold, and what they have put aside until
//! its vendor may be back. What a process before them put aside is not known here until it comes back.

use super::Allowance;
use rustc_hash::FxHashMap;
use serde::Serialize;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// Messages that are known by their names, the newest that were put aside.
const KNOWN: usize = 10_000;

/// A message that was put aside for a vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Aside {
    /// Its vendor.
    pub vendor: String,
    /// Until when, Unix milliseconds.
    pub due_ms: i64,
    /// Which message.
    pub track_id: String,
    /// Whose it is.
    pub username: String,
    /// What its customer calls it.
    pub message_id: String,
}

#[derive(Default)]
pub(super) struct Waiting {
    /// Records that each stream holds, by vendor.
    held: FxHashMap<String, Vec<(Arc<str>, usize)>>,
    /// How many were put aside, by vendor and by the second in which they come back.
    aside: FxHashMap<String, BTreeMap<i64, usize>>,
    known: VecDeque<Aside>,
}

impl Waiting {
    /// How many wait for a vendor now.
    pub fn count(&self, vendor: &str, now_ms: i64) -> usize {
        let held = self.held.values().flatten().filter(|(name, _)| **name == *vendor).map(|(_, held)| held);
        let aside =
            self.aside.get(vendor).into_iter().flat_map(|due| due.range(second(now_ms)..)).map(|(_, count)| count);
        held.chain(aside).sum()
    }

    fn put(&mut self, aside: Aside, now_ms: i64) {
        let due = self.aside.entry(aside.vendor.clone()).or_default();
        *due.entry(second(aside.due_ms)).or_default() += 1;
        *due = due.split_off(&second(now_ms));
        if self.known.len() >= KNOWN {
            self.known.pop_front();
        }
        self.known.push_back(aside);
    }
}

impl Allowance {
    /// A stream holds so many for each vendor.
    pub fn holds(&self, stream: &str, held: Vec<(Arc<str>, usize)>) {
        self.lock().waiting.held.insert(stream.to_owned(), held);
    }

    /// These wait in the log until they are due.
    pub fn put_aside(&self, aside: impl IntoIterator<Item = Aside>) {
        let now_ms = self.clock.now_ms();
        let mut kept = self.lock();
        aside.into_iter().for_each(|aside| kept.waiting.put(aside, now_ms));
    }

    /// What a message waits for: one of the newest that were put aside here, by its track_id, or by its message_id and
    /// whose it is.
    pub fn waits(&self, id: &str, username: Option<&str>) -> Option<Aside> {
        let now_ms = self.clock.now_ms();
        let is_meant = |aside: &&Aside| match username {
            None => aside.track_id == id,
            Some(username) => aside.message_id == id && aside.username == username,
        };
        self.lock().waiting.known.iter().rev().find(is_meant).filter(|aside| aside.due_ms > now_ms).cloned()
    }
}

fn second(ms: i64) -> i64 {
    ms.div_euclid(1_000)
}
