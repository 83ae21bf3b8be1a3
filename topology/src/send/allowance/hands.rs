//! A vendor's hands: how many requests it has at a time, and how long each of them takes.

use processors::reference::Vendor;
use schemas::Lane;

/// What lanes other than AUTH leave free for it.
const KEPT_FOR_AUTH_PERCENT: u32 = 20;
/// How much the newest answer moves what an answer takes.
const NEWEST: f64 = 1.0 / 16.0;
/// How long hands count as full after a request waited for one, milliseconds.
const FULL_FOR_MS: i64 = 1_000;

/// How busy they are.
#[derive(Debug)]
pub struct Hands {
    /// Requests that have left and are not answered.
    pub in_flight: u32,
    /// When a request waited for a hand last, and first of those since which they are full, Unix milliseconds.
    full_ms: i64,
    full_since_ms: i64,
    /// When the last request ended, Unix milliseconds.
    ended_ms: i64,
    /// What an answer takes, milliseconds; None until the first.
    took_ms: Option<f64>,
}

/// How many of them a lane may use. One is always usable, or a vendor of fewer than five would take nothing.
pub fn of(vendor: &Vendor, lane: Lane) -> u32 {
    let all = vendor.max_in_flight;
    match lane {
        Lane::Auth => all,
        Lane::Realtime | Lane::Mass | Lane::Ad => all - (all * KEPT_FOR_AUTH_PERCENT / 100).min(all - 1),
    }
}

impl Default for Hands {
    fn default() -> Self {
        Self { in_flight: 0, full_ms: i64::MIN, full_since_ms: i64::MIN, ended_ms: i64::MIN, took_ms: None }
    }
}

impl Hands {
    /// A request had to wait for one.
    pub fn wanted(&mut self, now_ms: i64) {
        if !self.full(now_ms) {
            self.full_since_ms = now_ms;
        }
        self.full_ms = now_ms;
    }

    /// One is free again after so long.
    pub fn ended(&mut self, took_ms: i64, now_ms: i64) {
        let newest = took_ms.max(0) as f64;
        self.took_ms = Some(self.took_ms.map_or(newest, |took| took + (newest - took) * NEWEST));
        self.ended_ms = now_ms;
    }

    /// What a lane's can do, requests a second; None while they are not full.
    pub fn per_second(&self, vendor: &Vendor, lane: Lane, now_ms: i64) -> Option<f64> {
        if !self.full(now_ms) {
            return None;
        }
        // Of those that left before, none has ended since: they take so long at least.
        let still_ms = now_ms.saturating_sub(self.ended_ms.max(self.full_since_ms)) as f64;
        let took_ms = self.took_ms.unwrap_or(f64::from(vendor.timeout_ms)).max(still_ms).max(1.0);
        Some(f64::from(of(vendor, lane)) * 1_000.0 / took_ms)
    }

    fn full(&self, now_ms: i64) -> bool {
        (self.full_ms..self.full_ms.saturating_add(FULL_FOR_MS)).contains(&now_ms)
    }
}
