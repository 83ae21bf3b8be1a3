//! Calls that may not come back, made on a thread that can be left behind.

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use std::{
    cell::OnceCell,
    io,
    thread::Builder,
    time::{Duration, Instant},
};

type Job = Box<dyn FnOnce() + Send>;

/// How often it is asked whether to give up.
const LOOK: Duration = Duration::from_millis(100);

/// A thread for calls that may hang, started by the first one. It ends with its owner, or when the call that hangs comes
/// back after all.
pub struct Aside {
    name: String,
    jobs: OnceCell<Sender<Job>>,
}

impl Aside {
    /// Linux shows 15 characters of the name.
    pub fn new(name: &str) -> Self {
        Self { name: name.chars().take(15).collect(), jobs: OnceCell::new() }
    }

    fn jobs(&self) -> io::Result<&Sender<Job>> {
        if let Some(jobs) = self.jobs.get() {
            return Ok(jobs);
        }
        let (jobs, waiting) = bounded::<Job>(1);
        Builder::new().name(self.name.clone()).spawn(move || waiting.iter().for_each(|job| job()))?;
        Ok(self.jobs.get_or_init(|| jobs))
    }

    /// Makes a call; None when it has not come back in time, or was given up. Then this thread is of no more use. An
    /// error when there is no thread to be had: the call was not made.
    pub fn call<T: Send + 'static>(
        &self,
        within: Duration,
        call: impl FnOnce() -> T + Send + 'static,
        give_up: impl Fn() -> bool,
    ) -> io::Result<Option<T>> {
        let (answer, answered) = bounded(1);
        // Nobody may be waiting any more when it comes back.
        let job = Box::new(move || drop(answer.send(call())));
        let deadline = Instant::now() + within;
        if self.jobs()?.send_timeout(job, within).is_err() {
            return Ok(None);
        }
        loop {
            match answered.recv_timeout(LOOK.min(within)) {
                Ok(answer) => return Ok(Some(answer)),
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline && !give_up() => {}
                Err(_) => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_hangs_is_left_behind() {
        let (release, wait) = bounded::<()>(1);
        let aside = Aside::new("aside");
        let (long, never) = (Duration::from_secs(10), || false);
        assert_eq!(aside.call(long, || 7, never).unwrap(), Some(7));
        assert_eq!(aside.call(long, move || wait.recv().is_ok(), || true).unwrap(), None);
        assert_eq!(aside.call(Duration::from_millis(1), || 8, never).unwrap(), None, "the thread hangs still");
        release.send(()).unwrap();
    }
}
