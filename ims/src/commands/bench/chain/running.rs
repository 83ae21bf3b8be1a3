//! A process of this program that a bench watches from outside.

use crate::{commands::bench::usage::Process, commands::running::ask};
use anyhow::ensure;
use std::{
    net::TcpListener,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

/// How often a process is looked at.
pub const LOOK: Duration = Duration::from_millis(100);
/// Longest wait for a process that has just been started.
const START_WITHIN: Duration = Duration::from_secs(120);

/// An address of loopback whose port was free a moment ago; a process says so should somebody else have taken it.
pub fn free_address() -> std::io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// A process, which ends with this.
pub struct Running {
    child: Child,
    listen: String,
}

impl Running {
    /// Starts `ims run` whose admin port is this, and waits until each stream works.
    pub fn start(mut command: Command, listen: &str) -> anyhow::Result<Self> {
        let mut this = Self { child: command.spawn()?, listen: listen.to_owned() };
        let until = Instant::now() + START_WITHIN;
        while !this.page("/health/ready")?.is_some_and(|page| page.contains(" 200 ")) {
            ensure!(Instant::now() < until, "`ims run` is not ready after {} s", START_WITHIN.as_secs());
            thread::sleep(LOOK);
        }
        Ok(this)
    }

    /// The process, to be measured.
    pub fn process(&self) -> Process {
        Process::Child(self.child.id())
    }

    /// A page of the process; None while it does not answer.
    pub fn page(&mut self, path: &str) -> anyhow::Result<Option<String>> {
        if let Some(ended) = self.child.try_wait()? {
            anyhow::bail!("`ims run` ended with {ended}");
        }
        Ok(ask(&self.listen, "GET", path).ok())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
