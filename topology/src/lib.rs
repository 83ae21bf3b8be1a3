//! The graph of IMS and the engine that runs it: on Apache Kafka, or on a log in process.

pub mod assembly;
pub mod callback;
pub mod driver;
pub mod engine;
pub mod fault;
pub mod graph;
pub mod ledger;
pub mod log;
pub mod metrics;
pub mod send;
pub mod steps;
#[cfg(test)]
mod told;
