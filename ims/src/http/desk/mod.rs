//! What the door knows of its customers' limits and of repeated requests: with the other doors of its deployment when
//! there is Redis, by itself when there is none or it is away.

mod own;
mod shared;
#[cfg(test)]
mod tests;

use connectors::desk::{Ask, RedisDesk, Repeat, Take, Told};
use own::Own;
use processors::{
    access::{Begun, Limits, Taken, Use},
    ports::Clock,
};
use shared::Shared;
use std::{io, sync::Arc, time::Duration};

/// What a report of messages that came to nothing uses.
const NOTHING: Use = Use { receivers: 0, messages: 0 };

/// Limits and repeated requests.
pub struct Desk {
    own: Arc<Own>,
    shared: Option<Shared>,
    clock: Arc<dyn Clock>,
}

impl Desk {
    /// Of a door that is alone.
    pub fn alone(clock: Arc<dyn Clock>) -> Self {
        Self { own: Arc::default(), shared: None, clock }
    }

    /// Of a door that shares what it knows with others.
    pub fn with(redis: RedisDesk, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let own = Arc::<Own>::default();
        let shared = Shared::start(redis, Arc::clone(&own), Arc::clone(&clock))?;
        Ok(Self { own, shared: Some(shared), clock })
    }

    /// What a customer over its rate is told before its request is looked at.
    pub fn refused(&self, username: &Arc<str>, limits: Limits) -> Option<Taken> {
        limits.rate_per_second.and_then(|_| self.own.refused(username, self.clock.now_ms()))
    }

    /// Lets a request in, or says why not.
    pub async fn take(&self, username: &Arc<str>, limits: Limits, using: Use) -> Taken {
        let now_ms = self.clock.now_ms();
        let Some(shared) = self.shared.as_ref().filter(|shared| shared.is_there()) else {
            return self.own.take(username, limits, using, now_ms);
        };
        match shared.ask(take(username, limits, using)).await {
            Some(Told::Taken(taken)) => taken,
            _ => self.own.take(username, limits, using, now_ms),
        }
    }

    /// Messages that were counted at a time came to nothing. The other doors are told at once: whoever repeats them may
    /// meet another.
    pub fn give_back(&self, username: &Arc<str>, limits: Limits, messages: u32, counted_ms: i64) {
        self.own.give_back(username, messages, counted_ms);
        self.tell(take(username, limits, NOTHING));
    }

    /// Begins a request with a key: it is under way for so long at most.
    pub async fn begin(&self, repeat: Repeat, lease: Duration) -> Begun {
        // What this door began or answered while Redis was away, Redis does not know when it is back.
        let known = self.own.repeats().known(&repeat, self.clock.now_ms());
        if let Some(known) = known {
            return known;
        }
        match self.ask(Ask::Begin(repeat, lease)).await {
            Some(Told::Begun(begun)) => begun,
            _ => self.own.repeats().begin(&repeat, lease, self.clock.now_ms()),
        }
    }

    /// Keeps the answer of a request that was begun.
    pub async fn answer(&self, repeat: Repeat, answer: Vec<u8>) {
        let told = self.ask(Ask::Answer(repeat, answer.clone())).await;
        let mut own = self.own.repeats();
        match told {
            Some(_) => own.leave(&repeat),
            None => own.answer(&repeat, &answer, self.clock.now_ms()),
        }
    }

    /// Forgets a request that came to nothing.
    pub fn leave(&self, repeat: Repeat) {
        self.own.repeats().leave(&repeat);
        self.tell(Ask::Leave(repeat));
    }

    /// Nobody waits for it: who is told 9998 is told so in time.
    fn tell(&self, ask: Ask) {
        self.shared.iter().filter(|shared| shared.is_there()).for_each(|shared| shared.tell(ask.clone()));
    }

    async fn ask(&self, ask: Ask) -> Option<Told> {
        let shared = self.shared.as_ref().filter(|shared| shared.is_there())?;
        shared.ask(ask).await
    }
}

/// What this door has counted by itself is added where it is asked.
fn take(username: &Arc<str>, limits: Limits, using: Use) -> Ask {
    Ask::Take(Take { username: Arc::clone(username), limits, using, known: 0, unreported: 0 })
}
