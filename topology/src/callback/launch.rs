//! Lets calls leave.

use super::{CallbackWorker, Flight, Stage, metrics as names, queues::Held};
use crate::{
    engine::TurnError,
    fault::{self, Point},
    log::LogError,
};
use ::metrics::counter;
use processors::callback::{Call, Endpoint, TOLD_WITHIN_MS, message, signature};
use schemas::Callback;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// The group must have confirmed this member within this time for a call to leave; a mark has just done so.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(2);

/// What leaves next, in one call.
struct Pick {
    endpoint: Arc<Endpoint>,
    held: Vec<Held>,
}

impl CallbackWorker {
    /// Makes the calls that their endpoints have room for. Whether something was done.
    pub(super) fn launch(&mut self) -> Result<bool, TurnError> {
        if !matches!(self.stage, Stage::Calling) || self.queues.records() == 0 {
            return Ok(false);
        }
        fault::point(&self.spec.name, Point::Held);
        let booked = self.done.len();
        let picks = self.pick();
        if picks.is_empty() {
            return Ok(self.done.len() > booked);
        }
        if let Err(error) = self.mark(&picks) {
            if let LogError::Away(_) = error {
                self.put_back(picks);
            }
            return Err(error.into());
        }
        let mut picks = picks.into_iter();
        while let Some(pick) = picks.next() {
            if self.stream.since_confirmed() >= CONFIRMED_WITHIN {
                tracing::warn!(stream = %self.spec.name, "stood still: nothing leaves until the group confirms this member");
                counter!(names::UNCONFIRMED).increment(1 + picks.len() as u64);
                self.put_back(std::iter::once(pick).chain(picks).collect());
                break;
            }
            self.call(pick);
        }
        fault::point(&self.spec.name, Point::RequestWritten);
        Ok(true)
    }

    /// Lets what has waited for too long come back later.
    fn sweep(&mut self, key: &str, endpoint: &Endpoint, now_ms: i64) {
        let queue = self.queues.queue(key);
        let late = queue.take_late(endpoint.batch, now_ms);
        let per_second = queue.per_second(&self.settings, endpoint.batch);
        self.queues.taken(late.len());
        late.iter().for_each(|held| self.spill(held, endpoint, per_second));
    }

    /// Lets what waits for an endpoint that rests come back when it has rested. Whether it rests.
    fn keeps_rest(&mut self, key: &str, endpoint: &Arc<Endpoint>, now_ms: i64) -> bool {
        self.heed_rest(endpoint, now_ms);
        let queue = self.queues.queue(key);
        if queue.rests_until_ms(endpoint, now_ms).is_none() {
            return false;
        }
        if !queue.rests_long(endpoint, now_ms) {
            self.sweep(key, endpoint, now_ms);
            return true;
        }
        let (waiting, per_second) = (queue.take_all(), queue.per_second(&self.settings, endpoint.batch));
        self.queues.taken(waiting.len());
        waiting.iter().for_each(|held| self.spill(held, endpoint, per_second));
        true
    }

    /// Takes out of the queues, turn by turn, what may leave now.
    fn pick(&mut self) -> Vec<Pick> {
        let reference = self.reference.current();
        let now_ms = self.clock.now_ms();
        let mut picks = Vec::new();
        for key in self.queues.turns() {
            let endpoint = match reference.endpoint(&key) {
                Some(endpoint) if !self.said.has_ended(endpoint) => Arc::clone(endpoint),
                gone => {
                    let reason = if gone.is_some() { "disabled" } else { "no_endpoint" };
                    let held = self.queues.queue(&key).take_all();
                    self.queues.taken(held.len());
                    held.iter().for_each(|held| self.leave(held, reason));
                    continue;
                }
            };
            if self.keeps_rest(&key, &endpoint, now_ms) {
                continue;
            }
            loop {
                let under_way = self.flights.len() + picks.len();
                let queue = self.queues.queue(&key);
                if under_way >= self.settings.in_flight || !queue.has_hands(&self.settings) {
                    break;
                }
                let Some(held) = queue.next(endpoint.batch, now_ms) else { break };
                self.queues.taken(held.len());
                let (held, old): (Vec<_>, Vec<_>) =
                    held.into_iter().partition(|held| !is_too_old(&held.callback, now_ms));
                old.iter().for_each(|held| self.leave(held, "too_old"));
                if !held.is_empty() {
                    self.queues.queue(&key).left();
                    picks.push(Pick { endpoint: Arc::clone(&endpoint), held });
                }
            }
            self.sweep(&key, &endpoint, now_ms);
        }
        self.queues.forget_idle();
        self.returns.forget_past(now_ms);
        picks
    }

    /// Marks what is about to leave, in the log. The broker checks that this member still owns it.
    fn mark(&mut self, picks: &[Pick]) -> Result<(), LogError> {
        let mut places = BTreeSet::new();
        for held in picks.iter().flat_map(|pick| &pick.held) {
            if self.windows.start(held.place, held.offset) {
                places.insert(held.place);
            }
        }
        fault::point(&self.spec.name, Point::BeforeStarted);
        self.stream.mark(&self.windows.positions(&places))?;
        fault::point(&self.spec.name, Point::AfterStarted);
        Ok(())
    }

    /// Takes back what was marked and has not left, in the order in which it stood.
    fn put_back(&mut self, picks: Vec<Pick>) {
        for Pick { endpoint, held } in picks.into_iter().rev() {
            self.queues.queue(&endpoint.service_key).stayed();
            for held in held.into_iter().rev() {
                self.windows.untouch(held.place, held.offset);
                self.queues.queue(&endpoint.service_key).give_back(held);
                self.queues.given_back();
            }
        }
    }

    fn call(&mut self, Pick { endpoint, held }: Pick) {
        let parts = held.iter().map(|held| (held.place, held.offset)).collect();
        let callback = together(held);
        let sent_ms = self.clock.now_ms();
        let timestamp_s = sent_ms.div_euclid(1_000);
        let message = message(&callback.reports, endpoint.batch.is_some());
        let replay = (!callback.replay.is_empty()).then(|| callback.replay.clone());
        if replay.is_some() {
            counter!(names::REPLAYED).increment(callback.reports.len() as u64);
        }
        self.tickets += 1;
        self.caller.call(Call {
            ticket: self.tickets,
            uri: Arc::clone(&endpoint.uri),
            signature: signature(&endpoint.secrets, &message.id, timestamp_s, &message.body),
            id: message.id,
            timestamp_s,
            body: message.body,
            replay,
        });
        self.flights.insert(self.tickets, Flight { endpoint, callback, parts, sent_ms });
    }

    /// How long until a report that waits for others has waited enough.
    pub(super) fn until_ripe(&mut self) -> Duration {
        let reference = self.reference.current();
        let ripe = self.queues.ripe_ms(|key| reference.endpoint(key).and_then(|endpoint| endpoint.batch));
        let now_ms = self.clock.now_ms();
        ripe.map_or(Duration::MAX, |ripe| Duration::from_millis(u64::try_from(ripe - now_ms).unwrap_or(0)))
    }
}

/// The reports of one call. One record is called for as it stands; several are fresh ones.
fn together(held: Vec<Held>) -> Callback {
    let mut all = held.into_iter().map(|held| held.callback);
    let mut first = all.next().unwrap_or_default();
    first.reports.extend(all.flat_map(|callback| callback.reports));
    first
}

/// A report that nobody could be told within its time was called for often enough.
fn is_too_old(callback: &Callback, now_ms: i64) -> bool {
    callback.reports.iter().all(|report| report.reported_at.saturating_add(TOLD_WITHIN_MS) < now_ms)
}
