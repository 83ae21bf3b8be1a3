//! One file or folder for each command.

pub mod analyze;
pub mod bench;
pub mod completions;
pub mod config;
pub mod demo;
mod follow;
pub mod health;
pub mod ledger;
pub mod migrate;
pub mod openapi;
pub mod reference;
pub mod replay;
pub mod report;
pub mod run;
pub mod schemas;
pub mod send;
pub mod simulate;
pub mod topics;
pub mod topology;
pub mod vendor;
