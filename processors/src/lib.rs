//! The decisions of IMS.
//!
//! A processor is a function of (record, what was looked up, now) and returns values. Clock, randomness and ids come
//! in as arguments; nothing here knows Kafka, a database, HTTP or a runtime.

pub mod codes;
pub mod night;
pub mod ports;
pub mod reference;
pub mod ring;
pub mod route;
