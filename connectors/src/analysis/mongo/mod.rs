//! Analysis in MongoDB: a replica set, for any number of analyzers.
//!
//! Raw events have an `_id` of their place in the log: written again they are the same. Counters, histograms and the
//! positions are moved in one transaction, the positions only from where the batch was read. Every writer adds to rows of
//! its own (`part`), for MongoDB ends one of two transactions that touch the same document.

mod reader;
mod settings;
mod setup;
mod sink;
mod store;

pub use reader::MongoAnalysis;
pub use settings::{MongoSettings, MongoSettingsError};
pub use sink::MongoSink;

/// The name of this dependency, as /health/ready tells it.
const NAME: &str = "mongodb";

/// Collections.
const OFFSETS: &str = "offsets";
const EVENTS: &str = "events";
const COUNTERS: &str = "counters";
const LATENCIES: &str = "latencies";
const ANOMALIES: &str = "anomalies";
const CALLS: &str = "calls";

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
