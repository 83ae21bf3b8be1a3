//! How far results were read: they are listed by when the vendor noted them, and never acknowledged.
//!
//! The next window begins a while before the newest result that is in the log, by the vendor's own clock, because results
//! may be listed late; what was given before is left out. A process that begins looks back, because it cannot know what
//! others have put into the log: a report that is there twice changes nothing.

use super::report::Told;
use crate::vendors::receipts::Reports;
use rustc_hash::FxHashMap;

/// Results of a page, the most that may be asked for.
pub const PAGE: usize = 1_000;
/// How late a result may be listed.
const LATE_MS: i64 = 60_000;
/// How far the vendor's clock may be from ours.
const APART_MS: i64 = 3_600_000;
/// A window of the past; the published bound is a day.
const PAST_MS: i64 = 600_000;

/// What is asked for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// From when, Unix milliseconds.
    pub from_ms: i64,
    /// Until when.
    pub to_ms: i64,
    /// Which page, counted from 1.
    pub page: usize,
}

/// What tells one result from another.
type Known = (String, i64, Option<String>);

/// A way through the results of one vendor.
pub struct Cursor {
    /// All that was noted before is in the log.
    read_ms: i64,
    asked: Option<Asked>,
    /// Of what the next window will show again: when it was noted.
    given: FxHashMap<Known, i64>,
    /// Of this page, until it is in the log.
    open: Vec<(Known, i64)>,
    newest_ms: i64,
    /// Whether the page is the window's last.
    last: bool,
}

impl Cursor {
    /// Begins this long ago.
    pub fn new(now_ms: i64, look_back_h: u32) -> Self {
        let read_ms = now_ms - i64::from(look_back_h) * 3_600_000;
        Self { read_ms, asked: None, given: FxHashMap::default(), open: Vec::new(), newest_ms: read_ms, last: false }
    }

    /// What to ask for.
    pub fn next(&mut self, now_ms: i64) -> Asked {
        let from_ms = self.read_ms - LATE_MS;
        *self.asked.get_or_insert_with(|| {
            let now = from_ms + 2 * APART_MS > now_ms;
            let to_ms = if now { now_ms.max(from_ms) + APART_MS } else { from_ms + PAST_MS };
            Asked { from_ms, to_ms, page: 1 }
        })
    }

    /// Takes a page; None: there is nothing new now.
    pub fn take(&mut self, total: usize, told: Vec<Told>, vendor: &str, now_ms: i64) -> Option<Reports> {
        let page = self.next(now_ms).page;
        self.last = told.is_empty() || page.saturating_mul(PAGE) >= total;
        self.open.clear();
        let mut receipts = Vec::new();
        for told in told {
            let known = told.known_by();
            let noted_ms = told.updated_ms().unwrap_or(self.read_ms);
            if self.given.contains_key(&known) {
                continue;
            }
            self.open.push((known, noted_ms));
            receipts.extend(told.receipt(vendor, now_ms));
        }
        let behind = self.asked.is_some_and(|asked| asked.to_ms < now_ms);
        if receipts.is_empty() && self.last && !behind {
            self.given(now_ms);
            return None;
        }
        Some(Reports { id: String::new(), receipts })
    }

    /// The page is in the log.
    pub fn given(&mut self, now_ms: i64) {
        for (known, noted_ms) in self.open.drain(..) {
            self.newest_ms = self.newest_ms.max(noted_ms);
            self.given.insert(known, noted_ms);
        }
        let Some(asked) = &mut self.asked else { return };
        if !self.last {
            asked.page += 1;
            return;
        }
        // By the vendor's clock; where it notes nothing, by ours, as far as both may be apart.
        self.read_ms = self.read_ms.max(self.newest_ms).max(asked.to_ms.min(now_ms - APART_MS));
        self.asked = None;
        let shown_ms = self.read_ms - 2 * LATE_MS;
        self.given.retain(|_, noted_ms| *noted_ms >= shown_ms);
    }
}
