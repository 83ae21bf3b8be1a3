//! Whether the log acknowledges what an appender hands over: for /health/ready and the log.

use std::{
    mem,
    sync::{Mutex, PoisonError},
    time::Instant,
};
use topology::{
    engine::status::{Status, note},
    log::LogError,
};

/// How appends end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// All that came is acknowledged.
    Acknowledges,
    /// Some is not: a partition without a leader.
    InPart,
    /// Nothing is.
    Away,
}

/// What became of the records of one appender.
pub struct Standing {
    name: &'static str,
    ends: Mutex<Ends>,
}

struct Ends {
    state: State,
    /// Since the last look.
    acknowledged: u64,
    failed: u64,
    /// Why the newest failed.
    cause: Option<LogError>,
}

impl Standing {
    /// Of an appender that nothing is known of.
    pub fn new(name: &'static str) -> Self {
        Self { name, ends: Mutex::new(Ends { state: State::Acknowledges, acknowledged: 0, failed: 0, cause: None }) }
    }

    /// Counts the end of a record.
    pub fn note(&self, end: Result<(), LogError>) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        match end {
            Ok(()) => ends.acknowledged += 1,
            Err(error) => {
                ends.failed += 1;
                ends.cause = Some(error);
            }
        }
    }

    /// Judges by what ended since the last time. When nothing did and nothing was acknowledged before, the log is asked:
    /// who is sent no requests because it is not ready would never learn that it is.
    pub fn judge(&self, reach: impl FnOnce() -> Result<(), LogError>) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let (acknowledged, failed) = (mem::take(&mut ends.acknowledged), mem::take(&mut ends.failed));
        let (before, mut cause) = (ends.state, ends.cause.take());
        // The log takes its time, and acknowledgements come from another thread.
        drop(ends);
        let state = match (acknowledged, failed) {
            (0, 0) if before == State::Away => match reach() {
                Ok(()) => State::Acknowledges,
                Err(error) => {
                    cause = Some(error);
                    State::Away
                }
            },
            (_, 0) => State::Acknowledges,
            (0, _) => State::Away,
            _ => State::InPart,
        };
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).state = state;
        self.tell(state, before != state, cause);
    }

    fn tell(&self, state: State, is_news: bool, cause: Option<LogError>) {
        let is_lasting = matches!(cause, Some(LogError::Stop(_)));
        let cause = cause.map(|error| error.to_string()).unwrap_or_default();
        note(
            self.name,
            match state {
                State::Acknowledges | State::InPart => Status::Ready,
                State::Away => {
                    Status::Waiting { dependency: "log".into(), cause: cause.clone(), since: Instant::now() }
                }
            },
        );
        let appender = self.name;
        match state {
            _ if !is_news => {}
            State::Acknowledges => tracing::info!(appender, "the log acknowledges again"),
            State::InPart => tracing::warn!(appender, cause, "some requests are not confirmed (9998)"),
            State::Away if is_lasting => tracing::error!(appender, cause, "requests are not confirmed (9998)"),
            State::Away => {
                tracing::warn!(appender, cause, "requests are not confirmed (9998) until the log acknowledges again");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use topology::engine::status::board;

    fn away() -> Result<(), LogError> {
        Err(LogError::Away("no broker answers".into()))
    }

    fn is_ready(standing: &Standing) -> bool {
        board()[standing.name] == Status::Ready
    }

    #[test]
    fn it_is_ready_as_long_as_anything_is_acknowledged_and_again_when_the_log_answers() {
        let standing = Standing::new("it-is-ready-as-long");
        let never = || -> Result<(), LogError> { panic!("asked without need") };
        standing.judge(never);
        assert!(is_ready(&standing));
        [away(), Ok(())].into_iter().for_each(|end| standing.note(end));
        standing.judge(never);
        assert!(is_ready(&standing), "a part is acknowledged");
        standing.note(away());
        standing.judge(never);
        assert!(!is_ready(&standing));
        standing.judge(away);
        assert!(!is_ready(&standing), "nothing came, and the log does not answer");
        standing.judge(|| Ok(()));
        assert!(is_ready(&standing));
        standing.note(away());
        standing.judge(never);
        standing.note(Ok(()));
        standing.judge(never);
        assert!(is_ready(&standing), "something is acknowledged again");
    }
}
