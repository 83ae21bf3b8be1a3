//! The test driver: the whole chain on one thread, with a clock that the test moves and faults that it injects.
//!
//! It runs the same graph, workers and in-process log as the demo, turn by turn, so that what a test sees is what runs.

use crate::{
    assembly::{AssemblyError, Parts},
    engine::{Halt, Progress, Worker},
    graph::{Role, Topology},
    log::{
        Log, LogError, Outgoing, Place, Record,
        memory::{Faults, MemoryLog},
    },
};
use processors::ports::Clock;
use schemas::{Record as Schema, Topic};
use std::{
    sync::Arc,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Stands at `now_ms`.
    pub fn at(now_ms: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(now_ms)))
    }

    /// Moves on.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }

    /// Is set back, as a clock that ran ahead is.
    pub fn set_back(&self, by: Duration) {
        self.0.fetch_sub(by.as_millis() as i64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The chain under test.
pub struct Driver {
    clock: Arc<ManualClock>,
    log: MemoryLog,
    parts: Parts,
    topology: Topology,
    workers: Vec<Box<dyn Worker>>,
}

impl Driver {
    /// All roles of the topology, on this log and clock, which `parts` must hold too.
    pub fn new(
        topology: Topology,
        clock: Arc<ManualClock>,
        log: MemoryLog,
        parts: Parts,
    ) -> Result<Self, AssemblyError> {
        let mut this = Self { clock, log, parts, topology, workers: Vec::new() };
        this.join(&Role::ALL)?;
        Ok(this)
    }

    /// More workers of some roles, as another process would bring them.
    pub fn join(&mut self, roles: &[Role]) -> Result<(), AssemblyError> {
        self.workers.extend(self.parts.workers(&self.topology, roles)?);
        Ok(())
    }

    /// All workers of a role die without a word; what they held in memory is gone.
    pub fn kill(&mut self, role: Role) {
        let name = role.as_str();
        self.workers.retain(|w| w.name() != name && !w.name().starts_with(&format!("{name}-")));
    }

    /// Makes the log fail on purpose.
    pub fn faults(&self) -> Faults {
        self.log.faults()
    }

    /// The clock.
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// What the workers share.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Appends a record as a producer would.
    pub fn append<R: Schema>(&self, topic: Topic, key: &str, record: &R) -> Result<(), LogError> {
        self.append_raw(topic, key, Some(self.parts.schemas.encode(record)))
    }

    /// Appends a value as it is.
    pub fn append_raw(&self, topic: Topic, key: &str, value: Option<Vec<u8>>) -> Result<(), LogError> {
        let key = Some(key.as_bytes().to_vec().into());
        let record = Outgoing { topic, partition: None, key, value: value.map(Into::into), headers: vec![] };
        self.log.producer()?.append(&[record])
    }

    /// Turns every worker until none finds anything to do.
    pub fn settle(&mut self) -> Result<(), Halt> {
        loop {
            let mut worked = false;
            for worker in &mut self.workers {
                worked |= worker.turn(Duration::ZERO)? == Progress::Worked;
            }
            if !worked {
                return Ok(());
            }
        }
    }

    /// Moves the clock in steps, and lets everything settle after each.
    pub fn advance(&mut self, by: Duration, step: Duration) -> Result<(), Halt> {
        let mut left = by;
        while !left.is_zero() {
            let now = left.min(step);
            self.clock.advance(now);
            left -= now;
            self.settle()?;
        }
        Ok(())
    }

    /// Every record of a topic, partition by partition.
    pub fn records(&self, topic: Topic) -> Result<Vec<Record>, LogError> {
        let mut reader = self.log.reader()?;
        let mut records = Vec::new();
        for partition in reader.partitions(topic)? {
            let place = Place { topic, partition };
            let (first, end) = reader.bounds(place)?;
            reader.read(place, first, end, &mut |record| records.push(record))?;
        }
        Ok(records)
    }

    /// Every record of some topics, decoded; what cannot be decoded is left out.
    pub fn decoded<R: Schema>(&self, topics: impl IntoIterator<Item = Topic>) -> Result<Vec<R>, LogError> {
        let mut decoded = Vec::new();
        for topic in topics {
            let records = self.records(topic)?;
            decoded.extend(records.iter().filter_map(|r| self.parts.schemas.decode(r.value.as_deref()?).ok()));
        }
        Ok(decoded)
    }
}
