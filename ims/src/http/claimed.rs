//! Who holds a message_id: a look at what ingest has claimed, which claims nothing (docs/adr/0043). It is asked from a
//! thread of its own; what comes while it answers goes with the next look.

use super::asking::{Asking, Question};
use crossbeam_channel::Receiver;
use processors::ports::{Claims, Clock, MessageName};
use schemas::TrackId;
use std::{io, sync::Arc, thread, time::Duration};

/// How long a request waits for its look; then it goes on without, and ingest finds what it would have found.
const WITHIN: Duration = Duration::from_millis(100);
/// Ids of one look, from which on no further request goes with it.
const AT_ONCE: usize = 1_000;

type Holders = Vec<Option<TrackId>>;

/// Where it is looked; nowhere, where no claims can be seen.
pub struct Claimed(Option<Asking<Vec<MessageName>, Holders>>);

impl Claimed {
    /// Starts the thread, which ends with this.
    pub fn start(claims: Option<Box<dyn Claims>>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let begin = |claims| {
            let (asking, from) = Asking::new(WITHIN, Arc::clone(&clock));
            thread::Builder::new().name("http-claims".into()).spawn(move || work(claims, &*clock, &from))?;
            io::Result::Ok(asking)
        };
        claims.map(begin).transpose().map(Self)
    }

    /// Who holds these ids of a service key, in order; nobody that is known of when it cannot be seen in time.
    pub async fn holders(&self, service_key: &str, ids: Vec<String>) -> Holders {
        let unknown = vec![None; ids.len()];
        let asking = self.0.as_ref().filter(|asking| !ids.is_empty() && asking.is_there());
        let Some(asking) = asking else { return unknown };
        let name = |message_id| MessageName { service_key: service_key.to_owned(), message_id };
        asking.ask(ids.into_iter().map(name).collect()).await.unwrap_or(unknown)
    }

    /// Who holds one.
    pub async fn holder(&self, service_key: &str, message_id: &str) -> Option<TrackId> {
        self.holders(service_key, vec![message_id.to_owned()]).await.first().copied().flatten()
    }
}

fn work(mut claims: Box<dyn Claims>, clock: &dyn Clock, from: &Receiver<Question<Vec<MessageName>, Holders>>) {
    let mut away = false;
    while let Ok(first) = from.recv() {
        let (mut asked, mut waiting, mut next) = (Vec::new(), Vec::new(), Some(first));
        while let Some((names, answer)) = next {
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
