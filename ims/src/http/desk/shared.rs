//! Redis, asked from a thread of its own: what comes while it answers goes with the next question.

use super::own::Own;
use crate::http::{
    asking::{Asking, Question},
    metrics::ALONE,
};
use connectors::desk::{Ask, RedisDesk, Take, Told};
use crossbeam_channel::Receiver;
use metrics::counter;
use processors::{
    access::{Begun, Taken, Use, Verdict},
    ports::Clock,
};
use std::{io, sync::Arc, thread, time::Duration};

/// How long a caller waits for Redis; then its door goes by what it knows itself.
const WITHIN: Duration = Duration::from_millis(250);
/// Questions of one round trip.
const AT_ONCE: usize = 256;

/// The way to Redis.
pub struct Shared(Asking<Ask, Told>);

impl Shared {
    /// Starts the thread, which ends with this.
    pub fn start(redis: RedisDesk, own: Arc<Own>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let (asking, from) = Asking::new(WITHIN, Arc::clone(&clock));
        thread::Builder::new().name("http-redis".into()).spawn(move || work(redis, &own, &*clock, &from))?;
        Ok(Self(asking))
    }

    /// Whether Redis is asked now.
    pub fn is_there(&self) -> bool {
        let is_there = self.0.is_there();
        if !is_there {
            counter!(ALONE).increment(1);
        }
        is_there
    }

    /// Asks; none when there is no answer in time.
    pub async fn ask(&self, ask: Ask) -> Option<Told> {
        let told = self.0.ask(ask).await;
        if told.is_none() {
            counter!(ALONE).increment(1);
        }
        told
    }

    /// Tells what nobody waits for. One that is not handed over is made up for: by what is reported next, or by the end of a
    /// lease.
    pub fn tell(&self, ask: Ask) {
        self.0.tell(ask);
    }
}

fn work(mut redis: RedisDesk, own: &Own, clock: &dyn Clock, from: &Receiver<Question<Ask, Told>>) {
    let (mut away, mut undone) = (false, Vec::new());
    while let Ok(first) = from.recv() {
        let (mut asked, mut waiting) = (std::mem::take(&mut undone), Vec::new());
        // Of what is undone nobody waits for the end.
        let before = asked.len();
        let now_ms = clock.now_ms();
        for (mut ask, answer) in std::iter::once(first).chain(from.try_iter()).take(AT_ONCE) {
            // Who gave up has gone on by itself.
            if answer.is_closed() && !is_told(&ask) {
                continue;
            }
            if let Ask::Take(take) = &mut ask {
                (take.known, take.unreported) = own.to_report(&take.username, now_ms);
            }
            asked.push(ask);
            waiting.push(answer);
        }
        let answered = redis.ask(&asked, now_ms);
        note(own, &asked, answered.as_deref().ok(), now_ms);
        match answered {
            Ok(told) => {
                if std::mem::take(&mut away) {
                    tracing::info!("redis is back: limits and repeated requests are shared again");
                }
                let told = told.into_iter().skip(before).zip(asked.into_iter().skip(before));
                for ((told, ask), answer) in told.zip(waiting) {
                    if let Err(told) = answer.send(told) {
                        undone.extend(undo(own, ask, &told, now_ms));
                    }
                }
            }
            Err(error) if !std::mem::replace(&mut away, true) => {
                tracing::warn!(%error, "redis is away: this door counts and keeps by itself (docs/state.md)");
            }
            Err(_) => {}
        }
    }
}

/// Whether nobody waits for it.
fn is_told(ask: &Ask) -> bool {
    matches!(ask, Ask::Leave(_) | Ask::Take(Take { using: Use { receivers: 0, .. }, .. }))
}

/// Notes what the others told, or that they did not hear what was reported with the questions.
fn note(own: &Own, asked: &[Ask], told: Option<&[Told]>, asked_ms: i64) {
    for (place, ask) in asked.iter().enumerate() {
        let Ask::Take(take) = ask else { continue };
        match told.map(|told| &told[place]) {
            Some(Told::Taken(taken)) => own.reported(&take.username, take.limits, *taken, asked_ms),
            _ => own.put_back(&take.username, take.unreported, asked_ms),
        }
    }
}

/// What its caller did not wait for, it has done by itself, or not at all: here it is to be undone.
fn undo(own: &Own, ask: Ask, told: &Told, asked_ms: i64) -> Option<Ask> {
    match (ask, told) {
        (Ask::Take(Take { username, using, .. }), Told::Taken(Taken { verdict: Verdict::Granted, .. })) => {
            own.put_back(&username, -i64::from(using.messages), asked_ms);
            None
        }
        (Ask::Begin(repeat, _), Told::Begun(Begun::First)) => Some(Ask::Leave(repeat)),
        _ => None,
    }
}
