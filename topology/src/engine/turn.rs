//! How every worker's turn ends: done, waited out, rewound, or halted.

use super::{
    Halt, Progress,
    status::{self, Restored, Status},
};
use crate::{log::LogError, metrics as names};
use metrics::gauge;
use processors::ports::Away;
use std::time::{Duration, Instant};

/// What can end a turn early.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// A dependency is away: the same is tried again.
    #[error(transparent)]
    Away(#[from] Away),
    /// The state is not all there: the next turn goes on with it.
    #[error("restores its state, {} of {}", .0.done, .0.of)]
    Restoring(Restored),
    /// The log said no.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The worker must not go on.
    #[error(transparent)]
    Halt(#[from] Halt),
}

/// Longest pause between two tries of something that is away.
const PAUSE: Duration = Duration::from_millis(200);

/// Answers every error: go on with the state or from the committed offsets (`rewind`), wait and try again, or stop.
pub fn settle(
    stream: &str,
    turn: Result<Progress, TurnError>,
    wait: Duration,
    rewind: impl FnOnce(),
) -> Result<Progress, Halt> {
    let ready = |up: bool| gauge!(names::READY, "stream" => stream.to_owned()).set(f64::from(up));
    match turn {
        Ok(progress) => {
            if status::note(stream, Status::Ready) {
                ready(true);
                tracing::info!(stream, "at work");
            }
            Ok(progress)
        }
        Err(TurnError::Restoring(restored)) => {
            if status::note(stream, Status::Restoring(restored)) {
                ready(false);
            }
            Ok(Progress::Worked)
        }
        Err(TurnError::Halt(halt)) => Err(halt),
        Err(TurnError::Log(LogError::Stop(reason))) => Err(Halt::new(stream, reason)),
        Err(TurnError::Log(LogError::Rewound(cause))) => {
            tracing::warn!(stream, cause, "rewound to the committed offsets");
            rewind();
            Ok(Progress::Worked)
        }
        Err(error @ (TurnError::Away(_) | TurnError::Log(LogError::Away(_)))) => {
            let dependency = match &error {
                TurnError::Away(away) => away.dependency,
                _ => "log",
            };
            let cause = error.to_string();
            if status::note(stream, Status::Waiting { dependency: dependency.into(), cause, since: Instant::now() }) {
                ready(false);
                tracing::warn!(stream, %error, "waiting, nothing is lost");
            }
            // The caller's wait is the pace of new tries: a test moves on at once, a thread does not spin.
            std::thread::park_timeout(wait.min(PAUSE));
            Ok(Progress::Idle)
        }
    }
}
