//! One request after the other, each with everything that will ever come of it.

use connectors::simulator::{Simulator, SimulatorSettings};
use processors::ports::{Clock, Provider, Receipt, Receipts, Reply, Request};
use schemas::Dispatch;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use super::steps::Step;

/// Later than anything that is due, and far enough from the last number to add to.
const FAR: i64 = i64::MAX / 2;

/// The simulator and the clock that moves it.
pub struct Play {
    clock: Arc<Moved>,
    provider: Box<dyn Provider>,
    receipts: Box<dyn Receipts>,
}

/// What came of a request; times in milliseconds after the start.
pub struct Played {
    /// When the answer came, or was given up.
    pub answered_ms: i64,
    /// The answer.
    pub reply: Reply,
    /// The receipts, earliest first.
    pub receipts: Vec<Receipt>,
}

#[derive(Default)]
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Play {
    /// Opens the simulator; its time starts at 0.
    pub fn open(settings: SimulatorSettings) -> io::Result<Self> {
        let clock = Arc::new(Moved::default());
        let simulator = Simulator::open(settings, Arc::clone(&clock) as Arc<dyn Clock>)?;
        Ok(Self { clock, provider: simulator.provider(), receipts: simulator.receipts() })
    }

    /// Sends a request at its time, then looks at the end of all times for what came of it: of nothing else can
    /// anything be there, so that a receipt is this attempt's even when its serial number was used before.
    pub fn request(&mut self, step: &Step) -> Played {
        let dispatch =
            Dispatch { serial_number: step.serial_number.clone(), attempt: step.attempt, ..Dispatch::default() };
        self.clock.0.store(step.after_ms, Ordering::SeqCst);
        self.provider.submit(Request { ticket: 0, dispatch: Arc::new(dispatch), vendor: Arc::clone(&step.vendor) });
        self.clock.0.store(FAR, Ordering::SeqCst);
        let (mut answers, mut receipts) = (Vec::new(), Vec::new());
        self.provider.answers(Duration::ZERO, &mut answers);
        self.receipts.take(Duration::ZERO, &mut receipts);
        self.receipts.confirm();
        match answers.pop() {
            Some(answer) => Played { answered_ms: answer.at_ms, reply: answer.reply, receipts },
            // The simulator answers each request; without an answer the vendor gave none.
            None => Played { answered_ms: step.after_ms, reply: Reply::NoAnswer(String::new()), receipts },
        }
    }
}
