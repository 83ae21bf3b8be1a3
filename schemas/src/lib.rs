//! The words of IMS: records, their codec, the topic table, and the examples that all tests share.
//!
//! The .avsc files under `avro/` are the contract; the Rust types are generated from them.

pub mod avro;
mod embedded;
pub mod evolution;
pub mod examples;
pub mod json;
pub mod placement;
pub mod records;
mod resolve;
pub mod topics;
pub mod wire;
pub mod words;

pub use avro::{Avro, Borrow, DecodeError, Encode, Input, Record, Text};
pub use json::JsonError;
pub use records::*;
pub use resolve::SchemaError;
pub use topics::Topic;
pub use wire::{Schemas, WireError};
pub use words::{Api, Family, Serial, TrackId, UnknownWord};
