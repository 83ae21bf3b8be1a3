//! Who holds a message_id: a look at what ingest has claimed, which claims nothing (docs/adr/0043). It is asked from a
//! thread of its own; what comes while it answers goes with the next look.

use crossbeam_channel::{Receiver, Sender, bounded};
use processors::ports::{Claims, Clock, MessageName};
use schemas::TrackId;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

/// How long a request waits for its look; then it goes on without, and ingest finds what it would have found.
const WITHIN: Duration = Duration::from_millis(100);
/// How long nobody looks after that.
const AWAY_MS: i64 = 1_000;
/// Ids of one look, from which on no further request goes with it.
const AT_ONCE: usize = 1_000;
/// Requests that may wait; more go on without.
const WAITING: usize = 1_024;

type Holders = Vec<Option<TrackId>>;

struct Question {
    asked: Vec<MessageName>,
    answer: oneshot::Sender<Holders>,
}

/// Where it is looked; nowhere, where no claims can be seen.
pub struct Claimed {
    to: Option<Sender<Question>>,
    away_until_ms: AtomicI64,
    clock: Arc<dyn Clock>,
}

impl Claimed {
    /// Starts the thread, which ends with this.
    pub fn start(claims: Option<Box<dyn Claims>>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let begin = |claims| {
            let ((to, from), of_thread) = (bounded(WAITING), Arc::clone(&clock));
            thread::Builder::new().name("http-claims".into()).spawn(move || work(claims, &*of_thread, &from))?;
            io::Result::Ok(to)
        };
        let to = claims.map(begin).transpose()?;
        Ok(Self { to, away_until_ms: AtomicI64::new(0), clock })
    }

    /// Who holds these ids of a service key, in order; nobody that is known of when it cannot be seen in time.
    pub async fn holders(&self, service_key: &str, ids: Vec<String>) -> Holders {
        let unknown = vec![None; ids.len()];
        let is_there = || self.away_until_ms.load(Ordering::Relaxed) <= self.clock.now_ms();
        let Some(to) = self.to.as_ref().filter(|_| !ids.is_empty() && is_there()) else { return unknown };
        let name = |message_id| MessageName { service_key: service_key.to_owned(), message_id };
        let (answer, told) = oneshot::channel();
        // One that is not handed over drops its end.
        drop(to.try_send(Question { asked: ids.into_iter().map(name).collect(), answer }));
        match tokio::time::timeout(WITHIN, told).await {
            Ok(Ok(holders)) => holders,
            Ok(Err(_)) | Err(_) => {
                self.away_until_ms.store(self.clock.now_ms() + AWAY_MS, Ordering::Relaxed);
                unknown
            }
        }
    }

    /// Who holds one.
    pub async fn holder(&self, service_key: &str, message_id: &str) -> Option<TrackId> {
        self.holders(service_key, vec![message_id.to_owned()]).await.first().copied().flatten()
    }
}

fn work(mut claims: Box<dyn Claims>, clock: &dyn Clock, from: &Receiver<Question>) {
    let mut away = false;
    while let Ok(first) = from.recv() {
        let (mut asked, mut waiting, mut next) = (Vec::new(), Vec::new(), Some(first));
        while let Some(Question { asked: names, answer }) = next {
            // Who gave up has gone on.
            if !answer.is_closed() {
                waiting.push((names.len(), answer));
                asked.extend(names);
            }
            next = if asked.len() < AT_ONCE { from.try_recv().ok() } else { None };
        }
        if waiting.is_empty() {
            continue;
        }
        match claims.holders(&asked, clock.now_ms()) {
            Ok(holders) => {
                away = false;
                let mut holders = holders.into_iter();
                for (count, answer) in waiting {
                    // Who gave up meanwhile has gone on.
                    drop(answer.send(holders.by_ref().take(count).collect()));
                }
            }
            Err(error) if !std::mem::replace(&mut away, true) => {
                tracing::warn!(%error, "message ids in use are not seen: duplicates are reported, not refused");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
