//! The callback role: it reads REPORT, calls the endpoint of each terminal report's service key, and notes in the log
//! what became of each call.
//!
//! It keeps the senders' order (see [`crate::send`]): read, hold, mark as started, call, commit what follows together
//! with the offsets done. What differs is what is promised: a customer is told at least once, so a call whose end was
//! lost in a crash is recorded as such and made again.
//!
//! 1. `read`: polled records that tell nobody are done; the others wait in the queue of their endpoint, or come back
//!    out of DELAY later when that is full.
//! 2. `launch`: calls that their endpoints have room for are marked in the log, and leave.
//!    What `ims replay` brings once more is told after everything else, each report in a call of its own.
//! 3. `listen`: answers become events, further calls (through DELAY), or the end of an endpoint.

mod launch;
mod listen;
pub mod metrics;
mod queues;
mod read;
mod said;
mod settings;
#[cfg(test)]
mod tests;

pub use said::Said;
pub use settings::CallbackSettings;

use crate::{
    engine::{Decoder, Gate, Halt, LagGauge, Outputs, Progress, TurnError, Worker, settle},
    log::{Log, LogError, Place, Position, Reader, Record, Stream, StreamSpec},
    metrics::LAG,
    send::{Returns, Since, Windows},
};
use processors::{
    callback::Endpoint,
    ports::{Caller, Clock, PendingNotes, ReferenceSource},
    ring::Rings,
};
use queues::Queues;
use rustc_hash::FxHashMap;
use schemas::{Callback, Report};
use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

/// What the worker is made of.
pub struct CallbackParts {
    /// The way to the endpoints.
    pub caller: Box<dyn Caller>,
    /// Who is told of reports that wait for a further call.
    pub pending: Box<dyn PendingNotes>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Endpoints of service keys.
    pub reference: Arc<dyn ReferenceSource>,
    /// Where what waits goes.
    pub rings: Arc<Rings>,
    /// Reads reports.
    pub decoder: Decoder,
    /// Frames what is written.
    pub out: Outputs,
    /// Its settings.
    pub settings: CallbackSettings,
}

/// The callback role.
pub struct CallbackWorker {
    spec: StreamSpec,
    settings: CallbackSettings,
    stream: Box<dyn Stream>,
    reader: Box<dyn Reader>,
    caller: Box<dyn Caller>,
    pending: Box<dyn PendingNotes>,
    clock: Arc<dyn Clock>,
    reference: Arc<dyn ReferenceSource>,
    rings: Arc<Rings>,
    decoder: Decoder,
    stage: Stage,
    /// Polled and not yet looked at.
    batch: VecDeque<Record>,
    windows: Windows,
    queues: Queues,
    returns: Returns,
    flights: FxHashMap<u64, Flight>,
    tickets: u64,
    said: Said,
    /// What the next transaction appends, the offsets that it ends, and the partitions whose marks it changes.
    out: Outputs,
    done: Vec<(Place, i64)>,
    /// What is told of pending reports once that transaction stands.
    notes: Vec<Note>,
    touched: BTreeSet<Place>,
    /// It records calls that were lost: their marks may not change before that stands in the log.
    doubtful: bool,
    /// The transaction that the log was too far away to take: the same again, before anything else.
    owed: Option<Vec<Position>>,
    gate: Gate,
    lag: LagGauge,
}

/// A call under way.
struct Flight {
    endpoint: Arc<Endpoint>,
    callback: Callback,
    parts: Vec<(Place, i64)>,
    sent_ms: i64,
}

/// What became of a call, for who looks up pending reports.
enum Note {
    Failed(Vec<Report>),
    Ended(Vec<Report>),
}

/// How the worker stands in its group.
enum Stage {
    /// It owns nothing.
    Outside,
    /// It was assigned partitions and has not taken them over.
    Taking(Vec<Position>),
    /// It calls.
    Calling,
    /// Its partitions are about to go: nothing leaves any more.
    Parting(Since),
}

impl CallbackWorker {
    /// Joins the log.
    pub fn new(log: &dyn Log, spec: StreamSpec, parts: CallbackParts) -> Result<Self, LogError> {
        let CallbackParts { caller, pending, clock, reference, rings, decoder, out, settings } = parts;
        Ok(Self {
            stream: log.stream(spec.clone())?,
            reader: log.reader()?,
            spec,
            settings,
            caller,
            pending,
            clock,
            reference,
            rings,
            decoder,
            stage: Stage::Outside,
            batch: VecDeque::new(),
            windows: Windows::default(),
            queues: Queues::default(),
            returns: Returns::default(),
            flights: FxHashMap::default(),
            tickets: 0,
            said: Said::default(),
            out,
            done: Vec::new(),
            notes: Vec::new(),
            touched: BTreeSet::new(),
            doubtful: false,
            owed: None,
            gate: Gate::default(),
            lag: LagGauge::default(),
        })
    }

    /// Drops everything of an assignment that is over. Answers to calls under it are of no use: whoever reads the
    /// records next finds them started.
    fn forget(&mut self) {
        self.stage = Stage::Outside;
        self.batch.clear();
        self.windows.clear();
        self.queues.clear();
        self.flights.clear();
        self.clear_books();
        self.owed = None;
    }

    fn clear_books(&mut self) {
        self.out.clear();
        self.done.clear();
        self.notes.clear();
        self.touched.clear();
        self.doubtful = false;
    }

    fn try_turn(&mut self, wait: Duration) -> Result<Progress, TurnError> {
        let mut worked = self.commit_owed()?;
        // A registry that is away keeps new records waiting, not what is held and under way.
        let read = match self.read(wait) {
            Err(TurnError::Away(away)) => Err(away),
            read => Ok(read?),
        };
        if self.doubtful {
            worked |= self.commit()?;
        }
        worked |= self.launch()?;
        worked |= self.listen(wait);
        worked |= self.commit()?;
        worked |= self.part()?;
        self.tell();
        worked |= read?;
        Ok(if worked { Progress::Worked } else { Progress::Idle })
    }

    fn tell(&self) {
        use ::metrics::gauge;
        gauge!(metrics::HELD).set(self.queues.records() as f64);
        gauge!(metrics::IN_FLIGHT).set(self.flights.len() as f64);
        gauge!(metrics::RESTING).set(self.queues.resting(self.clock.now_ms()) as f64);
        gauge!(metrics::DISABLED).set(self.said.count() as f64);
    }
}

impl Worker for CallbackWorker {
    fn name(&self) -> &str {
        &self.spec.name
    }

    fn turn(&mut self, wait: Duration) -> Result<Progress, Halt> {
        let turn = self.try_turn(wait);
        let Self { lag, spec, clock, stream, batch, windows, .. } = self;
        lag.tell(LAG, &spec.name, clock.now_ms(), || windows.undone(&mut **stream, batch.len()));
        let name = self.spec.name.clone();
        settle(&name, turn, wait, || self.forget())
    }

    fn finish(self: Box<Self>, limit: Duration) {
        self.finish_within(limit);
    }
}
