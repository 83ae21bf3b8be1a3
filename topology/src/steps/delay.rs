//! Lets go what waits: reads the slots of the rings whose time has come, and only these.
//!
//! A record met in a slot is let go when it is due, moved to a finer ring when its slot is open, and otherwise left:
//! its slot is paused at that record until it opens. Nothing is remembered but which slots are paused, so a restart
//! costs one look at each slot that holds something.

use crate::{
    engine::{Decoder, Halt, Outputs, Progress, TurnError, Worker, settle},
    log::{Limits, Log, LogError, Place, Polled, Position, Record, Stream, StreamSpec},
    metrics as names,
};
use metrics::{counter, gauge};
use processors::{
    ports::Clock,
    ring::Rings,
};
use rustc_hash::{FxHashMap, FxHashSet};
use schemas::{
    Delayed, Topic,
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
    paused: FxHashSet<Place>,
    batch: Vec<Record>,
    /// What was decided and not yet committed, because the log was away.
    owed: Option<Vec<Position>>,
}

/// Records of one transaction.
const BATCH: usize = 5_000;
const BATCH_BYTES: usize = 8 << 20;

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
            paused: FxHashSet::default(),
            batch: Vec::new(),
            owed: None,
        })
    }

    fn forget(&mut self) {
        self.batch.clear();
        self.out.clear();
        self.owed = None;
        self.paused.clear();
    }

    /// Opens the slots whose time has come.
    fn open_slots(&mut self, now_ms: i64) -> Result<(), LogError> {
        let due: Vec<Place> = self
            .paused
            .iter()
            .copied()
            .filter(|place| ring(*place).is_some_and(|ring| self.rings.is_open(ring, place.partition, now_ms)))
            .collect();
        if !due.is_empty() {
            self.stream.resume(&due)?;
            due.iter().for_each(|place| drop(self.paused.remove(place)));
        }
        Ok(())
    }

    fn try_turn(&mut self, wait: Duration) -> Result<Progress, TurnError> {
        if self.owed.is_none() {
            let now_ms = self.clock.now_ms();
            self.open_slots(now_ms)?;
            if self.batch.is_empty() {
                let limits = Limits { records: BATCH, bytes: BATCH_BYTES, wait: self.until_next_slot(wait, now_ms) };
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
        let mut left: FxHashMap<Place, i64> = FxHashMap::default();
        for record in &self.batch {
            if left.contains_key(&record.place) {
                continue;
            }
            match self.decoder.decode::<Delayed>(record.value.as_deref())? {
                Err(error) => self.out.dead_letter(record, &error.to_string()),
                Ok(waiting) if waiting.due_at <= now_ms => match waiting.target.parse::<Topic>() {
                    Ok(target) => self.out.value(target, None, &waiting.track_id, Some(waiting.payload), vec![]),
                    Err(error) => self.out.dead_letter(record, &error.to_string()),
                },
                Ok(waiting) if self.is_open(record.place, now_ms) => {
                    let (ring, slot) = self.rings.place(waiting.due_at, now_ms, waiting.auth);
                    let value = record.value.clone();
                    self.out.value(Topic::delay(ring), Some(slot), &waiting.track_id, value, vec![]);
                }
                Ok(_) => {
                    left.insert(record.place, record.offset);
                    continue;
                }
            }
            next.insert(record.place, record.offset + 1);
        }
        if !left.is_empty() {
            let places: Vec<Place> = left.keys().copied().collect();
            self.stream.pause(&places)?;
            for (place, offset) in left {
                self.stream.seek(place, offset)?;
                self.paused.insert(place);
            }
        }
        Ok(next.into_iter().map(|(place, next)| Position { place, next, metadata: String::new() }).collect())
    }

    fn is_open(&self, place: Place, now_ms: i64) -> bool {
        ring(place).is_some_and(|ring| self.rings.is_open(ring, place.partition, now_ms))
    }

    /// Slots open on whole seconds: never sleep over one.
    fn until_next_slot(&self, wait: Duration, now_ms: i64) -> Duration {
        wait.min(Duration::from_millis(1_000 - now_ms.rem_euclid(1_000) as u64))
    }

    /// What is due and not yet let go: the lag of the slots that are not paused.
    fn overdue(&mut self) -> i64 {
        let paused = &self.paused;
        self.stream.lag().into_iter().filter(|(place, _)| !paused.contains(place)).map(|(_, lag)| lag).sum()
    }
}

fn ring(place: Place) -> Option<Ring> {
    match place.topic.kind() {
        Kind::Delay(ring) => Some(ring),
        _ => None,
    }
}

impl Worker for DelayWorker {
    fn name(&self) -> &str {
        &self.spec.name
    }

    fn turn(&mut self, wait: Duration) -> Result<Progress, Halt> {
        let turn = self.try_turn(wait);
        gauge!(names::OVERDUE, "stream" => self.spec.name.clone()).set(self.overdue() as f64);
        let name = self.spec.name.clone();
        settle(&name, turn, wait, || self.forget())
    }

    fn finish(self: Box<Self>, _limit: Duration) {
        self.stream.leave();
    }
}
