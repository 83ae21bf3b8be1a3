//! A stream into a database that keeps the offsets itself: counted once, whatever is killed or stalled.

use super::{Decoder, Gate, Halt, LagGauge, Outputs, Pace, Progress, TurnError, Worker, guard, settle, unread};
use crate::{
    log::{Limits, Log, LogError, Place, Polled, Position, Producer, Reader, Record, Stream, StreamSpec},
    metrics as names,
};
use metrics::counter;
use processors::ports::{Clock, Logged, Move, Refused, Sink, Written};
use rustc_hash::FxHashMap;
use schemas::Record as Schema;
use std::{sync::Arc, time::Duration};

/// Least time between two transactions while batches are not full: one costs a store as much as hundreds of rows, and
/// nobody waits for a row of a store. What comes after a pause is stored at once.
const PACE: Duration = Duration::from_millis(100);

/// Runs a [`Sink`].
pub struct SinkWorker<R, S> {
    spec: StreamSpec,
    stream: Box<dyn Stream>,
    reader: Box<dyn Reader>,
    /// For dead letters; a sink has no transaction of its own in the log.
    producer: Box<dyn Producer>,
    clock: Arc<dyn Clock>,
    decoder: Decoder,
    out: Outputs,
    sink: S,
    limits: Limits,
    batch: Vec<Record>,
    /// The decoded part of the batch, each row with its place in the batch.
    rows: Vec<Logged<R>>,
    places: Vec<usize>,
    /// Whether the batch is decoded and its dead letters stand in the log: a batch that waits writes them once.
    decoded: bool,
    /// From where each partition is read, as the sink knows it.
    stands: FxHashMap<Place, Option<i64>>,
    /// Partitions whose positions are still to be asked for.
    owed: Vec<Place>,
    gate: Gate,
    lag: LagGauge,
    pace: Pace,
}

impl<R: Schema + Send, S: Sink<R>> SinkWorker<R, S> {
    /// Joins the log.
    pub fn new(
        log: &dyn Log,
        spec: StreamSpec,
        clock: Arc<dyn Clock>,
        batch_records: usize,
        decoder: Decoder,
        out: Outputs,
        sink: S,
    ) -> Result<Self, LogError> {
        Ok(Self {
            stream: log.stream(spec.clone())?,
            reader: log.reader()?,
            producer: log.producer()?,
            spec,
            clock,
            decoder,
            out,
            sink,
            limits: Limits { records: batch_records, bytes: 2 << 20, wait: Duration::ZERO },
            batch: Vec::new(),
            rows: Vec::new(),
            places: Vec::new(),
            decoded: false,
            stands: FxHashMap::default(),
            owed: Vec::new(),
            gate: Gate::default(),
            lag: LagGauge::default(),
            pace: Pace::new(PACE),
        })
    }

    fn forget(&mut self) {
        self.clear();
        self.stands.clear();
        self.owed.clear();
    }

    fn try_turn(&mut self, wait: Duration) -> Result<Progress, TurnError> {
        if self.owed.is_empty() && self.batch.is_empty() {
            self.pass()?;
        }
        if !self.owed.is_empty() {
            self.seek()?;
        }
        if self.batch.is_empty() {
            self.pace.wait(wait);
            match self.stream.poll(Limits { wait, ..self.limits }, &mut self.batch)? {
                Polled::Records if self.batch.is_empty() => return Ok(Progress::Idle),
                Polled::Records => {}
                Polled::Assigned(positions) => {
                    self.forget();
                    self.owed = positions.iter().map(|Position { place, .. }| *place).collect();
                    tracing::info!(stream = %self.spec.name, partitions = self.owed.len(), "assigned");
                    self.seek()?;
                    return Ok(Progress::Worked);
                }
                Polled::Revoking => {
                    self.forget();
                    self.stream.release()?;
                    return Ok(Progress::Worked);
                }
                Polled::Lost => {
                    tracing::warn!(stream = %self.spec.name, "partitions lost: the group went on without this member");
                    self.forget();
                    return Ok(Progress::Worked);
                }
            }
        }
        self.store()
    }

    /// Reads on from where the sink stands.
    fn seek(&mut self) -> Result<(), TurnError> {
        let places: Vec<_> = self.owed.iter().map(|p| (p.topic, p.partition)).collect();
        let positions = self.sink.positions(&places)?;
        for (place, position) in self.owed.iter().zip(positions) {
            let (first, _) = self.reader.bounds(*place)?;
            if let Some(next) = position
                && next < first
            {
                return Err(LogError::Stop(format!(
                    "{}/{}: the store stands at {next} and retention has deleted up to {first}: rows are missing. \
                     Restore the store from a backup that is older, or accept the gap by setting its position",
                    place.topic, place.partition
                ))
                .into());
            }
            self.stream.seek(*place, position.unwrap_or(first))?;
            self.stands.insert(*place, position);
        }
        self.owed.clear();
        Ok(())
    }

    /// Lets the store's positions follow past offsets that hold no record: retention may delete them too.
    fn pass(&mut self) -> Result<(), TurnError> {
        let passed = self.stream.passed()?.into_iter();
        let moves: Vec<Move> = passed
            .filter_map(|(place @ Place { topic, partition }, to)| {
                let from = Some(self.stands.get(&place).copied()??);
                Some(Move { topic, partition, from, to })
            })
            .collect();
        if moves.is_empty() {
            return Ok(());
        }
        match self.sink.write(&[], &moves) {
            Ok(Written::Moved) => self.moved(&moves),
            Ok(Written::Stale) => self.go_back(),
            // There are no rows.
            Ok(Written::Refused(_)) => {}
            Err(away) => {
                // The stream is past them already: back to where the store stands.
                self.owed = moves.iter().map(|m| Place { topic: m.topic, partition: m.partition }).collect();
                return Err(away.into());
            }
        }
        Ok(())
    }

    /// Notes where the store stands now.
    fn moved(&mut self, moves: &[Move]) {
        let stands = moves.iter().map(|m| (Place { topic: m.topic, partition: m.partition }, Some(m.to)));
        self.stands.extend(stands);
    }

    /// The store stands elsewhere than this stream knows: it is asked where.
    fn go_back(&mut self) {
        tracing::warn!(stream = %self.spec.name, "another process stored more: reading on from where it stands");
        self.owed = self.stands.keys().copied().collect();
    }

    fn store(&mut self) -> Result<Progress, TurnError> {
        if !self.decoded {
            self.decode()?;
        }
        let moves = self.moves();
        match self.sink.write(&self.rows, &moves)? {
            Written::Moved => {
                self.moved(&moves);
                counter!(names::RECORDS, "stream" => self.spec.name.clone()).increment(self.batch.len() as u64);
                self.pace.committed(self.batch.len() < self.limits.records / 2);
            }
            Written::Stale => self.go_back(),
            Written::Refused(refused) => {
                self.bury(refused)?;
                return Ok(Progress::Worked);
            }
        }
        self.clear();
        Ok(Progress::Worked)
    }

    /// Reads the batch; what cannot be read becomes dead letters.
    fn decode(&mut self) -> Result<(), TurnError> {
        self.rows.clear();
        self.places.clear();
        self.out.clear();
        for (at, record) in self.batch.iter().enumerate() {
            let Place { topic, partition } = record.place;
            match guard(record, || self.decoder.decode(record.value.as_deref()))? {
                Ok(decoded) => {
                    self.rows.push(Logged { topic, partition, offset: record.offset, record: decoded });
                    self.places.push(at);
                }
                Err(reason) => self.out.dead_letter(record, &reason),
            }
        }
        if self.gate.shuts(self.clock.now_ms(), self.batch.len(), self.out.records().len()) {
            return Err(Gate::unreadable(&self.spec.name).into());
        }
        self.write_dead_letters()?;
        self.decoded = true;
        Ok(())
    }

    /// Makes dead letters of rows that the sink can never store, and takes them out of what is written.
    fn bury(&mut self, mut refused: Vec<Refused>) -> Result<(), TurnError> {
        self.out.clear();
        // From the last one, so that the places of the others stay what they are.
        refused.sort_unstable_by_key(|refused| std::cmp::Reverse(refused.row));
        refused.dedup_by_key(|refused| refused.row);
        refused.retain(|refused| refused.row < self.rows.len());
        for Refused { row, reason } in &refused {
            self.out.dead_letter(&self.batch[self.places[*row]], reason);
        }
        // The batch was counted when it was read.
        if self.gate.shuts(self.clock.now_ms(), 0, refused.len()) {
            return Err(Gate::unstorable(&self.spec.name).into());
        }
        self.write_dead_letters()?;
        for Refused { row, .. } in refused {
            self.rows.remove(row);
            self.places.remove(row);
        }
        Ok(())
    }

    /// Before the rows: a crash between the two doubles a dead letter, never loses one. After the gate: a faulty release
    /// ends with nothing written, however often it is started.
    fn write_dead_letters(&mut self) -> Result<(), TurnError> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.producer.append(self.out.records())?;
        self.out.count_all();
        Ok(())
    }

    /// How far the batch takes each partition.
    fn moves(&self) -> Vec<Move> {
        let mut moves: Vec<Move> = Vec::new();
        for record in &self.batch {
            let (Place { topic, partition }, to) = (record.place, record.offset + 1);
            match moves.iter_mut().find(|m| m.topic == topic && m.partition == partition) {
                Some(known) => known.to = to,
                None => {
                    let from = self.stands.get(&record.place).copied().flatten();
                    moves.push(Move { topic, partition, from, to });
                }
            }
        }
        moves
    }

    fn clear(&mut self) {
        self.batch.clear();
        self.rows.clear();
        self.places.clear();
        self.decoded = false;
    }
}

impl<R: Schema + Send, S: Sink<R>> Worker for SinkWorker<R, S> {
    fn name(&self) -> &str {
        &self.spec.name
    }

    fn turn(&mut self, wait: Duration) -> Result<Progress, Halt> {
        let turn = self.try_turn(wait);
        self.lag.tell(names::LAG, &self.spec.name, self.clock.now_ms(), || unread(&mut *self.stream));
        let name = self.spec.name.clone();
        settle(&name, turn, wait, || self.forget())
    }

    fn finish(self: Box<Self>, _limit: Duration) {
        self.stream.leave();
    }
}
