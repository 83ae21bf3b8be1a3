//! A MongoDB of one test alone, which it may kill.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// A replica set of one member that ends with the test.
pub struct MongoDb {
    script: PathBuf,
    directory: tempfile::TempDir,
    url: String,
}

impl MongoDb {
    /// Starts it, or None, said once, when ./test did not say where the scripts are.
    pub fn start() -> Option<Self> {
        let Ok(dev) = std::env::var("IMS_TEST_DEV") else {
            eprintln!("IMS_TEST_DEV is not set: not tested (./test sets it)");
            return None;
        };
        let script = PathBuf::from(dev).join("mongodb");
        let mut mongodb = Self { script, directory: tempfile::tempdir().unwrap(), url: String::new() };
        let said = mongodb.run(&["start", "--owner", &std::process::id().to_string()]);
        let url = said.lines().find_map(|line| line.strip_prefix("MONGODB_URL=")).expect("an address");
        mongodb.url = url.to_owned();
        Some(mongodb)
    }

    /// Variables of the environment with which a process keeps its analysis here.
    pub fn variables(&self) -> [(&str, &str); 2] {
        [("IMS__ANALYSIS__KIND", "mongodb"), ("IMS__ANALYSIS__URL", &self.url)]
    }

    /// Its password, which nobody is to read.
    pub fn password(&self) -> &str {
        self.url.split(['@', ':']).nth(2).expect("a password")
    }

    /// kill -9.
    pub fn kill(&self) {
        self.run(&["kill"]);
    }

    /// The same member again, with what it held, when it is the primary.
    pub fn restart(&self) {
        self.run(&["restart"]);
    }

    fn run(&self, arguments: &[&str]) -> String {
        let (command, rest) = arguments.split_first().unwrap();
        let mut script = Command::new(&self.script);
        script.arg(command).arg("--dir").arg(self.directory.path()).args(rest).stderr(Stdio::inherit());
        let done = script.output().unwrap();
        assert!(done.status.success(), "dev/mongodb {arguments:?}: {}", done.status);
        String::from_utf8(done.stdout).unwrap()
    }
}

impl Drop for MongoDb {
    fn drop(&mut self) {
        self.run(&["stop"]);
    }
}
