//! Takes answers, and commits what followed from them.

use super::{CallbackWorker, Flight, Note, Stage, metrics as names, read::number_of};
use crate::{
    engine::TurnError,
    fault::{self, Point},
    log::LogError,
    metrics as engine_names,
};
use ::metrics::{counter, histogram};
use processors::{
    callback::{After, Attempt, Called, Endpoint, Reply, event, plan, rest_until_ms},
    seldom::Seldom,
};
use schemas::{Callback, Topic};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How long one look for answers may take while calls are under way: a report that arrives meanwhile waits as long.
const LOOK: Duration = Duration::from_millis(20);

/// By service key: an endpoint that is dead gives up all its reports.
static GIVEN_UP: Seldom = Seldom::new();

impl CallbackWorker {
    /// Takes the answers that are there. Waits a little when there is nothing else to do. Whether there were any.
    pub(super) fn listen(&mut self, wait: Duration) -> bool {
        let busy = !self.done.is_empty() || self.flights.is_empty();
        let look = if busy { Duration::ZERO } else { wait.min(LOOK) };
        let mut answers = Vec::new();
        self.caller.answers(look, &mut answers);
        if answers.is_empty() {
            return false;
        }
        fault::point(&self.spec.name, Point::AnswerRead);
        self.read_what_others_said(&answers);
        answers.into_iter().for_each(|answer| self.take_answer(answer));
        true
    }

    /// What an endpoint says of itself is written over all that it has said: by then it must be known, and before this
    /// member's own answers, which are in no log yet.
    fn read_what_others_said(&mut self, answers: &[Called]) {
        let says = |called: &Called| {
            matches!(called.reply, Reply::Status { status: 410, .. })
                || rest_until_ms(&called.reply, called.at_ms).is_some()
        };
        if !answers.iter().any(says) {
            return;
        }
        if let Err(error) = self.said.read_on(&mut *self.reader, &self.decoder, self.clock.now_ms()) {
            tracing::warn!(stream = %self.spec.name, %error, "what others heard of endpoints is known of a second ago");
        }
    }

    fn take_answer(&mut self, Called { ticket, reply, at_ms }: Called) {
        let Some(Flight { endpoint, callback, parts, sent_ms }) = self.flights.remove(&ticket) else {
            return counter!(names::LATE_ANSWERS).increment(1);
        };
        self.queues.queue(&endpoint.service_key).ended(&reply, sent_ms, at_ms);
        self.let_rest(&endpoint, &callback, &reply, at_ms);
        counter!(names::CALLS, "outcome" => reply.word()).increment(1);
        histogram!(names::CALL_SECONDS).record((at_ms - sent_ms).max(0) as f64 / 1e3);
        let (number, replay) = (number_of(&callback), callback.replay.as_str());
        let (place, after) = (endpoint.place(), plan(&reply, number - 1, at_ms));
        let attempt = Attempt { number, reply: &reply, sent_at: Some(sent_ms), at_ms, replay, endpoint: &place, after };
        for report in &callback.reports {
            self.out.emit(Topic::analyze_log(), &report.track_id, &event(report, &attempt));
        }
        let reports = callback.reports.len() as u64;
        match after {
            After::Done => {
                self.no_longer_pending(&callback);
                counter!(names::TOLD).increment(reports);
            }
            After::Again { due_ms } => {
                counter!(names::RETRIES).increment(1);
                let failed = callback.failed.saturating_add(1);
                // Each failure tells it again: what was not noted the last time is.
                if callback.replay.is_empty() {
                    self.notes.push(Note::Failed(callback.reports.clone()));
                }
                self.later(&Callback { failed, ..callback }, due_ms, self.clock.now_ms());
            }
            After::Disable => {
                let service_key = endpoint.service_key.as_str();
                let customer = callback.reports.first().map_or("", |report| &report.username);
                tracing::warn!(
                    customer,
                    key_ends_in = ending(&endpoint),
                    "the endpoint answered 410: it is called no more until its callback_uri or callback_enabled_at changes"
                );
                self.no_longer_pending(&callback);
                let state = endpoint.disabled(self.said.state(service_key), at_ms);
                self.out.emit(Topic::endpoint(), service_key, &state);
                self.said.note(state);
                counter!(names::LEFT, "reason" => "disabled").increment(reports);
            }
            After::GiveUp => {
                self.no_longer_pending(&callback);
                if GIVEN_UP.is_news(&endpoint.service_key) {
                    tracing::warn!(
                        track_id = callback.track_id,
                        reports,
                        key_ends_in = ending(&endpoint),
                        "the last call failed: the customer has to ask for it. Others of this key are told once a minute, and \
                         counted by ims_callback_left_total"
                    );
                }
                counter!(names::LEFT, "reason" => "given_up").increment(reports);
            }
        }
        parts.into_iter().for_each(|(place, offset)| self.end(place, offset));
    }

    /// An endpoint that asks for it is not called for any report for a while. One that was set or enabled anew since the call
    /// has not asked.
    fn let_rest(&mut self, endpoint: &Arc<Endpoint>, callback: &Callback, reply: &Reply, at_ms: i64) {
        let Some(until_ms) = rest_until_ms(reply, at_ms) else { return };
        let reference = self.reference.current();
        if !reference.endpoint(&endpoint.service_key).is_some_and(|now| now.is_still(endpoint)) {
            return;
        }
        let queue = self.queues.queue(&endpoint.service_key);
        if queue.rests_until_ms(endpoint, at_ms).is_none() {
            let customer = callback.reports.first().map_or("", |report| &report.username);
            let (status, seconds) = (reply.word(), (until_ms - at_ms) / 1_000);
            tracing::info!(
                customer,
                key_ends_in = ending(endpoint),
                status,
                seconds,
                "the endpoint asks to be called later"
            );
        }
        let now_ms = self.clock.now_ms();
        queue.rest(endpoint, now_ms, until_ms);
        // A short one is over before anybody reads of it.
        let known = self.said.rest(endpoint, now_ms).is_some_and(|rest| rest.until >= until_ms);
        if let Reply::Status { status, .. } = *reply
            && queue.rests_long(endpoint, now_ms)
            && !known
            && !self.said.has_ended(endpoint)
        {
            let state = endpoint.rests(self.said.state(&endpoint.service_key), at_ms, until_ms, status);
            self.out.emit(Topic::endpoint(), &state.service_key, &state);
            self.said.note(state);
        }
    }

    /// Lets an endpoint rest as it has asked another member to, or this one before a restart.
    pub(super) fn heed_rest(&mut self, endpoint: &Arc<Endpoint>, now_ms: i64) {
        let Some(rest) = self.said.rest(endpoint, now_ms) else { return };
        let queue = self.queues.queue(&endpoint.service_key);
        if queue.rests_until_ms(endpoint, now_ms).is_none_or(|until_ms| until_ms < rest.until) {
            queue.rest(endpoint, now_ms, rest.until);
        }
    }

    /// Reports of earlier failures wait for no further call. A replay was never noted.
    pub(super) fn no_longer_pending(&mut self, callback: &Callback) {
        if callback.failed > 0 && callback.replay.is_empty() {
            self.notes.push(Note::Ended(callback.reports.clone()));
        }
    }

    /// Commits what is booked: events, further calls and the offsets that they end, in one transaction.
    pub(super) fn commit(&mut self) -> Result<bool, TurnError> {
        if self.touched.is_empty() {
            return Ok(false);
        }
        for (place, offset) in &self.done {
            self.windows.done(*place, *offset);
        }
        fault::point(&self.spec.name, Point::DoneNoted);
        self.owed = Some(self.windows.positions(&self.touched));
        self.commit_owed()
    }

    /// Commits what is owed, now or again. Until it is committed nothing is marked, so no mark can say "done" of what
    /// is not in the log.
    pub(super) fn commit_owed(&mut self) -> Result<bool, TurnError> {
        let Some(positions) = self.owed.take() else { return Ok(false) };
        match self.stream.commit(self.out.records(), &positions) {
            Ok(()) => {}
            Err(error) => {
                if let LogError::Away(_) = error {
                    self.owed = Some(positions);
                }
                return Err(error.into());
            }
        }
        counter!(engine_names::RECORDS, "stream" => self.spec.name.clone()).increment(self.done.len() as u64);
        self.out.count_all();
        for note in self.notes.drain(..) {
            match note {
                Note::Failed(reports) => self.pending.failed(&reports),
                Note::Ended(reports) => self.pending.ended(&reports),
            }
        }
        self.clear_books();
        Ok(true)
    }

    /// Waits for answers within `limit`, commits, leaves.
    pub(super) fn finish_within(mut self, limit: Duration) {
        self.stage = Stage::Outside;
        let begun = Instant::now();
        loop {
            let left = limit.saturating_sub(begun.elapsed());
            self.listen(left.min(LOOK));
            let committed = match self.commit_owed() {
                Ok(_) => self.commit(),
                error => error,
            };
            if let Err(error) = committed {
                tracing::warn!(stream = %self.spec.name, %error, "the last answers are not committed: their calls are made again");
                break;
            }
            if self.flights.is_empty() || left.is_zero() {
                break;
            }
        }
        self.stream.leave();
    }
}

/// What logs call it by.
fn ending(endpoint: &Endpoint) -> &str {
    let key = endpoint.service_key.as_str();
    key.get(key.len().saturating_sub(4)..).unwrap_or_default()
}
