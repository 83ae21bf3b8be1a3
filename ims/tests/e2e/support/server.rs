//! A server of one test alone, started, killed and stopped by its script in dev/.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What a script of dev/ has started; it ends with the test.
pub struct Server {
    script: PathBuf,
    directory: tempfile::TempDir,
    address: String,
}

impl Server {
    /// Starts it with these arguments, or None, said once, when ./test did not say where the scripts are. Its address is
    /// what the script says of `variable`.
    pub fn start(script: &str, arguments: &[&str], variable: &str) -> Option<Self> {
        let Ok(dev) = std::env::var("IMS_TEST_DEV") else {
            eprintln!("IMS_TEST_DEV is not set: not tested (./test sets it)");
            return None;
        };
        let script = PathBuf::from(dev).join(script);
        let mut server = Self { script, directory: tempfile::tempdir().unwrap(), address: String::new() };
        let owner = std::process::id().to_string();
        let said = server.run(&[&["start", "--owner", &owner], arguments].concat());
        let mut pairs = said.lines().filter_map(|line| line.split_once('='));
        server.address = pairs.find(|(name, _)| *name == variable).expect("an address").1.to_owned();
        Some(server)
    }

    /// Where it is.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Lets its files lie.
    pub fn keep_files(&mut self) {
        self.directory.disable_cleanup(true);
    }

    /// Runs a command of the script, which must succeed; what it said.
    pub fn run(&self, arguments: &[&str]) -> String {
        let (command, rest) = arguments.split_first().unwrap();
        let mut script = Command::new(&self.script);
        script.arg(command).arg("--dir").arg(self.directory.path()).args(rest).stderr(Stdio::inherit());
        let done = script.output().unwrap();
        assert!(done.status.success(), "{} {arguments:?}: {}", self.script.display(), done.status);
        String::from_utf8(done.stdout).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run(&["stop"]);
    }
}
