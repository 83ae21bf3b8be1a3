//! Takes records and assignments, and gives partitions up.

use super::{CallbackWorker, Stage, metrics as names, queues::Held};
use crate::{
    engine::{Gate, Headline, TurnError, guard},
    fault::{self, Point},
    log::{Limits, Place, Polled, Record},
    send::{Mark, Since},
};
use ::metrics::counter;
use processors::callback::{After, Attempt, Endpoint, Failure, Reply, event, is_told};
use schemas::{Callback, Delayed, Report, Topic, topics::Kind};
use std::time::Duration;

/// Bytes of one poll.
const POLL_BYTES: usize = 4 << 20;

impl CallbackWorker {
    /// Takes what is there; waits when there is nothing to do at all.
    pub(super) fn read(&mut self, wait: Duration) -> Result<bool, TurnError> {
        match self.stage {
            Stage::Parting(_) => return Ok(false),
            Stage::Taking(_) => self.take_over()?,
            Stage::Calling => self.said.refresh(&mut *self.reader, &self.decoder, self.clock.now_ms())?,
            Stage::Outside => {}
        }
        if self.batch.is_empty() {
            // Not before: what stands in a batch behind a record that was refused is read again, behind that one.
            self.windows.reopen(&mut *self.stream, false)?;
            fault::point(&self.spec.name, Point::BeforePoll);
            let limits =
                Limits { records: self.settings.poll_records, bytes: POLL_BYTES, wait: self.until_something(wait) };
            let mut polled = Vec::new();
            match self.stream.poll(limits, &mut polled)? {
                Polled::Records => self.batch.extend(polled),
                Polled::Assigned(positions) => {
                    self.forget();
                    self.stage = Stage::Taking(positions);
                    self.take_over()?;
                    return Ok(true);
                }
                Polled::Revoking => {
                    self.queues.clear_waiting();
                    self.stage = Stage::Parting(Since::now(&*self.clock));
                    return Ok(true);
                }
                Polled::Lost => {
                    tracing::warn!(stream = %self.spec.name, "partitions lost: the group went on without this member");
                    self.forget();
                    return Ok(true);
                }
            }
        }
        if self.batch.is_empty() {
            return Ok(false);
        }
        fault::point(&self.spec.name, Point::AfterPoll);
        self.admit_batch()?;
        Ok(true)
    }

    /// How long a poll may wait: not over an answer, nor over a report that waits for others.
    fn until_something(&mut self, wait: Duration) -> Duration {
        match () {
            () if !self.flights.is_empty() || !self.touched.is_empty() => Duration::ZERO,
            () if self.queues.records() > 0 => wait.min(self.until_ripe()),
            () => wait,
        }
    }

    fn take_over(&mut self) -> Result<(), TurnError> {
        let Stage::Taking(positions) = std::mem::replace(&mut self.stage, Stage::Outside) else { return Ok(()) };
        self.said.reread();
        if let Err(error) = self.said.refresh(&mut *self.reader, &self.decoder, self.clock.now_ms()) {
            self.stage = Stage::Taking(positions);
            return Err(error);
        }
        self.windows.restore(&self.spec.name, &positions)?;
        self.stage = Stage::Calling;
        tracing::info!(stream = %self.spec.name, partitions = positions.len(), "assigned");
        Ok(())
    }

    fn admit_batch(&mut self) -> Result<(), TurnError> {
        let (mut records, mut dead) = (0, 0);
        while let Some(record) = self.batch.pop_front() {
            match self.admit(&record) {
                Ok(readable) => {
                    records += 1;
                    dead += usize::from(!readable);
                }
                Err(error) => {
                    self.batch.push_front(record);
                    return Err(error);
                }
            }
        }
        if self.gate.shuts(self.clock.now_ms(), records, dead) {
            return Err(Gate::unreadable(&self.spec.name).into());
        }
        Ok(())
    }

    /// Takes one record; whether it could be read.
    fn admit(&mut self, record: &Record) -> Result<bool, TurnError> {
        let Record { place, offset, .. } = *record;
        let Some(mark) = self.windows.take(&mut *self.stream, place, offset)? else { return Ok(true) };
        if mark == Mark::Done {
            return Ok(true);
        }
        if says_not_terminal(record) {
            self.end(place, offset);
            return Ok(true);
        }
        let callback = match guard(record, || self.read_one(record))? {
            Ok(callback) => callback,
            Err(reason) => {
                self.out.dead_letter(record, &reason);
                self.end(place, offset);
                return Ok(false);
            }
        };
        if mark == Mark::Started {
            self.doubt(place, offset, &callback);
        }
        let bytes = record.value.as_ref().map_or(0, |value| value.len());
        self.hold(Held { place, offset, bytes, callback, since_ms: self.clock.now_ms() });
        Ok(true)
    }

    /// What a record asks to be told; the inner error makes it a dead letter.
    fn read_one(&self, record: &Record) -> Result<Result<Callback, String>, TurnError> {
        let value = record.value.as_deref();
        if matches!(record.place.topic.kind(), Kind::Callback) {
            let callback = self.decoder.decode::<Callback>(value)?.map_err(|error| error.to_string());
            return Ok(callback.and_then(|callback| match callback.reports.is_empty() {
                true => Err("it holds no report".to_owned()),
                false => Ok(callback),
            }));
        }
        let of = |report: Report| Callback {
            track_id: report.track_id.clone(),
            reports: vec![report],
            ..Callback::default()
        };
        Ok(self.decoder.decode::<Report>(value)?.map(of).map_err(|error| error.to_string()))
    }

    /// A call that may have been made before a crash: that is recorded, and it is made again.
    fn doubt(&mut self, place: Place, offset: i64, callback: &Callback) {
        let reply = Reply::Failed(Failure::Lost);
        let number = number_of(callback);
        let at_ms = self.clock.now_ms();
        let reference = self.reference.current();
        let key = callback.reports.first().map_or("", |report| report.service_key.as_str());
        let endpoint = reference.endpoint(key).map_or(String::new(), |endpoint| endpoint.place());
        let (replay, after) = (callback.replay.as_str(), After::Again { due_ms: at_ms });
        let attempt = Attempt { number, reply: &reply, sent_at: None, at_ms, replay, endpoint: &endpoint, after };
        for report in &callback.reports {
            self.out.emit(Topic::analyze_log(), &report.track_id, &event(report, &attempt));
        }
        counter!(names::CALLS, "outcome" => reply.word()).increment(1);
        self.windows.untouch(place, offset);
        self.touched.insert(place);
        self.doubtful = true;
    }

    /// Lets a record wait for its call, if it gets one.
    fn hold(&mut self, held: Held) {
        let Some(first) = held.callback.reports.first() else { return self.end(held.place, held.offset) };
        if !is_told(first) {
            return self.end(held.place, held.offset);
        }
        let key = first.service_key.clone();
        let reference = self.reference.current();
        let Some(endpoint) = reference.endpoint(&key) else { return self.leave(&held, "no_endpoint") };
        if self.said.has_ended(endpoint) {
            return self.leave(&held, "disabled");
        }
        let now_ms = self.clock.now_ms();
        self.heed_rest(endpoint, now_ms);
        let queue = self.queues.queue(&key);
        if queue.rests_long(endpoint, now_ms) {
            let per_second = queue.per_second(&self.settings, endpoint.batch);
            return self.spill(&held, endpoint, per_second);
        }
        if let Some(surplus) = self.queues.push(&key, held, endpoint.batch, &self.settings) {
            let of = surplus.held.callback.reports.first().map_or("", |report| &report.service_key);
            let endpoint = reference.endpoint(of).unwrap_or(endpoint);
            self.spill(&surplus.held, endpoint, surplus.per_second);
        }
    }

    /// A record comes back later: its endpoint rests, or takes fewer than there are, and others stand behind.
    pub(super) fn spill(&mut self, held: &Held, endpoint: &Endpoint, per_second: f64) {
        let now_ms = self.clock.now_ms();
        let key = endpoint.service_key.as_str();
        let from_ms = self.queues.queue(key).rests_until_ms(endpoint, now_ms).unwrap_or(now_ms);
        // Replays come back behind one another, and no other report behind them.
        let due_ms = self.returns.due_ms(key, &held.callback.replay, per_second, from_ms);
        counter!(names::SPILLED).increment(held.callback.reports.len() as u64);
        self.later(&held.callback, due_ms, now_ms);
        self.end(held.place, held.offset);
    }

    /// A record comes to CALLBACK when it is due.
    pub(super) fn later(&mut self, callback: &Callback, due_ms: i64, now_ms: i64) {
        let waiting = Delayed {
            track_id: callback.track_id.clone(),
            due_at: due_ms,
            target: Topic::callback().name().to_owned(),
            auth: false,
            payload: self.out.schemas().encode(callback).into(),
        };
        self.out.delay(&self.rings, now_ms, &waiting, Topic::callback(), None);
    }

    /// A record is called for no more.
    pub(super) fn leave(&mut self, held: &Held, reason: &'static str) {
        counter!(names::LEFT, "reason" => reason).increment(held.callback.reports.len() as u64);
        self.no_longer_pending(&held.callback);
        self.end(held.place, held.offset);
    }

    /// The next transaction ends a record.
    pub(super) fn end(&mut self, place: Place, offset: i64) {
        self.done.push((place, offset));
        self.touched.insert(place);
    }

    /// While partitions are about to go: gives them up when every answer is in the log, or the patience is over. What
    /// is then still under way is in doubt for their next owner. Whether they went.
    pub(super) fn part(&mut self) -> Result<bool, TurnError> {
        let Stage::Parting(since) = &self.stage else { return Ok(false) };
        let patience = Duration::from_millis(u64::from(self.settings.revoke_wait_ms));
        if !self.flights.is_empty() && since.elapsed(&*self.clock) < patience {
            return Ok(false);
        }
        tracing::info!(stream = %self.spec.name, in_doubt = self.flights.len(), "partitions go");
        self.stream.release()?;
        self.forget();
        Ok(true)
    }
}

/// Which call is next for these reports, from 1.
pub(super) fn number_of(callback: &Callback) -> u32 {
    u32::try_from(callback.failed).unwrap_or(0).saturating_add(1)
}

/// What its header says is no end needs no decoding.
fn says_not_terminal(record: &Record) -> bool {
    record.headers.iter().any(|(name, value)| name == Headline::TERMINAL && &**value == b"false")
}
