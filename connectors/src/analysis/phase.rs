//! The parts of a message's way, as events tell them.

use schemas::{AnalyzeLog, LogEvent};

/// A part of the way that takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// From the request's record to ingest's decision.
    Accept,
    /// From there to the router's decision: a wait that the customer asked for included.
    Route,
    /// From there until the last request left: rates, holds, retries.
    Queue,
    /// From a request to its end: the vendor's answer or receipt.
    Vendor,
    /// From the request's record to the end of the step.
    Whole,
}

impl Phase {
    /// All, in the order of the way.
    pub const ALL: [Self; 5] = [Self::Accept, Self::Route, Self::Queue, Self::Vendor, Self::Whole];

    /// The letter in a file: its word's first.
    pub fn initial(self) -> &'static str {
        self.as_str().get(..1).unwrap_or_default()
    }

    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Route => "ROUTE",
            Self::Queue => "QUEUE",
            Self::Vendor => "VENDOR",
            Self::Whole => "WHOLE",
        }
    }
}

/// The phases that end with this event, with how long each took, milliseconds. The end of a step tells its whole way
/// once; an attempt before it tells only its own request.
pub fn ended(event: &AnalyzeLog) -> impl Iterator<Item = (Phase, i64)> {
    let step = event.event == LogEvent::Step;
    let attempt = step || event.event == LogEvent::Attempt;
    let between = |from: Option<i64>, to: Option<i64>| Some(to? - from?);
    let first = step && event.step == 0;
    [
        (Phase::Accept, first, between(Some(event.requested_at), event.accepted_at)),
        (Phase::Route, first, between(event.accepted_at, event.routed_at)),
        (Phase::Queue, step, between(event.routed_at, event.sent_at)),
        (Phase::Vendor, attempt, between(event.sent_at, Some(event.at))),
        (Phase::Whole, step, between(Some(event.requested_at), Some(event.at))),
    ]
    .into_iter()
    .filter_map(|(phase, tells, ms)| Some((phase, ms.filter(|_| tells)?)))
}
