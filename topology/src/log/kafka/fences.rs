//! Tells two processes of one name from one that had an accident.

use crate::log::LogError;
use std::time::{Duration, Instant};

/// Two take-overs within this time are no accident.
const TWICE_WITHIN: Duration = Duration::from_secs(5 * 60);

/// When a stream was last taken over by another of its name.
#[derive(Debug, Default)]
pub struct Fences {
    last: Option<Instant>,
}

impl Fences {
    /// `what` was taken over. Once may be the end of a process that was thought dead, or a request of our own that
    /// arrived late; twice is a process that goes on.
    pub fn note(&mut self, what: &str) -> Result<(), LogError> {
        if self.last.replace(Instant::now()).is_some_and(|at| at.elapsed() < TWICE_WITHIN) {
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
        let mut fences = Fences::default();
        fences.note("ims-x-0").unwrap();
        fences.forgive();
        fences.note("ims-x-0").unwrap();
        let stop = fences.note("ims-x-0");
        assert!(
            matches!(&stop, Err(LogError::Stop(line)) if line.starts_with("ims-x-0 was taken over twice")),
            "{stop:?}"
        );
    }
}
