//! What vendors refuse for good, and what their delivery reports say of their health.

use super::{Allowance, Breaker, Health, Kept, State, names};
use metrics::gauge;
use processors::{
    codes::{Handling, judge},
    ports::{Receipt, Reply},
    reference::Vendor,
    stops::{Heard, Kind, News, Stopped, Stops},
};
use schemas::Dispatch;
use std::sync::Arc;

/// An older report tells how the vendor was and not how it is, milliseconds.
const OF_NOW_MS: i64 = 60_000;

impl Allowance {
    /// What a vendor would answer to this message, of whose sender or template it has refused others; None: it may leave.
    pub fn refusal(&self, vendor: &str, dispatch: &Dispatch) -> Option<Reply> {
        let now_ms = self.clock.now_ms();
        let (code, text) = self.lock().stops.refusal(vendor, dispatch, now_ms)?;
        Some(Reply::Unasked { code, text })
    }

    /// A message is about to leave.
    pub fn leaves(&self, vendor: &Vendor, dispatch: &Dispatch) {
        let now_ms = self.clock.now_ms();
        self.lock().stops.leaves(&vendor.name, dispatch, vendor.receipts, now_ms);
    }

    /// A vendor answered a message that left at `sent_ms`.
    pub fn answered(&self, vendor: &Vendor, dispatch: &Dispatch, sent_ms: i64, code: &str, text: &str) {
        let heard = Heard { row: judge(vendor.codes, code), code, text, now_ms: self.clock.now_ms() };
        let mut kept = self.lock();
        let news = kept.stops.answered(&vendor.name, dispatch, sent_ms, heard);
        kept.tell(news);
    }

    /// A vendor reported the end of one of our messages.
    pub fn reported(&self, vendor: &Arc<Vendor>, receipt: &Receipt) {
        let Receipt { serial_number, code, text, at_ms, .. } = receipt;
        let now_ms = self.clock.now_ms();
        let row = judge(vendor.codes, code);
        let mut kept = self.lock();
        let news = kept.stops.reported(&vendor.name, serial_number, Heard { row, code, text, now_ms });
        kept.tell(news);
        if now_ms - at_ms > OF_NOW_MS {
            return;
        }
        let limits = self.limits(&mut kept, vendor, now_ms);
        let health = if row.handling == Handling::Breaker { Health::Failed } else { Health::Well };
        limits.reports.answered(health, now_ms);
        if limits.reports.state() == State::Open {
            tracing::warn!(vendor = %vendor.name, code, "circuit breaker: what the vendor takes it does not deliver");
            limits.reports = Breaker::new(self.breaker);
            limits.breaker.open(now_ms);
            limits.breaker_since_ms = now_ms;
            limits.ailing = code.clone();
            limits.show();
        }
    }

    /// What vendors refuse.
    pub fn stopped(&self) -> Vec<Stopped> {
        self.lock().stops.list()
    }

    /// Lets what a vendor refuses be tried again, all or of one name; how many.
    pub fn let_go(&self, vendor: &str, name: Option<&str>) -> usize {
        let mut kept = self.lock();
        let gone = kept.stops.clear(vendor, name);
        if gone > 0 {
            kept.show(vendor);
        }
        gone
    }
}

impl Kept {
    /// Tells the operator once that something is refused, and once that it is taken again.
    fn tell(&self, news: Option<News>) {
        let Some(news) = news else { return };
        let (News::Stopped(told) | News::Mended(told)) = &news;
        let Stopped { vendor, family, kind, name, code, kept_back, .. } = told;
        let kind = kind.as_str();
        match &news {
            News::Stopped(_) => tracing::error!(
                vendor,
                family,
                kind,
                name,
                code,
                "a vendor refuses this: its messages end with the code, or go on by their plan, without a request; one in five \
                 minutes tries"
            ),
            News::Mended(_) => tracing::info!(vendor, family, kind, name, kept_back, "a vendor takes this again"),
        }
        self.show(vendor);
    }

    fn show(&self, vendor: &str) {
        show(&self.stops, vendor, self.vendors.get(vendor).is_some_and(|limits| limits.ours));
    }
}

/// Shows what a vendor refuses of us, or nothing when this process sends nothing to it: it would not see the end.
pub(super) fn show(stops: &Stops, vendor: &str, is_ours: bool) {
    for kind in Kind::ALL {
        let stopped = if is_ours { stops.count(vendor, kind) as f64 } else { 0.0 };
        gauge!(names::STOPPED, "vendor" => vendor.to_owned(), "kind" => kind.as_str()).set(stopped);
    }
}
