//! Everything that leaves the process.

pub mod simulator;
