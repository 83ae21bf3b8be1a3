//! The sender of one role on one lane.
//!
//! A record is read, held until its turn, marked as started, sent, and done with its result:
//!
//! 1. [`read`]: polled records are skipped when done, settled by their vendor's policy when in doubt, held otherwise.
//! 2. [`launch`]: what rate, hands and breakers let go now is marked as started in the log; then each request leaves,
//!    if it still may.
//! 3. [`listen`]: answers become results or further attempts; these and the offsets done go in one transaction.
//!
//! One thread, no timers: a single OTP goes through all three in one turn.

mod books;
mod costs;
mod flights;
mod judge;
mod launch;
mod listen;
mod part;
mod read;
mod room;
#[cfg(test)]
mod tests;

use super::{Allowance, Hold, Returns, SenderSettings, Windows, metrics as names};
use crate::{
    engine::{Decoder, Gate, Halt, LagGauge, Outputs, Progress, TurnError, Worker, settle},
    log::{Log, LogError, Position, Reader, Record, Stream, StreamSpec},
    metrics::LAG,
};
use books::Books;
use flights::Flights;
use judge::Judge;
use metrics::gauge;
pub use part::Since;
use processors::{
    night::Night,
    ports::{Clock, Provider, ReferenceSource},
    retry::Paces,
    ring::Rings,
};
use schemas::Lane;
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// What a sender is made of.
pub struct SenderParts {
    /// Its lane.
    pub lane: Lane,
    /// The way to its vendors.
    pub provider: Box<dyn Provider>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Vendors and customers.
    pub reference: Arc<dyn ReferenceSource>,
    /// Night windows.
    pub night: Night,
    /// Waits between attempts.
    pub paces: Paces,
    /// Where what waits goes.
    pub rings: Arc<Rings>,
    /// The vendors' limits, shared by all senders of the process.
    pub allowance: Arc<Allowance>,
    /// Reads dispatches.
    pub decoder: Decoder,
    /// Frames results.
    pub out: Outputs,
    /// Its settings.
    pub settings: SenderSettings,
}

/// A sender.
pub struct Sender {
    spec: StreamSpec,
    lane: Lane,
    settings: SenderSettings,
    stream: Box<dyn Stream>,
    reader: Box<dyn Reader>,
    provider: Box<dyn Provider>,
    decoder: Decoder,
    judge: Judge,
    stage: Stage,
    /// Polled and not yet looked at.
    batch: VecDeque<Record>,
    windows: Windows,
    /// Since when the hold is full, Unix milliseconds.
    hold_full_ms: Option<i64>,
    /// All partitions are paused because of it.
    shut: bool,
    /// When records were polled last, Unix milliseconds.
    polled_ms: i64,
    hold: Hold,
    flights: Flights,
    returns: Returns,
    books: Books,
    /// Since when something is booked that is not in the log, Unix milliseconds.
    booked_ms: Option<i64>,
    /// The transaction that the log was too far away to take: the same again, before anything else.
    owed: Option<Vec<Position>>,
    gate: Gate,
    lag: LagGauge,
    /// How long until rate or hands may have room again.
    rest: Duration,
    /// When the hold was last searched for what expired or met the night, Unix milliseconds.
    swept_ms: i64,
}

/// How the sender stands in its group.
enum Stage {
    /// It owns nothing.
    Outside,
    /// It was assigned partitions and has not taken them over.
    Taking(Vec<Position>),
    /// It sends.
    Sending,
    /// Its partitions are about to go: nothing leaves any more.
    Parting(Since),
}

impl Sender {
    /// Joins the log.
    pub fn new(log: &dyn Log, spec: StreamSpec, parts: SenderParts) -> Result<Self, LogError> {
        let SenderParts { lane, provider, clock, reference, night, paces, rings, allowance, decoder, out, settings } =
            parts;
        Ok(Self {
            stream: log.stream(spec.clone())?,
            reader: log.reader()?,
            spec,
            lane,
            settings,
            provider,
            decoder,
            judge: Judge { clock, reference, night, paces, allowance },
            stage: Stage::Outside,
            batch: VecDeque::new(),
            windows: Windows::default(),
            hold_full_ms: None,
            shut: false,
            polled_ms: 0,
            hold: Hold::default(),
            flights: Flights::default(),
            returns: Returns::default(),
            books: Books::new(out, rings),
            booked_ms: None,
            owed: None,
            gate: Gate::default(),
            lag: LagGauge::default(),
            rest: Duration::ZERO,
            swept_ms: i64::MIN,
        })
    }

    /// Drops what is held under an assignment that is over. Flights stay: some may be adopted by the next one.
    fn forget(&mut self) {
        self.stage = Stage::Outside;
        self.batch.clear();
        self.windows.clear();
        (self.shut, self.hold_full_ms) = (false, None);
        self.hold.clear();
        self.judge.allowance.holds(&self.spec.name, Vec::new());
        self.books.clear();
        (self.booked_ms, self.owed) = (None, None);
    }

    fn try_turn(&mut self, wait: Duration) -> Result<Progress, TurnError> {
        let mut worked = self.commit_owed()?;
        // A registry that is away keeps new records waiting, not what is held and in flight.
        let read = match self.read(wait) {
            Err(TurnError::Away(away)) => Err(away),
            read => Ok(read?),
        };
        worked |= self.launch()?;
        worked |= self.listen(wait);
        worked |= self.commit()?;
        worked |= self.part()?;
        gauge!(names::HELD, "stream" => self.spec.name.clone()).set(self.hold.records() as f64);
        worked |= read?;
        Ok(if worked { Progress::Worked } else { Progress::Idle })
    }
}

impl Worker for Sender {
    fn name(&self) -> &str {
        &self.spec.name
    }

    fn gives_way(&self) -> bool {
        self.spec.bulk()
    }

    fn turn(&mut self, wait: Duration) -> Result<Progress, Halt> {
        let turn = self.try_turn(wait);
        let Self { lag, spec, judge, stream, batch, windows, .. } = self;
        lag.tell(LAG, &spec.name, judge.now_ms(), || windows.undone(&mut **stream, batch.len()));
        let name = self.spec.name.clone();
        settle(&name, turn, wait, || self.forget())
    }

    fn finish(self: Box<Self>, limit: Duration) {
        self.finish_within(limit);
    }
}
