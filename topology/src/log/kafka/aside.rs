//! Calls that may not come back, made on a thread that can be left behind.

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use std::{
    io,
    thread::Builder,
    time::{Duration, Instant},
};

type Job = Box<dyn FnOnce() + Send>;

/// How often it is asked whether to give up.
const LOOK: Duration = Duration::from_millis(100);

/// A thread for calls that may hang. It ends with its owner, or when the call that hangs comes back after all.
pub struct Aside {
    jobs: Sender<Job>,
}

impl Aside {
    /// Starts the thread.
    pub fn start(name: &str) -> io::Result<Self> {
        let (jobs, waiting) = bounded::<Job>(1);
        // Linux shows 15 characters of a thread's name.
        let name = name.chars().take(15).collect();
        Builder::new().name(name).spawn(move || waiting.iter().for_each(|job| job()))?;
        Ok(Self { jobs })
    }

    /// Makes a call; None when it has not come back in time, or was given up. Then this thread is of no more use.
    pub fn call<T: Send + 'static>(
        &self,
        within: Duration,
        call: impl FnOnce() -> T + Send + 'static,
        give_up: impl Fn() -> bool,
    ) -> Option<T> {
        let (answer, answered) = bounded(1);
        // Nobody may be waiting any more when it comes back.
        let job = Box::new(move || drop(answer.send(call())));
        let deadline = Instant::now() + within;
        self.jobs.send_timeout(job, within).ok()?;
        loop {
            match answered.recv_timeout(LOOK.min(within)) {
                Ok(answer) => return Some(answer),
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline && !give_up() => {}
                Err(_) => return None,
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
        let aside = Aside::start("aside").unwrap();
        let (long, never) = (Duration::from_secs(10), || false);
        assert_eq!(aside.call(long, || 7, never), Some(7));
        assert_eq!(aside.call(long, move || wait.recv().is_ok(), || true), None);
        assert_eq!(aside.call(Duration::from_millis(1), || 8, never), None, "the thread hangs still");
        release.send(()).unwrap();
    }
}
