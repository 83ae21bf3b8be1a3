//! The records of the contract, generated from `avro/*.avsc`.

use crate::avro::{Borrow, DecodeError, Encode, Input, Record, Text, put_long};
use crate::json::{self, At, Fields, FromJson, JsonError};
use crate::words::UnknownWord;
use bytes::Bytes;
use serde_json::value::RawValue;

/// Stands for personal data where a record is printed.
struct Masked;

impl std::fmt::Debug for Masked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

include!(concat!(env!("OUT_DIR"), "/records.rs"));
