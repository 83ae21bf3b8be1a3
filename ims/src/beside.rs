//! Work that a process does beside its streams, turn by turn.

use std::{
    io,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

/// A thread that goes on until this is dropped.
pub struct Beside {
    _stop: Sender<()>,
}

impl Beside {
    /// Takes a turn at once, and each further one as long after the last as that says.
    pub fn start(name: &str, mut turn: impl FnMut() -> Duration + Send + 'static) -> io::Result<Self> {
        let (stop, stopped) = channel();
        thread::Builder::new()
            .name(name.into())
            .spawn(move || while stopped.recv_timeout(turn()) == Err(RecvTimeoutError::Timeout) {})?;
        Ok(Self { _stop: stop })
    }
}
