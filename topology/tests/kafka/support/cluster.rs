//! Brokers of one test alone, which it may kill.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Brokers of several tests at once would be too many for two cores.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Brokers that end with the test.
pub struct Cluster {
    script: PathBuf,
    directory: tempfile::TempDir,
    pub bootstrap: String,
    _turn: MutexGuard<'static, ()>,
}

impl Cluster {
    /// Starts them, or None, said once, when ./test did not say where the scripts are.
    pub fn start(brokers: usize) -> Option<Self> {
        Self::with(brokers, &[])
    }

    /// The same with other settings, each `key=value`.
    pub fn with(brokers: usize, settings: &[&str]) -> Option<Self> {
        let Ok(dev) = std::env::var("IMS_TEST_DEV") else {
            eprintln!("IMS_TEST_DEV is not set: not tested (./test sets it)");
            return None;
        };
        let mut cluster = Self {
            script: PathBuf::from(dev).join("kafka"),
            directory: tempfile::tempdir().unwrap(),
            bootstrap: String::new(),
            _turn: ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner),
        };
        let (brokers, owner) = (brokers.to_string(), std::process::id().to_string());
        let start = ["start", "--brokers", &brokers, "--owner", &owner, "--"];
        let said = cluster.run(&[&start[..], settings].concat());
        let bootstrap = said.lines().find_map(|line| line.strip_prefix("KAFKA_BOOTSTRAP=")).expect("an address");
        cluster.bootstrap = bootstrap.to_owned();
        Some(cluster)
    }

    /// kill -9.
    pub fn kill(&self, broker: usize) {
        self.run(&["kill", "--broker", &broker.to_string()]);
    }

    /// The same broker again.
    pub fn restart(&self, broker: usize) {
        self.run(&["restart", "--broker", &broker.to_string()]);
    }

    fn run(&self, arguments: &[&str]) -> String {
        let (command, rest) = arguments.split_first().unwrap();
        let done = Command::new(&self.script)
            .arg(command)
            .arg("--dir")
            .arg(self.directory.path())
            .args(rest)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(done.status.success(), "dev/kafka {arguments:?}: {}", done.status);
        String::from_utf8(done.stdout).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.run(&["stop"]);
    }
}
