//! Tells two processes of one name from one that had an accident.

use super::context::Breaks;
use crate::log::LogError;
use std::time::{Duration, Instant};

/// Two take-overs within this time are no accident.
const TWICE_WITHIN: Duration = Duration::from_secs(5 * 60);
/// A take-over so soon after a connection broke may be our own doing: a request that a broker took before it died is
/// sent to its successor again, which takes the second one for another's. A cluster needs up to half a minute for that.
const BROKE_WITHIN: Duration = Duration::from_secs(60);

/// When a stream was last taken over by another of its name.
#[derive(Debug, Default)]
pub struct Fences {
    last: Option<Instant>,
}

impl Fences {
    /// `what` was taken over. Once may be the end of a process that was thought dead, or a request of our own that
    /// arrived late; twice is a process that goes on.
    pub fn note(&mut self, what: &str, breaks: &Breaks) -> Result<(), LogError> {
        if breaks.within(BROKE_WITHIN) {
            tracing::info!(what, "taken over, soon after a connection to a broker broke");
            self.forgive();
        } else if self.last.replace(Instant::now()).is_some_and(|at| at.elapsed() < TWICE_WITHIN) {
            return Err(LogError::Stop(format!(
                "{what} was taken over twice: two processes share it. Give each a deployment.instance of its own, or none"
            )));
        }
        Ok(())
    }

    /// A broker was away, or this process stood still: what was given up in its absence is nobody's fault.
    pub fn forgive(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_is_a_stop_and_once_before_and_after_trouble_is_not() {
        let (mut fences, breaks) = (Fences::default(), Breaks::default());
        fences.note("ims-x-0", &breaks).unwrap();
        fences.forgive();
        fences.note("ims-x-0", &breaks).unwrap();
        let stop = fences.note("ims-x-0", &breaks);
        assert!(
            matches!(&stop, Err(LogError::Stop(line)) if line.starts_with("ims-x-0 was taken over twice")),
            "{stop:?}"
        );
    }

    #[test]
    fn what_follows_a_broken_connection_is_no_second_process() {
        let (mut fences, breaks) = (Fences::default(), Breaks::default());
        fences.note("ims-x-0", &breaks).unwrap();
        breaks.note();
        for _ in 0..3 {
            fences.note("ims-x-0", &breaks).unwrap();
        }
    }
}
