//! One file or folder for each command.

pub mod bench;
pub mod completions;
pub mod config;
pub mod demo;
pub mod health;
pub mod ledger;
pub mod replay;
pub mod run;
pub mod send;
pub mod simulate;
pub mod topics;
pub mod topology;
