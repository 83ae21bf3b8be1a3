//! When failures or latencies of a customer at a vendor go beyond their own recent norm.
//!
//! Watched is each series vendor × channel × customer, and vendor × channel of all customers together, each with at most
//! 20 requests a minute: a vendor that fails a little for ten thousand small customers is seen there, one customer's bad
//! list is not. Two shares of a series' requests are judged: those that failed, and those that were slow, which is longer
//! than the 95th percentile of the norm.
//!
//! **The norm** of a series is what it did before the last 15 minutes, halved every 12 hours; what belongs to an anomaly
//! is no part of it, and of a minute at most 50 requests are: what one list did is not what is usual. A series with fewer than 200 requests in its norm is not judged.
//!
//! **The statistic.** With a norm of `bad` of `all`, p = (bad + 1) / (all + 2). The bad ones of n requests are then taken
//! to follow the beta-binomial distribution of mean p and concentration c (300 for failures, 50 for latency): a share that
//! wanders from minute to minute by itself, as campaigns and lists make it, and does not follow a coin's small variance
//! however large n is. A window is beyond the norm when its share is at least twice p and at least 10 (failures) or 30
//! (latency) percentage points above it, at least 10 are bad, and so many or more bad ones have a probability below 10⁻⁷.
//! Judged are the last two minutes, the running one included, and the last fifteen, for series of few requests.
//!
//! So a jump to 30 % failures is seen within two minutes from 100 requests a minute on (norm 3 % or less; 200 with 5 %),
//! with fewer requests within fifteen, and below some 5 a minute only at the vendor as a whole.
//!
//! It ends when five minutes in a row are near the norm again (half of that rise above it), or nothing happened for
//! fifteen. What lasts for a day is the norm, which is learnt anew.

mod series;
mod statistic;
#[cfg(test)]
mod tests;
mod watch;

pub use watch::Watch;

use schemas::{Channel, UnknownWord};
use std::str::FromStr;

/// What is watched by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    /// The vendor.
    pub vendor: String,
    /// The channel.
    pub channel: Channel,
    /// The customer; empty: all customers together.
    pub username: String,
}

/// What a series did in a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// The series, with a customer.
    pub series: Series,
    /// Requests that ended: steps that were delivered, failed or are uncertain, and attempts before them.
    pub requests: u64,
    /// Those that failed or are uncertain, and all attempts that another followed.
    pub failures: u64,
    /// How long requests took: buckets of [`crate::histogram`], and how many.
    pub durations: Vec<(i64, i64)>,
}

/// What can be unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The share of requests that failed.
    Failures,
    /// The share of requests that were slow.
    Latency,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Failures, Self::Latency];

    /// The word in stores, metrics and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "FAILURES",
            Self::Latency => "LATENCY",
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| UnknownWord::new("Kind", word))
    }
}

/// An anomaly. Kind, series and `opened_ms` are its identity: watchers that see the same write the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Anomaly {
    /// What was unusual.
    pub kind: Kind,
    /// Where.
    pub series: Series,
    /// Beginning of the minute in which it was seen, Unix milliseconds.
    pub opened_ms: i64,
    /// Beginning of the minute in which it had ended; None while it lasts.
    pub closed_ms: Option<i64>,
    /// The share of bad requests when it was seen, of 1.
    pub share: f64,
    /// The share that was usual, of 1.
    pub norm: f64,
    /// How many requests the share is of.
    pub events: u64,
    /// Of [`Kind::Latency`]: what took longer was slow, milliseconds.
    pub slow_ms: Option<i64>,
}
