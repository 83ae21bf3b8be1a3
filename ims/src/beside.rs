//! Work that a process does beside its streams, turn by turn.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

/// After a turn that panicked: a defect of ours.
const AFTER_PANIC: Duration = Duration::from_secs(60);

/// A thread that goes on until this is dropped.
pub struct Beside {
    _stop: Sender<()>,
}

impl Beside {
    /// Takes a turn at once, and each further one as long after the last as that says.
    pub fn start(name: &str, mut turn: impl FnMut() -> Duration + Send + 'static) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let work = name.to_owned();
        thread::Builder::new().name(name.into()).spawn(move || {
            while stopped.recv_timeout(guarded(&work, &mut turn)) == Err(RecvTimeoutError::Timeout) {}
        })?;
        Ok(Self { _stop: stop })
    }
}

/// A turn; one that panics ends nothing but itself.
fn guarded(work: &str, turn: impl FnMut() -> Duration) -> Duration {
    catch_unwind(AssertUnwindSafe(turn)).unwrap_or_else(|_| {
        tracing::error!(work, "a turn panicked, a defect: please report it. It is taken again in a minute");
        AFTER_PANIC
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_panics_is_followed_by_others() {
        let mut turns = 0;
        let mut turn = || {
            turns += 1;
            assert_ne!(turns, 2, "a defect");
            Duration::from_secs(turns)
        };
        let said = [(); 3].map(|()| guarded("work", &mut turn).as_secs());
        assert_eq!(said, [1, AFTER_PANIC.as_secs(), 3]);
    }
}
