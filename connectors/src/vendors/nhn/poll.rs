//! How far results were read: they are listed by when the vendor noted them, and never acknowledged.
//!
//! The next window begins a while before the newest result that was read, by the vendor's own clock, because results may
//! be listed late; what was given before is left out. What that clock says, each answer's Date tells. A process that begins
//! looks back, because it cannot know what others have put into the log: a report that is there twice changes nothing.

use super::{Product, report::Told};
use crate::vendors::receipts::Reports;
use rustc_hash::{FxBuildHasher, FxHashMap};
use serde_json::Value;
use std::hash::BuildHasher;

/// Results of a page, the most that may be asked for.
pub const PAGE: usize = 1_000;
/// How late a result may be listed.
const LATE_MS: i64 = 60_000;
/// How far what the vendor notes may be from what it dates answers by.
const APART_MS: i64 = 3_600_000;
/// How long a result that nobody knows is waited for: less than it is listed again, so that it is told in the end.
const UNKNOWN_MS: i64 = 30_000;
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

/// What of a page was not seen before.
pub struct Fresh {
    /// Results.
    pub told: Vec<Told>,
    /// How many rows cannot be read.
    pub unread: usize,
}

/// A way through the results of one vendor.
pub struct Cursor {
    /// All that was noted before was read.
    read_ms: i64,
    /// How far the vendor's clock is ahead of ours.
    apart_ms: i64,
    asked: Option<Asked>,
    /// How many windows were read.
    window: u64,
    /// What was given: the last window that showed it.
    given: FxHashMap<Known, u64>,
    /// What nobody knew: the last window that showed it, and when the first one did.
    unknown: FxHashMap<Known, (u64, i64)>,
    /// Rows that cannot be read, by their hash: the last window that showed them.
    unread: FxHashMap<u64, u64>,
    /// Of this page, until it is in the log.
    open: Vec<Known>,
    newest_ms: i64,
    /// Whether the page is the window's last.
    last: bool,
}

impl Cursor {
    /// Begins this long ago.
    pub fn new(now_ms: i64, look_back_h: u32) -> Self {
        let read_ms = now_ms - i64::from(look_back_h) * 3_600_000;
        Self {
            read_ms,
            apart_ms: 0,
            asked: None,
            window: 0,
            given: FxHashMap::default(),
            unknown: FxHashMap::default(),
            unread: FxHashMap::default(),
            open: Vec::new(),
            newest_ms: read_ms,
            last: false,
        }
    }

    /// How far the vendor's clock is ahead of ours, milliseconds.
    pub fn apart_ms(&self) -> i64 {
        self.apart_ms
    }

    /// The vendor's clock is so far ahead. Whether that is news: then what was asked is asked anew, by that clock. One
    /// that was set back notes results before what was read; what is listed again is left out.
    pub fn hear(&mut self, apart_ms: i64) -> bool {
        let moved_ms = apart_ms - self.apart_ms;
        if moved_ms.abs() < LATE_MS {
            return false;
        }
        self.apart_ms = apart_ms;
        if self.window == 0 || moved_ms < 0 {
            self.read_ms += moved_ms;
            self.newest_ms = self.read_ms;
        }
        self.asked = None;
        self.open.clear();
        true
    }

    /// What to ask for.
    pub fn next(&mut self, now_ms: i64) -> Asked {
        let now_ms = now_ms + self.apart_ms;
        let from_ms = self.read_ms - LATE_MS;
        *self.asked.get_or_insert_with(|| {
            let now = from_ms + 2 * APART_MS > now_ms;
            let to_ms = if now { now_ms.max(from_ms) + APART_MS } else { from_ms + PAST_MS };
            Asked { from_ms, to_ms, page: 1 }
        })
    }

    /// What of a page was not given before.
    pub fn fresh(&mut self, rows: Vec<Value>, product: Product) -> Fresh {
        let mut fresh = Fresh { told: Vec::new(), unread: 0 };
        for row in rows {
            let Some(told) = Told::read(&row, product) else {
                let seen = self.unread.insert(FxBuildHasher.hash_one(row.to_string()), self.window);
                fresh.unread += usize::from(seen.is_none());
                continue;
            };
            self.newest_ms = told.updated_ms().map_or(self.newest_ms, |noted_ms| self.newest_ms.max(noted_ms));
            if self.given.get_mut(&told.known_by()).map(|shown| *shown = self.window).is_none() {
                fresh.told.push(told);
            }
        }
        fresh
    }

    /// Whether a result that nobody knows was waited for as long as it is: one of a window of the past not at all, because
    /// it is not listed again.
    pub fn is_nobodys(&mut self, told: &Told, now_ms: i64) -> bool {
        if self.is_behind(now_ms) {
            return true;
        }
        let (shown, first_ms) = self.unknown.entry(told.known_by()).or_insert((self.window, now_ms));
        *shown = self.window;
        now_ms - *first_ms >= UNKNOWN_MS
    }

    /// Whether the window is one of the past.
    fn is_behind(&self, now_ms: i64) -> bool {
        self.asked.is_some_and(|asked| asked.to_ms < now_ms + self.apart_ms)
    }

    /// Takes what is fresh of a page; None: there is nothing new now. `last`: no page follows it.
    pub fn take(&mut self, last: bool, told: Vec<Told>, vendor: &str, now_ms: i64) -> Option<Reports> {
        self.last = last;
        self.open = told.iter().map(Told::known_by).collect();
        let receipts: Vec<_> = told.into_iter().filter_map(|told| told.receipt(vendor, now_ms)).collect();
        if receipts.is_empty() && self.last && !self.is_behind(now_ms) {
            self.given(now_ms);
            return None;
        }
        Some(Reports { id: String::new(), receipts })
    }

    /// The page is in the log.
    pub fn given(&mut self, now_ms: i64) {
        let window = self.window;
        self.given.extend(self.open.drain(..).map(|known| (known, window)));
        let Some(asked) = &mut self.asked else { return };
        if !self.last {
            asked.page += 1;
            return;
        }
        // By the vendor's clock; where it notes nothing, by ours, as far as both may be apart.
        self.read_ms = self.read_ms.max(self.newest_ms).max(asked.to_ms.min(now_ms + self.apart_ms - APART_MS));
        self.asked = None;
        // Windows only go forward: what this one did not show, none will.
        self.given.retain(|_, shown| *shown == window);
        self.unknown.retain(|_, (shown, _)| *shown == window);
        self.unread.retain(|_, shown| *shown == window);
        self.window += 1;
    }
}
