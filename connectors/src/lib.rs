//! Everything that leaves the process: claims, history, reports, callbacks, analysis, reference data, the schema registry.
//!
//! Each concern is a folder that serves a port of `processors`. What blocks says so: call it from a thread of its own,
//! never from inside an async runtime.

pub mod analysis;
pub mod callback;
pub mod cipher;
pub mod claims;
pub mod desk;
pub mod dial;
pub mod files;
pub mod history;
pub mod pending;
pub mod redis;
pub mod reference;
pub mod registry;
pub mod reports;
pub mod simulator;
pub mod sql;
#[cfg(test)]
mod testing;
mod threads;
pub mod tls;
pub mod unsubscribe;
pub mod vendors;
pub mod watched;
