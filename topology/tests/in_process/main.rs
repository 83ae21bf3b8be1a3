//! The chain and the log in this process: no server, and a clock that is moved.

mod chain;
mod flows;
mod ledger;
#[path = "../log_contract/mod.rs"]
mod log_contract;
mod memory_log;
mod sink;
