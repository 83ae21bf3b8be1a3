//! A step of the chain: take a batch, decide, append and commit in one transaction.

mod alone;
mod restoring;

use super::{Gate, Halt, LagGauge, Outputs, Pace, Progress, Restored, TurnError, Worker, settle, unread};
use crate::{
    fault::{self, Point},
    log::{Limits, Log, LogError, Place, Polled, Position, Reader, Record, Stream, StreamSpec},
    metrics as names,
};
use metrics::{counter, histogram};
use processors::ports::{Away, Clock};
use restoring::Restoring;
use schemas::topics::Kind;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// The decision of a step, over batches.
pub trait Step: Send {
    /// Decides for the records in order and appends what follows from them; answers for how many, at least one. All, but
    /// for a step whose appends may be much more than its records: what is left makes the next transaction. `Away` comes
    /// before anything is remembered: the same batch is given again.
    fn run(&mut self, batch: &[Record], now_ms: i64, out: &mut Outputs) -> Result<usize, Away>;

    /// Forgets what was remembered since the last `run` began, which panicked: nothing of it is committed.
    fn undo(&mut self) {}

    /// Sets a record aside that can never be decided: it becomes a dead letter, and whatever message hangs on it ends.
    fn set_aside(&mut self, record: &Record, reason: &str, _now_ms: i64, out: &mut Outputs) {
        out.dead_letter(record, reason);
    }

    /// The step owns these partitions now, and no others: forget all state.
    fn assigned(&mut self, _places: &[Place]) {}

    /// Restores a piece of their state, of some seconds at most; how much there is now, None: all. Nothing is decided
    /// before.
    fn restore(&mut self, _reader: &mut dyn Reader) -> Result<Option<Restored>, LogError> {
        Ok(None)
    }
}

/// Bounds of a batch, by how urgent the stream is.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// Records at most.
    pub records: usize,
    /// Bytes of values at most.
    pub bytes: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        // 5,000 records a transaction: beyond, cost per message falls little and latency and memory grow (FACTS).
        Self { records: 5_000, bytes: 4 << 20 }
    }
}

/// Least time between two transactions of bulk while batches are not full: nobody waits for one of MASS or AD, and many
/// small ones would keep the broker from those of AUTH.
const BULK_PACE: Duration = Duration::from_millis(25);

/// Runs a [`Step`].
pub struct StepWorker<S> {
    spec: StreamSpec,
    stream: Box<dyn Stream>,
    reader: Box<dyn Reader>,
    clock: Arc<dyn Clock>,
    limits: BatchLimits,
    step: S,
    /// What was taken, in order, and how much of it is decided.
    batch: Vec<Record>,
    decided: usize,
    out: Outputs,
    gate: Gate,
    lag: LagGauge,
    pace: Pace,
    stage: Stage,
    restoring: Option<Restoring>,
}

/// How far the batch at hand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Empty,
    /// Records are taken; a dependency was away.
    Taken,
    /// The first of them are decided; the log was away.
    Decided,
}

impl<S: Step> StepWorker<S> {
    /// Joins the log.
    pub fn new(
        log: &dyn Log,
        spec: StreamSpec,
        clock: Arc<dyn Clock>,
        limits: BatchLimits,
        out: Outputs,
        step: S,
    ) -> Result<Self, LogError> {
        let stream = log.stream(spec.clone())?;
        let reader = log.reader()?;
        let (batch, decided, stage, restoring) = (Vec::new(), 0, Stage::Empty, None);
        let (gate, lag) = (Gate::default(), LagGauge::default());
        let pace = Pace::new(if spec.bulk() { BULK_PACE } else { Duration::ZERO });
        Ok(Self { spec, stream, reader, clock, limits, step, batch, decided, out, gate, lag, pace, stage, restoring })
    }

    fn forget(&mut self) {
        self.batch.clear();
        self.out.clear();
        self.stage = Stage::Empty;
        self.restoring = None;
        self.step.assigned(&[]);
    }

    fn take(&mut self, wait: Duration) -> Result<Progress, TurnError> {
        self.pace.wait(wait);
        let name = &self.spec.name;
        fault::point(name, Point::BeforePoll);
        let wait = if self.restoring.is_some() { Duration::ZERO } else { wait };
        let limits = Limits { records: self.limits.records, bytes: self.limits.bytes, wait };
        match self.stream.poll(limits, &mut self.batch)? {
            Polled::Records if self.restoring.is_some() => self.restore(),
            Polled::Records if self.batch.is_empty() => Ok(Progress::Idle),
            Polled::Records => {
                fault::point(name, Point::AfterPoll);
                self.stage = Stage::Taken;
                Ok(Progress::Worked)
            }
            Polled::Assigned(positions) => {
                self.forget();
                self.begin(&positions)
            }
            Polled::Revoking => {
                self.forget();
                self.stream.release()?;
                Ok(Progress::Worked)
            }
            Polled::Lost => {
                tracing::warn!(stream = %name, "partitions lost: the group went on without this member");
                self.forget();
                Ok(Progress::Worked)
            }
        }
    }

    fn decide(&mut self) -> Result<(), TurnError> {
        fault::point(&self.spec.name, Point::BeforeLookUp);
        let now_ms = self.clock.now_ms();
        self.out.clear();
        self.decided = self.run(now_ms)?;
        let name = &self.spec.name;
        fault::point(name, Point::AfterLookUp);
        let decided = &self.batch[..self.decided];
        let internal = decided.iter().filter(|r| !matches!(r.place.topic.kind(), Kind::Api(_))).count();
        let dead = self.out.records().iter().filter(|o| is_internal_dead_letter(o.topic.kind())).count();
        if self.gate.shuts(now_ms, internal, dead) {
            return Err(Gate::unprocessable(name).into());
        }
        self.stage = Stage::Decided;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), LogError> {
        let mut next = BTreeMap::new();
        let decided = &self.batch[..self.decided];
        for record in decided {
            next.insert(record.place, record.offset + 1);
        }
        let positions: Vec<Position> =
            next.into_iter().map(|(place, next)| Position { place, next, metadata: String::new() }).collect();
        self.stream.commit(self.out.records(), &positions)?;
        let now_ms = self.clock.now_ms();
        let stream = self.spec.name.clone();
        counter!(names::RECORDS, "stream" => stream.clone()).increment(decided.len() as u64);
        if let Some(oldest) = decided.iter().map(|r| r.timestamp_ms).min() {
            let seconds = (now_ms - oldest).max(0) as f64 / 1e3;
            histogram!(names::STEP_SECONDS, "stream" => stream).record(seconds);
        }
        self.out.count_all();
        let all = decided.len() == self.batch.len();
        self.pace.committed(all && decided.len() < self.limits.records / 2);
        self.batch.drain(..self.decided);
        self.out.clear();
        self.stage = if all { Stage::Empty } else { Stage::Taken };
        Ok(())
    }

    fn try_turn(&mut self, wait: Duration) -> Result<Progress, TurnError> {
        if self.stage == Stage::Empty {
            let progress = self.take(wait)?;
            if self.stage == Stage::Empty {
                return Ok(progress);
            }
        }
        if self.stage == Stage::Taken {
            self.decide()?;
        }
        self.commit()?;
        Ok(Progress::Worked)
    }
}

fn is_internal_dead_letter(kind: Kind) -> bool {
    matches!(kind, Kind::DeadLetter(source) if !matches!(source.kind(), Kind::Api(_)))
}

impl<S: Step> Worker for StepWorker<S> {
    fn name(&self) -> &str {
        &self.spec.name
    }

    fn gives_way(&self) -> bool {
        self.spec.bulk()
    }

    fn turn(&mut self, wait: Duration) -> Result<Progress, Halt> {
        let turn = self.try_turn(wait);
        self.lag.tell(names::LAG, &self.spec.name, self.clock.now_ms(), || unread(&mut *self.stream));
        let name = self.spec.name.clone();
        settle(&name, turn, wait, || self.forget())
    }

    fn finish(self: Box<Self>, _limit: Duration) {
        // Between turns nothing is in flight: what is not committed is taken again by the next owner.
        self.stream.leave();
    }
}
