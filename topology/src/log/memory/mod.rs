//! The log in process: topics, groups and transactions in memory, for the demo, a laptop, and the test driver.
//!
//! It keeps the same contract as Kafka's and differs where a single process may:
//! - It is volatile. A group without committed offsets begins at offset 0: nothing can have been lost before, and
//!   where retention has dropped what a group never read, its first poll is a loud stop.
//! - Appends of a transaction have offsets without gaps, and no reader ever waits for an open transaction.
//! - A member needs no heartbeat: the group is in the same process and knows that it lives. Only a rebalance that a
//!   member holds up for longer than a session throws it out.
//! - Dropping a stream leaves its group.

mod bell;
mod faults;
mod group;
mod layout;
mod packed;
mod partition;
mod producer;
mod reader;
mod retention;
mod state;
mod stream;

pub use faults::{Call, Faults, When};

use super::{Appender, Log, LogError, Producer, Reader, Stream, StreamSpec};
use layout::Layout;
use processors::ports::Clock;
use schemas::Topic;
use state::State;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool};
use std::time::Duration;

/// How the log in process behaves.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// A member that does not release its partitions for so long is thrown out; by the log's clock.
    pub session: Duration,
    /// Above so many bytes the oldest records that every group has consumed are dropped. What a group still has to
    /// read is never dropped, so a backlog may take more.
    pub retention_bytes: u64,
}

impl Default for Settings {
    /// A session of 10 s, as Kafka's classic one; 32 MiB, less than a second of the busiest chain: who wants to
    /// have read every record joins as a group.
    fn default() -> Self {
        Self { session: Duration::from_secs(10), retention_bytes: 32 << 20 }
    }
}

/// The log in process. Clones share it.
#[derive(Clone)]
pub struct MemoryLog {
    shared: Arc<Shared>,
}

impl MemoryLog {
    /// An empty log. `partitions` says how many each topic has; a topic of none does not exist.
    pub fn new(clock: Arc<dyn Clock>, settings: Settings, partitions: impl Fn(Topic) -> i32) -> Self {
        let layout = Layout::new(partitions);
        let state = Mutex::new(State::new(layout.len(), settings.retention_bytes));
        Self { shared: Arc::new(Shared { clock, settings, layout, state, retaining: AtomicBool::new(false) }) }
    }

    /// Bytes of the records that it holds of some topics.
    pub fn bytes(&self, is_meant: impl Fn(Topic) -> bool) -> u64 {
        let state = self.shared.lock();
        let is_meant = |at: &usize| is_meant(self.shared.layout.place(*at).topic);
        (0..state.partitions.len()).filter(is_meant).map(|at| state.partitions[at].bytes).sum()
    }

    /// Makes this log fail on purpose.
    pub fn faults(&self) -> Faults {
        Faults::new(self.shared.clone())
    }
}

impl Log for MemoryLog {
    fn stream(&self, spec: StreamSpec) -> Result<Box<dyn Stream>, LogError> {
        Ok(Box::new(stream::MemoryStream::join(self.shared.clone(), spec)?))
    }

    fn producer(&self) -> Result<Box<dyn Producer>, LogError> {
        Ok(Box::new(producer::MemoryProducer::new(self.shared.clone())))
    }

    fn appender(&self, _name: &str, _within: Duration) -> Result<Box<dyn Appender>, LogError> {
        Ok(Box::new(producer::MemoryProducer::new(self.shared.clone())))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(reader::MemoryReader::new(self.shared.clone())))
    }
}

/// What streams, producers, readers and faults of one log have in common.
struct Shared {
    clock: Arc<dyn Clock>,
    settings: Settings,
    layout: Layout,
    /// One lock for everything: a commit is atomic over partitions and offsets because it happens under it. Nothing
    /// is copied or freed under it but pointers, so it is held for microseconds.
    state: Mutex<State>,
    /// Whether some thread is dropping old records; one is enough.
    retaining: AtomicBool,
}

impl Shared {
    /// Does something under the lock, then wakes whom it concerns.
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = act(&mut state);
        let bells = state.take_bells();
        drop(state);
        for bell in bells {
            bell.ring();
        }
        result
    }

    /// As [`Self::with`], unless the log is away.
    fn reach<T>(&self, act: impl FnOnce(&mut State) -> Result<T, LogError>) -> Result<T, LogError> {
        self.with(|state| match state.away {
            true => Err(LogError::Away("the log in process was told to be away".to_owned())),
            false => act(state),
        })
    }

    /// As [`Self::reach`], for what appends: old records go afterwards when it is time.
    fn append<T>(&self, act: impl FnOnce(&mut State) -> Result<T, LogError>) -> Result<T, LogError> {
        let mut too_large = false;
        let result = self.reach(|state| {
            let result = act(state);
            too_large = state.bytes > state.drop_above;
            result
        });
        if too_large {
            retention::retain(self);
        }
        result
    }

    fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked while it held the lock was about to panic on a bug of ours; the others go on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
