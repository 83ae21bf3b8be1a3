//! The chain and the log in this process: no server, and a clock that is moved.
#![allow(clippy::print_stderr)] // a test that measures tells what

mod chain;
mod flows;
mod ledger;
#[path = "../log_contract/mod.rs"]
mod log_contract;
mod memory_log;
mod sink;
mod step;
