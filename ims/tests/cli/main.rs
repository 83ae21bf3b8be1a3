//! The command line as a caller meets it, without any server.

mod configuration;
mod documents;
mod reference;
mod refusals;
mod running;
mod stores;

use std::{
    io::Write as _,
    process::{Command, Output},
};

/// The exit codes that the help promises.
const DONE: i32 = 0;
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const AWAY: i32 = 4;
const STOPPED: i32 = 5;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ims"));
    // Nothing of the caller's environment may change the configuration under test.
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).args(arguments);
    command
}

fn ims(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}"))
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn shown(arguments: &[&str]) -> String {
    let output = ims(arguments);
    assert_eq!(code(&output), DONE, "{arguments:?}: {}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}
