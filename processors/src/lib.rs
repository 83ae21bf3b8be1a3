//! The decisions of IMS.
//!
//! A processor is a function of (record, what was looked up, now) and returns values. Clock, randomness and ids come
//! in as arguments; nothing here knows Kafka, a database, HTTP or a runtime.

pub mod access;
pub mod anomaly;
pub mod breaker;
pub mod callback;
pub mod center;
pub mod codes;
#[cfg(test)]
mod fixtures;
pub mod histogram;
pub mod ingest;
pub mod korea;
pub mod law;
pub mod night;
pub mod outcome;
pub mod ports;
pub mod push;
pub mod reference;
pub mod refusal;
pub mod rest;
pub mod retry;
pub mod ring;
pub mod route;
pub mod rules;
pub mod seldom;
pub mod standing;
pub mod stops;
