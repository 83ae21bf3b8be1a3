//! What IMS promises, on real Kafka, by the program itself: docs/verification.md tells which test keeps which promise.
#![allow(clippy::print_stderr)] // a test that cannot run says so, and one that measures tells what

mod analysis;
mod bad_records;
mod brokers;
mod callbacks;
mod claims;
mod commands;
mod door;
mod kills;
mod losses;
mod mail;
mod nights;
mod opt_outs;
mod push;
mod refused;
mod registry;
mod replays;
mod smpp;
mod stops;
mod stores;
mod support;
mod thin;
mod timed;
mod wire;
mod zombie;
