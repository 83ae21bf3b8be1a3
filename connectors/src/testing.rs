//! Servers of a test's own, by the scripts of dev/, and what servers inside a test share.

#![allow(clippy::print_stderr, reason = "a test that needs a server says that it had none")]

use std::{
    io::Read as _,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

/// What a script has started; it ends with the test.
pub(crate) struct Script {
    path: PathBuf,
    folder: tempfile::TempDir,
}

impl Script {
    /// Starts it, with what it says of itself; None where no script is to be had, which is said.
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Option<(Self, String)> {
        let Some(dev) = std::env::var_os("IMS_TEST_DEV") else {
            eprintln!("not tested: IMS_TEST_DEV names no folder of scripts that start servers (./test sets it)");
            return None;
        };
        let script = Self { path: PathBuf::from(dev).join(name), folder: tempfile::tempdir().unwrap() };
        let said = script.run("start", arguments);
        Some((script, said))
    }

    /// Its files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command of the script, which must succeed; what it said.
    pub(crate) fn run(&self, command: &str, arguments: &[&str]) -> String {
        let mut script = Command::new(&self.path);
        let done = script.arg(command).arg("--dir").arg(self.folder.path()).args(arguments).output().unwrap();
        let path = self.path.display();
        assert!(done.status.success(), "{path} {command}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.run("stop", &[]);
    }
}

/// The variables that a script says, `NAME=value` each.
pub(crate) fn variables(said: &str) -> impl Iterator<Item = (&str, &str)> {
    said.lines().filter_map(|line| line.split_once('='))
}

/// One of them.
///
/// # Panics
/// When it is not said.
pub(crate) fn variable(said: &str, name: &str) -> String {
    let found = variables(said).find(|(said, _)| *said == name);
    found.unwrap_or_else(|| panic!("no {name} in {said}")).1.to_owned()
}

/// The whole of one HTTP request; None: the connection has ended.
pub(crate) fn read_request(stream: &mut TcpStream) -> Option<String> {
    let (mut bytes, mut some) = (Vec::new(), [0; 4_096]);
    loop {
        let count = stream.read(&mut some).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&some[..count]);
        let text = String::from_utf8(bytes.clone()).ok()?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0usize) {
            return Some(text);
        }
    }
}

/// The lines of the log that one module says, down to information: their messages, and why.
#[derive(Clone)]
pub(crate) struct Lines {
    module: &'static str,
    told: Arc<Mutex<Vec<String>>>,
}

impl Lines {
    /// Of a module, by a part of its path.
    pub(crate) fn of(module: &'static str) -> Self {
        Self { module, told: Arc::default() }
    }

    /// What was said so far.
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

impl tracing::field::Visit for Lines {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        if matches!(field.name(), "message" | "why") {
            self.told.lock().unwrap().push(format!("{value:?}"));
        }
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().contains(self.module) && *metadata.level() <= tracing::Level::INFO
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
