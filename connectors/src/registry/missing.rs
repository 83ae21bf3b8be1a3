//! Ids that the registry did not have when it was last asked.

use rustc_hash::FxHashMap;
use std::time::{Duration, Instant};

/// How long an id counts as missing.
pub const REMEMBERED: Duration = Duration::from_secs(5);
/// Ids remembered at most: with more, some are asked for again sooner.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub struct Missing(FxHashMap<u32, Instant>);

impl Missing {
    pub fn holds(&self, id: u32, now: Instant) -> bool {
        self.0.get(&id).is_some_and(|asked| now.saturating_duration_since(*asked) < REMEMBERED)
    }

    pub fn note(&mut self, id: u32, now: Instant) {
        if self.0.len() >= MOST {
            self.0.retain(|_, asked| now.saturating_duration_since(*asked) < REMEMBERED);
        }
        if self.0.len() < MOST {
            self.0.insert(id, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_garbage_ids_takes_bounded_memory() {
        let mut missing = Missing::default();
        let now = Instant::now();
        (0..3 * MOST as u32).for_each(|id| missing.note(id, now));
        assert_eq!(missing.0.len(), MOST);
        missing.note(u32::MAX, now + REMEMBERED);
        assert_eq!(missing.0.len(), 1);
    }
}
