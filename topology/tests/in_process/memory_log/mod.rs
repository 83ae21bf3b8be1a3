//! The log in process keeps the log's contract, forgets no record that is needed, and fails as it is told.

mod faults;
mod relay;
mod retention;
mod turns;
mod waits;

use processors::ports::Clock;
use schemas::Topic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use topology::log::Log;
use topology::log::memory::{Call, MemoryLog, Settings, When};

crate::log_contract::contract!(Memory::default());

/// Short, as a test waits for it to run out; long beside the stalls of a busy machine, which it runs out in as well.
const SESSION: Duration = Duration::from_secs(3);
/// Topics of each of these sizes; the last is a cluster's.
const SIZES: [i32; 4] = [1, 2, 3, 20];

/// A log whose topics are handed out one by one, on a clock that runs or is moved by hand.
struct Memory {
    log: MemoryLog,
    unused: Mutex<Vec<(Topic, i32)>>,
    groups: AtomicUsize,
}

impl Memory {
    fn new(clock: Arc<dyn Clock>, retention_bytes: u64) -> Self {
        let topics: Vec<(Topic, i32)> = Topic::all().iter().copied().zip(SIZES.into_iter().cycle()).collect();
        let size = |topic| topics.iter().find(|(other, _)| *other == topic).map_or(0, |(_, size)| *size);
        let log = MemoryLog::new(clock, Settings { session: SESSION, retention_bytes }, size);
        Self { log, unused: Mutex::new(topics), groups: AtomicUsize::new(0) }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock), Settings::default().retention_bytes)
    }
}

impl crate::log_contract::Fixture for Memory {
    fn log(&self) -> &dyn Log {
        &self.log
    }

    fn topic(&self, partitions: i32) -> Topic {
        let mut unused = self.unused.lock().unwrap();
        let at = unused.iter().position(|(_, size)| *size == partitions).expect("a topic of that size");
        unused.remove(at).0
    }

    fn group(&self, _sources: &[Topic]) -> String {
        format!("stream-{}", self.groups.fetch_add(1, Ordering::Relaxed))
    }

    fn fail_next_commit(&self, group: &str) {
        self.log.faults().fail(group, Call::Commit, 1, When::Before);
    }

    fn session(&self) -> Duration {
        SESSION
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }
}

struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as i64
    }
}
