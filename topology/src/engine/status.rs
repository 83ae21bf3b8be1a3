//! Which streams of this process work and which wait, for /health/ready. One board a process, as for metrics.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// What a stream is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It has not had its first turn yet.
    Starting,
    /// It works.
    Ready,
    /// It restores the state of its partitions and decides nothing before all is there.
    Restoring(Restored),
    /// Something it needs is away.
    Waiting {
        /// What is away.
        dependency: String,
        /// What that said, without secrets.
        cause: String,
        /// Since when.
        since: Instant,
    },
    /// It has finished.
    Ended,
}

/// How much of its state a stream has restored, in offsets of the topic that keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Behind it.
    pub done: i64,
    /// Of all partitions that it owns.
    pub of: i64,
}

static BOARD: Mutex<BTreeMap<String, Status>> = Mutex::new(BTreeMap::new());

/// Notes the status of a stream; whether that is news. A wait keeps its beginning while the same thing is away.
pub fn note(stream: &str, status: Status) -> bool {
    let mut board = BOARD.lock().unwrap_or_else(PoisonError::into_inner);
    match (board.get_mut(stream), status) {
        (Some(Status::Waiting { dependency, cause, .. }), Status::Waiting { dependency: same, cause: newest, .. })
            if *dependency == same =>
        {
            *cause = newest;
            false
        }
        (Some(Status::Restoring(known)), Status::Restoring(newest)) => {
            *known = newest;
            false
        }
        (Some(known), status) if *known == status => false,
        (Some(known), status) => {
            *known = status;
            true
        }
        (None, status) => {
            board.insert(stream.to_owned(), status);
            true
        }
    }
}

/// The status of every stream, by name.
pub fn board() -> BTreeMap<String, Status> {
    BOARD.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_wait_keeps_its_beginning_and_is_news_once() {
        let (stream, since) = ("a-wait-keeps-its-beginning", Instant::now());
        let waiting = |cause: &str, since| Status::Waiting { dependency: "log".into(), cause: cause.into(), since };
        assert!(note(stream, Status::Starting));
        assert!(note(stream, waiting("refused", since)));
        assert!(!note(stream, waiting("timed out", since + Duration::from_secs(1))));
        assert_eq!(board()[stream], waiting("timed out", since));
        assert!(note(stream, Status::Ready));
        assert!(!note(stream, Status::Ready));
    }

    #[test]
    fn what_is_restored_is_news_once_and_its_newest_number_is_told() {
        let (stream, restoring) = ("restores", |done| Status::Restoring(Restored { done, of: 9 }));
        assert!(note(stream, restoring(3)));
        assert!(!note(stream, restoring(6)));
        assert_eq!(board()[stream], restoring(6));
        assert!(note(stream, Status::Ready));
    }
}
