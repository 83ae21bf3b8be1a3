//! Waits for the end: a signal, or a worker that must stop.

use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use topology::engine::Runtime;

/// How often a worker's stop is looked for.
const LOOK: Duration = Duration::from_millis(250);

/// Returns at SIGTERM, Ctrl-C, or when a worker had to stop.
pub fn until_stopped(runtime: &Runtime) -> anyhow::Result<()> {
    until(|| runtime.stopping())
}

/// Returns at SIGTERM, Ctrl-C, or when there is another reason.
pub fn until(stopping: impl Fn() -> bool) -> anyhow::Result<()> {
    let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    waiting.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = look.tick() => if stopping() { return Ok(()) },
            }
        }
    })
}
