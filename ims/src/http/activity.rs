//! What a connection is doing, so that none holds its place without need: neither one that asks nothing nor one that
//! does not read its answer.

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// The requests and answers of one connection; clones are the same.
#[derive(Clone)]
pub struct Activity(Arc<Mutex<Counts>>);

struct Counts {
    /// Requests that are being answered.
    answering: usize,
    /// Answers that the connection has not taken whole.
    unsent: usize,
    /// When any of these changed.
    changed: Instant,
}

/// What a connection does, and for how long it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// A request is being answered, which ends by itself.
    Answering,
    /// An answer waits to be read.
    Unread(Duration),
    /// Nothing was asked.
    Idle(Duration),
}

impl Activity {
    /// Of a connection that has just come.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Counts { answering: 0, unsent: 0, changed: Instant::now() })))
    }

    /// A request has come.
    pub fn asked(&self) -> Asked {
        self.change(|counts| counts.answering += 1);
        Asked(self.clone())
    }

    /// What it does now.
    pub fn doing(&self) -> Doing {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *counts {
            Counts { answering: 1.., .. } => Doing::Answering,
            Counts { unsent: 1.., changed, .. } => Doing::Unread(changed.elapsed()),
            Counts { changed, .. } => Doing::Idle(changed.elapsed()),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut counts);
        counts.changed = Instant::now();
    }
}

/// A request that is being answered.
pub struct Asked(Activity);

impl Asked {
    /// It is answered: the body waits to be taken.
    pub fn answered(self, body: Body) -> Body {
        self.0.change(|counts| counts.unsent += 1);
        Body::new(Unsent { body, activity: self.0.clone() })
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.change(|counts| counts.answering -= 1);
    }
}

/// The body of an answer, until the connection has taken it or its caller has left.
struct Unsent {
    body: Body,
    activity: Activity,
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.activity.change(|counts| counts.unsent -= 1);
    }
}

impl HttpBody for Unsent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(_))) = polled {
            // A part is asked for when the one before was taken: its caller reads.
            self.activity.change(|_| ());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_answers_then_waits_to_be_read_then_does_nothing() {
        let activity = Activity::new();
        assert!(matches!(activity.doing(), Doing::Idle(_)));
        let (first, second) = (activity.asked(), activity.asked());
        let unsent = first.answered(Body::from("a"));
        assert_eq!(activity.doing(), Doing::Answering, "the second is");
        drop(second);
        assert!(matches!(activity.doing(), Doing::Unread(_)));
        assert_eq!(unsent.size_hint().exact(), Some(1));
        drop(unsent);
        assert!(matches!(activity.doing(), Doing::Idle(_)));
    }
}
