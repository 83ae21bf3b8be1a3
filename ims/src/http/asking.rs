//! Questions to a thread of its own, which takes those that wait together. Each is waited for so long; when that was not
//! enough none is asked for a while, and who asks goes on without.

use crossbeam_channel::{Receiver, Sender, bounded};
use processors::{ports::Clock, rest::rests};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::sync::oneshot;

/// How long nobody asks after an answer that did not come in time.
pub const AWAY_MS: i64 = 1_000;
/// Questions that may wait.
const WAITING: usize = 1_024;

/// A question, and where its answer goes.
pub type Question<Q, A> = (Q, oneshot::Sender<A>);

/// The way to the thread.
pub struct Asking<Q, A> {
    to: Sender<Question<Q, A>>,
    within: Duration,
    away_until_ms: AtomicI64,
    clock: Arc<dyn Clock>,
}

impl<Q, A> Asking<Q, A> {
    /// Whose answers are waited for so long; and what the thread takes questions from, until this is gone.
    pub fn new(within: Duration, clock: Arc<dyn Clock>) -> (Self, Receiver<Question<Q, A>>) {
        let (to, from) = bounded(WAITING);
        (Self { to, within, away_until_ms: AtomicI64::new(0), clock }, from)
    }

    /// Whether it is asked now.
    pub fn is_there(&self) -> bool {
        !rests(self.away_until_ms.load(Ordering::Relaxed), AWAY_MS, self.clock.now_ms())
    }

    /// Asks; none when there is no answer in time.
    pub async fn ask(&self, question: Q) -> Option<A> {
        let (answer, mut told) = oneshot::channel();
        // One that is not handed over drops its end.
        drop(self.to.try_send((question, answer)));
        let told = match tokio::time::timeout(self.within, &mut told).await {
            Ok(told) => told.ok(),
            Err(_) => {
                // Either it came just now, or the thread finds that nobody waits.
                told.close();
                told.try_recv().ok()
            }
        };
        if told.is_none() {
            self.away_until_ms.store(self.clock.now_ms() + AWAY_MS, Ordering::Relaxed);
        }
        told
    }

    /// Tells what nobody waits for; what is asked from here later finds it done, if it was handed over.
    pub fn tell(&self, question: Q) {
        drop(self.to.try_send((question, oneshot::channel().0)));
    }
}
