//! A thread for each worker, and their common end.

use super::{
    Halt, Progress, Worker,
    status::{self, Status},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
    sync::{Arc, Mutex, PoisonError},
    thread::{Builder, JoinHandle},
    time::Duration,
};

/// How long a worker waits for something to do before it looks whether it should stop: some forty of them share an idle
/// process.
const TURN: Duration = Duration::from_millis(250);

/// Workers at work.
pub struct Runtime {
    stop: Arc<AtomicBool>,
    threads: Mutex<Vec<JoinHandle<Result<(), Halt>>>>,
    finish_within: Duration,
}

impl Runtime {
    /// Starts every worker on a thread of its own. When one halts, all stop.
    pub fn start(workers: Vec<Box<dyn Worker>>, finish_within: Duration) -> std::io::Result<Self> {
        let this = Self { stop: Arc::new(AtomicBool::new(false)), threads: Mutex::default(), finish_within };
        workers.into_iter().try_for_each(|worker| this.add(worker))?;
        Ok(this)
    }

    /// Starts one more, which ends with the others.
    pub fn add(&self, worker: Box<dyn Worker>) -> std::io::Result<()> {
        status::note(worker.name(), Status::Starting);
        let (stop, finish_within) = (Arc::clone(&self.stop), self.finish_within);
        // Linux shows 15 characters of a thread's name.
        let name: String = worker.name().chars().take(15).collect();
        let thread = Builder::new().name(name).spawn(move || work(worker, &stop, finish_within))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Asks every worker to finish and leave.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Whether some worker stopped, or was asked to.
    pub fn stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Waits until all have ended; the first reason of one that had to.
    pub fn join(&self) -> Result<(), Halt> {
        let mut first = Ok(());
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let end = thread.join().unwrap_or_else(|_| Err(Halt::new("runtime", "a thread ended without a reason")));
            first = first.and(end);
        }
        first
    }
}

/// By how much the threads of bulk are nicer than the others: a third of their weight where all want the same core
/// (sched(7)), so that a code is decided on while bulk waits.
const NICER: i32 = 5;

fn work(mut worker: Box<dyn Worker>, stop: &AtomicBool, finish_within: Duration) -> Result<(), Halt> {
    // On Linux niceness is a thread's own.
    if worker.gives_way()
        && let Err(error) = rustix::process::nice(NICER)
    {
        tracing::debug!(stream = worker.name(), %error, "not nicer");
    }
    while !stop.load(Ordering::SeqCst) {
        let turn = catch_unwind(AssertUnwindSafe(|| worker.turn(TURN)));
        let halt = match turn {
            Ok(Ok(Progress::Idle | Progress::Worked)) => continue,
            Ok(Err(halt)) => halt,
            // A defect that is no single record's: the open transaction is left to be aborted, everything uncommitted is
            // taken again.
            Err(_) => Halt::new(worker.name(), "a defect made this stream panic; nothing of its batch was committed"),
        };
        tracing::error!(stream = %halt.stream, reason = %halt.reason, "stopping");
        stop.store(true, Ordering::SeqCst);
        return Err(halt);
    }
    let name = worker.name().to_owned();
    worker.finish(finish_within);
    status::note(&name, Status::Ended);
    Ok(())
}
