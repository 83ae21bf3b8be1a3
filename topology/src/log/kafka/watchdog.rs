//! Ends the process when a call into librdkafka does not come back (librdkafka#5456): a thread that hangs inside it
//! can neither be told nor be stopped, and its partitions would stand still in silence.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Beyond its own time-out a call gets this long.
const GRACE: Duration = Duration::from_secs(30);

/// What is to be done about a call that hangs; gets the line to say.
pub type OnStuck = Arc<dyn Fn(&str) + Send + Sync>;

/// Watches calls.
pub struct Watchdog {
    calls: Arc<Mutex<Calls>>,
    grace: Duration,
}

#[derive(Default)]
struct Calls {
    next: u64,
    open: BTreeMap<u64, (Instant, String)>,
}

/// A call that is being watched, until it is dropped.
pub struct Watched<'w> {
    calls: &'w Mutex<Calls>,
    id: u64,
}

impl Watchdog {
    /// Starts to watch on a thread of its own.
    pub fn start(on_stuck: OnStuck) -> std::io::Result<Self> {
        Self::with_grace(on_stuck, GRACE)
    }

    fn with_grace(on_stuck: OnStuck, grace: Duration) -> std::io::Result<Self> {
        let calls = Arc::new(Mutex::new(Calls::default()));
        let watched = Arc::downgrade(&calls);
        let look_every = grace.min(Duration::from_secs(1));
        std::thread::Builder::new().name("kafka-watchdog".into()).spawn(move || {
            while let Some(calls) = watched.upgrade() {
                let late = {
                    let now = Instant::now();
                    let calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
                    calls.open.values().find(|(until, _)| *until < now).map(|(_, what)| what.clone())
                };
                drop(calls);
                if let Some(what) = late {
                    on_stuck(&format!("{what} hangs inside librdkafka: nothing but a restart helps"));
                    return;
                }
                std::thread::sleep(look_every);
            }
        })?;
        Ok(Self { calls, grace })
    }

    /// A call begins that should take no longer than `within`.
    pub fn watch(&self, within: Duration, what: impl FnOnce() -> String) -> Watched<'_> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let id = calls.next;
        calls.next += 1;
        calls.open.insert(id, (Instant::now() + within + self.grace, what()));
        drop(calls);
        Watched { calls: &self.calls, id }
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_call_that_hangs_is_named_and_one_that_ended_is_not() {
        let (tell, told) = mpsc::channel();
        let on_stuck: OnStuck = Arc::new(move |line: &str| drop(tell.send(line.to_owned())));
        let watchdog = Watchdog::with_grace(on_stuck, Duration::from_millis(20)).unwrap();
        drop(watchdog.watch(Duration::ZERO, || "the quick call".into()));
        let _stuck = watchdog.watch(Duration::ZERO, || "the stuck call".into());
        let line = told.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(line.starts_with("the stuck call hangs"), "{line}");
    }
}
