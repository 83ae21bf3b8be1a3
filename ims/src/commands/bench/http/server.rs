//! The process that is measured.

use crate::{
    commands::bench::{chain::program, usage::Process},
    config::Config,
};
use anyhow::{Context, ensure};
use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Child,
    thread,
    time::{Duration, Instant},
};

/// Longest wait for a process that has just been started.
const START_WITHIN: Duration = Duration::from_secs(60);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A server; it ends with this.
pub struct Server {
    child: Child,
    address: SocketAddr,
}

/// Makes the topics.
pub fn make_topics(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let made = program(config, folder)?(&["topics", "create"]).status()?;
    ensure!(made.success(), "`ims topics create` ended with {made}");
    Ok(())
}

impl Server {
    /// Starts it with these arguments and waits until it takes connections.
    pub fn start(config: &mut Config, folder: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        // Free a moment ago; the process says so should somebody else have taken it.
        let free = || TcpListener::bind("127.0.0.1:0")?.local_addr();
        let address = free().context("a free port")?;
        config.http.listen = address.to_string();
        config.admin.listen = String::new();
        let mut server = Self { child: program(config, folder)?(arguments).spawn()?, address };
        let until = Instant::now() + START_WITHIN;
        while TcpStream::connect(address).is_err() {
            if let Some(ended) = server.child.try_wait()? {
                anyhow::bail!("`ims {}` ended with {ended}", arguments.join(" "));
            }
            ensure!(Instant::now() < until, "`ims {}` takes no connection", arguments.join(" "));
            thread::sleep(LOOK);
        }
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process.
    pub fn process(&self) -> Process {
        Process::Child(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
