//! Takes up changes of the reference data while streams run.

use crate::{assemble::now_ms, beside::Beside, groups::Groups};
use connectors::reference::{ReferenceError, Reloaded};
use metrics::{counter, gauge};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use topology::metrics as names;

/// How often the source is looked at. A change of a file is taken up at the second look that finds it the same: within
/// 2 s and the time of reading, of the 5 s that are promised.
const LOOK: Duration = Duration::from_secs(1);

/// The data in force are those of before: why, and since when, Unix milliseconds. For /health/ready.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Stale {
    pub cause: String,
    pub since_ms: i64,
}

static STALE: Mutex<Option<Stale>> = Mutex::new(None);

/// Whether newer data than those in force may exist.
pub fn stale() -> Option<Stale> {
    STALE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Begins to look at the source.
pub fn begin(reference: Arc<dyn Reloaded>, mut groups: Groups) -> io::Result<Beside> {
    let mut state = State { taken: Instant::now(), old: None, refused: false, away: false };
    Beside::start("reference", move || {
        if groups.retry() {
            reference.again();
        }
        state.look(&*reference, &groups);
        groups.follow(&reference.current());
        LOOK
    })
}

struct State {
    taken: Instant,
    /// Since when newer data are refused or out of reach.
    old: Option<Instant>,
    /// Whether newer data were refused.
    refused: bool,
    /// Whether the source did not answer at the last look.
    away: bool,
}

impl State {
    fn look(&mut self, reference: &dyn Reloaded, groups: &Groups) {
        let reloaded = reference.reload(&|fresh| groups.prepare(fresh));
        let was_away = std::mem::replace(&mut self.away, is_away(&reloaded));
        match &reloaded {
            // A source that answers again may have nothing new; what was refused stays refused.
            Ok(None) if was_away && !self.refused => self.is_young(),
            Ok(None) => {}
            Ok(Some(_)) => {
                (self.taken, self.refused) = (Instant::now(), false);
                self.is_young();
                counter!(names::REFERENCE_RELOADS, "result" => "taken").increment(1);
            }
            Err(error) => {
                self.is_old(error);
                if !self.away {
                    self.refused = true;
                    counter!(names::REFERENCE_RELOADS, "result" => "refused").increment(1);
                }
            }
        }
        gauge!(names::REFERENCE_AGE).set(self.taken.elapsed().as_secs_f64());
        gauge!(names::REFERENCE_STALE).set(self.old.map_or(0.0, |since| since.elapsed().as_secs_f64()));
        // Last: who reads the line may ask for the metrics at once.
        match reloaded {
            Ok(None) if was_away => tracing::info!("the source of the reference data answers again"),
            Ok(None) => {}
            Ok(Some(changes)) => tracing::info!(%changes, "reference data taken up"),
            Err(_) if self.away && was_away => {}
            Err(error) if self.away => {
                tracing::warn!(%error, "reference data cannot be looked at: the old data stays in force");
            }
            Err(error) => {
                tracing::warn!(%error, "changed reference data refused: the old data stays in force until it is mended");
            }
        }
    }

    fn is_young(&mut self) {
        self.old = None;
        *STALE.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn is_old(&mut self, error: &ReferenceError) {
        self.old.get_or_insert_with(Instant::now);
        let mut stale = STALE.lock().unwrap_or_else(PoisonError::into_inner);
        let since_ms = stale.as_ref().map_or_else(now_ms, |stale| stale.since_ms);
        *stale = Some(Stale { cause: error.to_string(), since_ms });
    }
}

fn is_away<T>(reloaded: &Result<T, ReferenceError>) -> bool {
    matches!(reloaded, Err(ReferenceError::Away(_) | ReferenceError::Store(_)))
}
