//! Waits for the end: a signal, or a thread that must stop.

use crate::{exit::Exit, http::Door};
use std::{io, process, thread, time::Duration};
use tokio::signal::unix::{Signal, SignalKind, signal};
use topology::engine::Runtime;

/// How often a thread's stop is looked for.
const LOOK: Duration = Duration::from_millis(250);

/// Returns at SIGTERM, Ctrl-C, or when a worker had to stop or the door has ended by itself.
pub fn until_stopped(runtime: &Runtime, door: Option<&Door>) -> anyhow::Result<()> {
    until(|| runtime.stopping() || door.is_some_and(Door::has_ended))
}

/// Returns at SIGTERM, Ctrl-C, or when there is another reason. From then on what is under way has its time: the second
/// signal ends the process at once.
pub fn until(stopping: impl Fn() -> bool) -> anyhow::Result<()> {
    let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut signals, was_told) = waiting.block_on(async {
        let mut signals = Signals::new()?;
        let mut look = tokio::time::interval(LOOK);
        let was_told = loop {
            tokio::select! {
                _ = signals.next() => break true,
                _ = look.tick() => if stopping() { break false },
            }
        };
        io::Result::Ok((signals, was_told))
    })?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        let exit = waiting.block_on(async {
            // Whoever is told of a process that stops by itself says so once.
            if !was_told {
                signals.next().await;
            }
            signals.next().await
        });
        tracing::warn!("told twice to stop: it ends at once, what it has not finished is taken up by the next owner");
        process::exit(exit as i32);
    })?;
    Ok(())
}

/// SIGTERM and Ctrl-C.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next of them, as the end of a process.
    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.terminate.recv() => Exit::Terminated,
            _ = self.interrupt.recv() => Exit::Interrupted,
        }
    }
}
