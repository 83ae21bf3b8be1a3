//! Brokers of one test alone, which it may kill.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// Brokers that end with the test.
pub struct Cluster {
    script: PathBuf,
    directory: tempfile::TempDir,
    pub bootstrap: String,
}

impl Cluster {
    /// Starts them, or None, said once, when ./test did not say where the scripts are.
    pub fn start(brokers: usize) -> Option<Self> {
        let Ok(dev) = std::env::var("IMS_TEST_DEV") else {
            eprintln!("IMS_TEST_DEV is not set: not tested (./test sets it)");
            return None;
        };
        let script = PathBuf::from(dev).join("kafka");
        let mut cluster = Self { script, directory: tempfile::tempdir().unwrap(), bootstrap: String::new() };
        let owner = std::process::id().to_string();
        let said = cluster.run(&["start", "--brokers", &brokers.to_string(), "--owner", &owner]);
        let address = said.lines().find_map(|line| line.strip_prefix("KAFKA_BOOTSTRAP=")).expect("an address");
        cluster.bootstrap = address.to_owned();
        Some(cluster)
    }

    /// kill -9.
    pub fn kill(&self, broker: usize) {
        self.run(&["kill", "--broker", &broker.to_string()]);
    }

    /// The same broker again, when it answers.
    pub fn restart(&self, broker: usize) {
        self.run(&["restart", "--broker", &broker.to_string()]);
    }

    fn run(&self, arguments: &[&str]) -> String {
        let (command, rest) = arguments.split_first().unwrap();
        let mut script = Command::new(&self.script);
        script.arg(command).arg("--dir").arg(self.directory.path()).args(rest).stderr(Stdio::inherit());
        let done = script.output().unwrap();
        assert!(done.status.success(), "dev/kafka {arguments:?}: {}", done.status);
        String::from_utf8(done.stdout).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.run(&["stop"]);
        if std::thread::panicking() {
            self.directory.disable_cleanup(true);
            eprintln!("what the brokers wrote: {}", self.directory.path().display());
        }
    }
}
