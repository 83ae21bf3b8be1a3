//! A Redis of one test alone, which it may kill.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// A server that ends with the test.
pub struct Redis {
    script: PathBuf,
    directory: tempfile::TempDir,
    url: String,
}

impl Redis {
    /// Starts it, or None, said once, when ./test did not say where the scripts are.
    pub fn start() -> Option<Self> {
        let Ok(dev) = std::env::var("IMS_TEST_DEV") else {
            eprintln!("IMS_TEST_DEV is not set: not tested (./test sets it)");
            return None;
        };
        let script = PathBuf::from(dev).join("redis");
        let mut redis = Self { script, directory: tempfile::tempdir().unwrap(), url: String::new() };
        let said = redis.run(&["start", "--owner", &std::process::id().to_string()]);
        let url = said.lines().find_map(|line| line.strip_prefix("REDIS_URL=")).expect("an address");
        redis.url = url.to_owned();
        Some(redis)
    }

    /// Variables of the environment with which a process keeps its claims here.
    pub fn variables(&self) -> [(&str, &str); 3] {
        [("IMS__STATE__KIND", "redis"), ("IMS__STATE__URL", &self.url), ("IMS__STATE__TIMEOUT_MS", "1000")]
    }

    /// kill -9.
    pub fn kill(&self) {
        self.run(&["kill"]);
    }

    /// The same server again, with what it held, when it answers.
    pub fn restart(&self) {
        self.run(&["restart"]);
    }

    /// The same server again, with nothing of what it held.
    pub fn restart_empty(&self) {
        self.run(&["restart", "--empty"]);
    }

    fn run(&self, arguments: &[&str]) -> String {
        let (command, rest) = arguments.split_first().unwrap();
        let mut script = Command::new(&self.script);
        script.arg(command).arg("--dir").arg(self.directory.path()).args(rest).stderr(Stdio::inherit());
        let done = script.output().unwrap();
        assert!(done.status.success(), "dev/redis {arguments:?}: {}", done.status);
        String::from_utf8(done.stdout).unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.run(&["stop"]);
    }
}
