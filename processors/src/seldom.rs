//! What comes again and again, told once a minute: whoever finds out how to bring it about shall not fill the log.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const EVERY: Duration = Duration::from_secs(60);
/// So many things a minute are told.
const MANY: usize = 1_000;

/// When each thing was told last.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<BTreeMap<String, Instant>>);

impl Seldom {
    /// Nothing was told yet.
    pub const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Whether `what` is worth a line now: how often it came besides is for a counter. What is one thing has no name.
    pub fn is_news(&self, what: &str) -> bool {
        self.is_news_at(what, Instant::now())
    }

    fn is_news_at(&self, what: &str, now: Instant) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |at: &Instant| now.saturating_duration_since(*at) < EVERY;
        if told.get(what).is_some_and(is_fresh) {
            return false;
        }
        if told.len() >= MANY {
            told.retain(|_, at| is_fresh(at));
            if told.len() >= MANY {
                return false;
            }
        }
        told.insert(what.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_and_again_is_told_once_a_minute() {
        let (told, begun) = (Seldom::new(), Instant::now());
        let at = |what: &str, seconds| told.is_news_at(what, begun + Duration::from_secs(seconds));
        assert!(at("fill.rs:7:9", 0));
        assert!((1..60).all(|seconds| !at("fill.rs:7:9", seconds)));
        assert!(at("fill.rs:8:1", 30), "something else is news");
        assert!(at("fill.rs:7:9", 60) && !at("fill.rs:7:9", 61));
        assert_eq!((0..5_000).filter(|n| at(&n.to_string(), 200)).count(), MANY);
        assert!(at("5000", 260), "a minute later there is room");
    }
}
