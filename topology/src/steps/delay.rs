//! Lets go what waits: reads the slots of the rings whose time has come, and only these.
//!
//! A record that is due goes to its target, one that belongs into another slot goes there, and one that is where it
//! should wait is left: its slot is paused at that record until it opens. Nothing is remembered but which slots are
//! paused, so a restart costs one look at each slot that holds something.

use crate::{
    engine::{
        Account, BatchLimits, Decoder, Gate, Halt, LagGauge, Outputs, Progress, TurnError, Worker, came_back, guard,
        settle,
    },
    log::{Limits, Log, LogError, Place, Polled, Position, Record, Stream, StreamSpec},
    metrics as names,
};
use metrics::counter;
use processors::{
    ports::{Away, Clock},
    rest::rests,
    ring::{Met, Rings, Size, Slot},
};
use rustc_hash::{FxHashMap, FxHashSet};
use schemas::{
    Delayed, Dispatch, Topic, WireError,
    topics::{Kind, Ring},
};
use std::{sync::Arc, time::Duration};

/// The delay role.
pub struct DelayWorker {
    spec: StreamSpec,
    stream: Box<dyn Stream>,
    clock: Arc<dyn Clock>,
    rings: Arc<Rings>,
    decoder: Decoder,
    out: Outputs,
    /// Paused slots, and when each opens.
    paused: FxHashMap<Place, i64>,
    /// Slots whose unread records are due, or have to move: those that opened, and closed ones whose turn was missed.
    opened: FxHashSet<Place>,
    batch: Vec<Record>,
    /// What was decided and not yet committed, because the log was away.
    owed: Option<Vec<Position>>,
    gate: Gate,
    overdue: LagGauge,
}

impl DelayWorker {
    /// Joins the log.
    pub fn new(
        log: &dyn Log,
        spec: StreamSpec,
        clock: Arc<dyn Clock>,
        rings: Arc<Rings>,
        decoder: Decoder,
        out: Outputs,
    ) -> Result<Self, LogError> {
        let stream = log.stream(spec.clone())?;
        Ok(Self {
            spec,
            stream,
            clock,
            rings,
            decoder,
            out,
            paused: FxHashMap::default(),
            opened: FxHashSet::default(),
            batch: Vec::new(),
            owed: None,
            gate: Gate::default(),
            overdue: LagGauge::default(),
        })
    }

    fn forget(&mut self) {
        self.batch.clear();
        self.out.clear();
        self.owed = None;
        self.paused.clear();
        self.opened.clear();
    }

    /// Opens the slots whose time has come. None is closed for longer than a turn of its ring: one that would be was
    /// paused while the clock was ahead, and what stands in it is placed anew.
    fn open_slots(&mut self, now_ms: i64) -> Result<(), LogError> {
        let stays = |place: &Place, opens_ms: i64| {
            let Size { slots, width_ms } = self.rings.size(slot(*place).ring);
            rests(opens_ms, i64::from(slots) * i64::from(width_ms), now_ms)
        };
        let due: Vec<Place> =
            self.paused.iter().filter(|(place, opens_ms)| !stays(place, **opens_ms)).map(|(place, _)| *place).collect();
        if !due.is_empty() {
            self.stream.resume(&due)?;
            self.paused.retain(|place, _| !due.contains(place));
            self.opened.extend(due);
        }
        Ok(())
    }

    fn try_turn(&mut self, wait: Duration) -> Result<Progress, TurnError> {
        if self.owed.is_none() {
            let now_ms = self.clock.now_ms();
            self.open_slots(now_ms)?;
            if self.batch.is_empty() {
                let BatchLimits { records, bytes } = BatchLimits::default();
                let limits = Limits { records, bytes, wait: self.until_next_slot(wait, now_ms) };
                match self.stream.poll(limits, &mut self.batch)? {
                    Polled::Records if self.batch.is_empty() => return Ok(Progress::Idle),
                    Polled::Records => {}
                    Polled::Assigned(_) | Polled::Lost => {
                        self.forget();
                        return Ok(Progress::Worked);
                    }
                    Polled::Revoking => {
                        self.forget();
                        self.stream.release()?;
                        return Ok(Progress::Worked);
                    }
                }
            }
            self.owed = Some(self.decide()?);
        }
        if let Some(positions) = &self.owed
            && !positions.is_empty()
        {
            self.stream.commit(self.out.records(), positions)?;
            counter!(names::RECORDS, "stream" => self.spec.name.clone()).increment(self.batch.len() as u64);
            self.out.count_all();
        }
        self.owed = None;
        self.batch.clear();
        self.out.clear();
        Ok(Progress::Worked)
    }

    /// Where the batch's partitions stand after what could be done.
    fn decide(&mut self) -> Result<Vec<Position>, TurnError> {
        self.out.clear();
        let now_ms = self.clock.now_ms();
        let mut next: FxHashMap<Place, i64> = FxHashMap::default();
        let mut left: FxHashMap<Place, (i64, i64)> = FxHashMap::default();
        let (mut taken, mut dead) = (0, 0);
        for record in &self.batch {
            if left.contains_key(&record.place) {
                continue;
            }
            let at = slot(record.place);
            let decide = || {
                let read = match self.decoder.decode(record.value.as_deref())? {
                    Ok(waiting) => revived(&self.decoder, record, waiting)?,
                    Err(error) => Err(error),
                };
                Ok::<_, Away>(match read {
                    Ok(waiting) => let_go(&self.rings, at, record, waiting, now_ms, &mut self.out),
                    Err(error) => Err(error.to_string()),
                })
            };
            match guard(record, decide)? {
                Ok(None) => {}
                Ok(Some(until_ms)) => {
                    left.insert(record.place, (record.offset, until_ms));
                    continue;
                }
                Err(reason) => {
                    self.out.dead_letter(record, &reason);
                    self.out.close_waiting(record, now_ms);
                    dead += 1;
                }
            }
            taken += 1;
            next.insert(record.place, record.offset + 1);
        }
        if self.gate.shuts(now_ms, taken, dead) {
            return Err(Gate::unreadable(&self.spec.name).into());
        }
        if !left.is_empty() {
            let places: Vec<Place> = left.keys().copied().collect();
            self.stream.pause(&places)?;
            for (place, (offset, opens_ms)) in left {
                self.stream.seek(place, offset)?;
                self.paused.insert(place, opens_ms);
            }
        }
        // What stood in front had to go, be the slot closed: so may what stands behind it.
        self.opened.extend(next.keys());
        Ok(next.into_iter().map(|(place, next)| Position { place, next, metadata: String::new() }).collect())
    }

    /// Never sleeps over the opening of a slot that holds something.
    fn until_next_slot(&self, wait: Duration, now_ms: i64) -> Duration {
        let opens_ms = self.paused.values().min().copied().unwrap_or(i64::MAX);
        wait.min(Duration::from_millis(u64::try_from(opens_ms.saturating_sub(now_ms)).unwrap_or(0)))
    }
}

/// Lets a record go to its target or to another slot; or says until when it stays, or why it can do neither.
fn let_go(
    rings: &Rings,
    at: Slot,
    record: &Record,
    waiting: Delayed,
    now_ms: i64,
    out: &mut Outputs,
) -> Result<Option<i64>, String> {
    match rings.met(at, waiting.due_at, waiting.auth, now_ms) {
        Met::Due => {
            let target = waiting.target.parse::<Topic>().map_err(|error| error.to_string())?;
            out.value(target, None, &waiting.track_id, Some(waiting.payload), vec![]);
        }
        Met::Move(Slot { ring, partition }) => {
            let (value, headers) = (record.value.clone(), record.headers.clone());
            out.value(Topic::delay(ring), Some(partition), &waiting.track_id, value, headers);
        }
        Met::Pause { until_ms } => return Ok(Some(until_ms)),
    }
    Ok(None)
}

/// What waits in a record that came back, if it is the message itself: its account was closed, as it lay beside the record.
fn revived(decoder: &Decoder, record: &Record, waiting: Delayed) -> Result<Result<Delayed, WireError>, Away> {
    if !came_back(record) || !matches!(Account::of(record), Some(Account::Waits(_))) {
        return Ok(Ok(waiting));
    }
    let dispatch = decoder.decode::<Dispatch>(Some(&waiting.payload))?;
    Ok(dispatch.map(|mut dispatch| {
        dispatch.accepted.revived = true;
        Delayed { payload: decoder.schemas().encode(&dispatch).into(), ..waiting }
    }))
}

/// A place of a DELAY topic as a slot; the graph gives this worker no other.
fn slot(place: Place) -> Slot {
    let ring = match place.topic.kind() {
        Kind::Delay(ring) => ring,
        _ => Ring::Days,
    };
    Slot { ring, partition: place.partition }
}

impl Worker for DelayWorker {
    fn name(&self) -> &str {
        &self.spec.name
    }

    fn turn(&mut self, wait: Duration) -> Result<Progress, Halt> {
        let turn = self.try_turn(wait);
        let now_ms = self.clock.now_ms();
        let Self { overdue, spec, stream, rings, paused, opened, .. } = self;
        overdue.tell(names::OVERDUE, &spec.name, now_ms, || {
            let lag = stream.lag();
            // A closed slot that nobody has looked into holds what waits for its turn.
            let is_due = |(place, records): &&(Place, i64)| {
                let is_open = opened.contains(place) || rings.is_open(slot(*place), now_ms);
                *records > 0 && is_open && !paused.contains_key(place)
            };
            let due: Vec<(Place, i64)> = lag.iter().filter(is_due).copied().collect();
            *opened = due.iter().map(|(place, _)| *place).collect();
            due.iter().map(|(_, records)| records).sum()
        });
        let name = self.spec.name.clone();
        settle(&name, turn, wait, || self.forget())
    }

    fn finish(self: Box<Self>, _limit: Duration) {
        self.stream.leave();
    }
}

#[cfg(test)]
mod tests;
