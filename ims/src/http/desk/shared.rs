//! Redis, asked from a thread of its own: what comes while it answers goes with the next question.

use super::own::Own;
use crate::http::metrics::ALONE;
use connectors::desk::{Ask, RedisDesk, Take, Told};
use crossbeam_channel::{Receiver, Sender, bounded};
use metrics::counter;
use processors::{
    access::{Begun, Taken, Verdict},
    ports::Clock,
};
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

/// How long a caller waits for Redis; then its door goes by what it knows itself.
const WITHIN: Duration = Duration::from_millis(250);
/// How long it does so before Redis is asked again.
const AWAY_MS: i64 = 1_000;
/// Questions of one round trip.
const AT_ONCE: usize = 256;
/// Questions that may wait.
const WAITING: usize = 1_024;

type Question = (Ask, oneshot::Sender<Told>);

/// The way to Redis.
pub struct Shared {
    to: Sender<Question>,
    away_until_ms: AtomicI64,
    clock: Arc<dyn Clock>,
}

impl Shared {
    /// Starts the thread, which ends with this.
    pub fn start(redis: RedisDesk, own: Arc<Own>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let (to, from) = bounded(WAITING);
        let of_thread = Arc::clone(&clock);
        thread::Builder::new().name("http-redis".into()).spawn(move || work(redis, &own, &*of_thread, &from))?;
        Ok(Self { to, away_until_ms: AtomicI64::new(0), clock })
    }

    /// Whether Redis is asked now.
    pub fn is_there(&self, now_ms: i64) -> bool {
        let is_there = self.away_until_ms.load(Ordering::Relaxed) <= now_ms;
        if !is_there {
            counter!(ALONE).increment(1);
        }
        is_there
    }

    /// Asks; none when there is no answer in time.
    pub async fn ask(&self, ask: Ask) -> Option<Told> {
        let (answer, told) = oneshot::channel();
        let handed = self.to.try_send((ask, answer)).is_ok();
        match tokio::time::timeout(WITHIN, told).await {
            Ok(Ok(told)) if handed => Some(told),
            _ => {
                self.away_until_ms.store(self.clock.now_ms() + AWAY_MS, Ordering::Relaxed);
                counter!(ALONE).increment(1);
                None
            }
        }
    }
}

fn work(mut redis: RedisDesk, own: &Own, clock: &dyn Clock, from: &Receiver<Question>) {
    let (mut away, mut undone) = (false, Vec::new());
    while let Ok(first) = from.recv() {
        let (mut asked, mut waiting) = (std::mem::take(&mut undone), Vec::new());
        // Of what is undone nobody waits for the end.
        let before = asked.len();
        for (ask, answer) in std::iter::once(first).chain(from.try_iter()).take(AT_ONCE) {
            // Who gave up has gone on by itself.
            if !answer.is_closed() {
                asked.push(ask);
                waiting.push(answer);
            }
        }
        match redis.ask(&asked, clock.now_ms()) {
            Ok(told) => {
                if std::mem::take(&mut away) {
                    tracing::info!("redis is back: limits and repeated requests are shared again");
                }
                let told = told.into_iter().skip(before).zip(asked.into_iter().skip(before));
                for ((told, ask), answer) in told.zip(waiting) {
                    if let Err(told) = answer.send(told) {
                        undone.extend(undo(own, ask, &told));
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

/// What its caller did not wait for, it has done by itself: here it is to be undone.
fn undo(own: &Own, ask: Ask, told: &Told) -> Option<Ask> {
    match (ask, told) {
        (Ask::Take(Take { username, using, unreported, .. }), Told::Taken(Taken { verdict, .. })) => {
            let counted = if *verdict == Verdict::Granted { i64::from(using.messages) } else { 0 };
            own.put_back(&username, -(counted + unreported));
            None
        }
        (Ask::Begin(repeat, _), Told::Begun(Begun::First)) => Some(Ask::Leave(repeat)),
        _ => None,
    }
}
