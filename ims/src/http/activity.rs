//! What a connection is doing, so that none holds its place without need: neither one that asks nothing nor one that
//! does not read its answer.

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
};
use http_body::{Frame, SizeHint};
use rustc_hash::FxHashMap;
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// What a connection takes of an answer at a time.
pub const PIECE_BYTES: usize = 16 << 10;

/// The requests and answers of one connection; clones are the same.
#[derive(Clone)]
pub struct Activity(Arc<Mutex<Counts>>);

struct Counts {
    /// Requests that are being answered.
    answering: usize,
    /// Bodies of requests that may still be read.
    reading: usize,
    /// Answers that the connection has not taken whole, by number, and since when it took nothing of each: HTTP/2 has
    /// many at a time.
    unsent: FxHashMap<u64, Instant>,
    /// Answers until now.
    answers: u64,
    /// When any of these changed.
    changed: Instant,
}

/// What a connection does, and for how long it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// A request is being answered, which ends by itself; so long nothing was read of another's answer.
    Answering(Duration),
    /// An answer waits to be read.
    Unread(Duration),
    /// Nothing was asked.
    Idle(Duration),
}

impl Activity {
    /// Of a connection that has just come.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Counts {
            answering: 0,
            reading: 0,
            unsent: FxHashMap::default(),
            answers: 0,
            changed: Instant::now(),
        })))
    }

    /// A request has come.
    pub fn asked(&self) -> Asked {
        self.change(|counts| counts.answering += 1);
        Asked(self.clone())
    }

    /// What it does now.
    pub fn doing(&self) -> Doing {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unread = counts.unsent.values().min().map(Instant::elapsed);
        match (counts.answering, unread) {
            (1.., unread) => Doing::Answering(unread.unwrap_or_default()),
            (0, Some(unread)) => Doing::Unread(unread),
            (0, None) => Doing::Idle(counts.changed.elapsed()),
        }
    }

    /// The body of a request, whose rest may still come.
    pub fn reads<B>(&self, body: B) -> Body
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
    {
        if body.is_end_stream() {
            return Body::empty();
        }
        self.change(|counts| counts.reading += 1);
        Body::new(Unread { body, activity: self.clone() })
    }

    /// Whether all that was asked came whole and was answered, so long ago or longer.
    pub fn rests_for(&self, time: Duration) -> bool {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (counts.answering, counts.reading, counts.unsent.len()) == (0, 0, 0) && counts.changed.elapsed() >= time
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
        let mut number = 0;
        self.0.change(|counts| {
            number = counts.answers;
            counts.answers += 1;
            counts.unsent.insert(number, Instant::now());
        });
        Body::new(Unsent { body, rest: Bytes::new(), number, activity: self.0.clone() })
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.change(|counts| counts.answering -= 1);
    }
}

/// The body of a request, until nobody reads it any more.
struct Unread<B> {
    body: B,
    activity: Activity,
}

impl<B> Drop for Unread<B> {
    fn drop(&mut self) {
        self.activity.change(|counts| counts.reading -= 1);
    }
}

impl<B: HttpBody + Unpin> HttpBody for Unread<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, until the connection has taken it or its caller has left. It is taken in pieces: HTTP/2 keeps
/// what it has taken for as long as its caller likes, however little of it is read.
struct Unsent {
    body: Body,
    /// What is left of a part.
    rest: Bytes,
    number: u64,
    activity: Activity,
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.activity.change(|counts| {
            counts.unsent.remove(&self.number);
        });
    }
}

impl HttpBody for Unsent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(part) => self.rest = part,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                polled => return polled,
            }
        }
        // A piece is asked for when the one before was taken: its caller reads.
        self.activity.change(|counts| {
            counts.unsent.insert(self.number, Instant::now());
        });
        let bytes = self.rest.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (of_body, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower() + rest);
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    #[test]
    fn a_connection_answers_then_waits_to_be_read_then_does_nothing() {
        let activity = Activity::new();
        assert!(matches!(activity.doing(), Doing::Idle(_)));
        let (first, second) = (activity.asked(), activity.asked());
        let unsent = first.answered(Body::from("a"));
        assert!(matches!(activity.doing(), Doing::Answering(unread) if !unread.is_zero()), "the second is");
        drop(second);
        assert!(matches!(activity.doing(), Doing::Unread(_)));
        assert_eq!(unsent.size_hint().exact(), Some(1));
        drop(unsent);
        assert!(matches!(activity.doing(), Doing::Idle(_)));
    }

    #[tokio::test]
    async fn an_answer_is_taken_in_pieces_and_waits_until_the_last() {
        let activity = Activity::new();
        let mut unsent = activity.asked().answered(Body::from(vec![b'x'; PIECE_BYTES + 1]));
        assert_eq!(unsent.size_hint().exact(), Some(PIECE_BYTES as u64 + 1));
        let first = unsent.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((first.len(), unsent.size_hint().exact(), unsent.is_end_stream()), (PIECE_BYTES, Some(1), false));
        assert!(matches!(activity.doing(), Doing::Unread(_)));
        let last = unsent.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((&*last, unsent.is_end_stream()), (&b"x"[..], true));
    }

    #[test]
    fn a_connection_rests_once_bodies_are_read_and_answers_are_taken() {
        let activity = Activity::new();
        assert!(activity.rests_for(Duration::ZERO) && !activity.rests_for(Duration::from_secs(60)));
        let (asked, body) = (activity.asked(), activity.reads(Body::from("a")));
        let answer = asked.answered(Body::from("b"));
        assert!(!activity.rests_for(Duration::ZERO), "the answer waits");
        drop(answer);
        assert!(matches!(activity.doing(), Doing::Idle(_)));
        assert!(!activity.rests_for(Duration::ZERO), "what is left of the body may still come");
        drop(body);
        assert!(activity.rests_for(Duration::ZERO));
        let _empty = activity.reads(Body::empty());
        assert!(activity.rests_for(Duration::ZERO), "nothing comes");
    }
}
