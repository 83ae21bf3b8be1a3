//! Confluent framing: a zero byte, the schema's id as four bytes big-endian, the Avro datum.
//!
//! Records written with this program's own schemas are decoded as they are. Records written with another version are
//! first brought to ours by Avro's resolution rules, then decoded like any other.

use crate::avro::{Borrow, DecodeError, Input, Record};
use crate::embedded;
use crate::resolve::{self, Reading, SchemaError};
use crate::topics::Topic;
use rustc_hash::FxHashMap;
use std::{borrow::Cow, sync::RwLock};

/// Bytes before the datum.
pub const FRAME_BYTES: usize = 5;

/// Why a value cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A tombstone or an empty value where a record belongs.
    #[error("the value is empty: a {record} in Confluent framing belongs here")]
    Empty {
        /// The record expected.
        record: &'static str,
    },
    /// Not Confluent framing.
    #[error(
        "the value starts with {got:#04x} instead of the magic byte 0x00: write Confluent framing (0, schema id, Avro)"
    )]
    Magic {
        /// The first byte.
        got: u8,
    },
    /// Fewer than five bytes.
    #[error("the value has {got} bytes, Confluent framing alone has 5")]
    Short {
        /// Its length.
        got: usize,
    },
    /// No schema with this id is known here: ask the registry, then try again.
    #[error("schema id {id} is not known: register the schema, then replay this record")]
    UnknownId {
        /// The id in the frame.
        id: u32,
    },
    /// The schema of this id cannot be resolved to the record.
    #[error("schema id {id} is no {record}: {reason}")]
    OtherRecord {
        /// The id in the frame.
        id: u32,
        /// The record expected.
        record: &'static str,
        /// What the resolution says.
        reason: String,
    },
    /// The datum is not what its schema says.
    #[error("not a {record}: {cause}")]
    Datum {
        /// The record expected.
        record: &'static str,
        /// What is wrong.
        cause: DecodeError,
    },
}

/// The schema ids in use: what is written with which id, and what foreign ids mean.
#[derive(Debug)]
pub struct Schemas {
    /// Record name → id that this process writes and reads without resolution.
    own: FxHashMap<&'static str, u32>,
    known: RwLock<FxHashMap<u32, Reading>>,
}

impl Schemas {
    /// Fixed ids for a system without a registry, one for each version of a record; [`Self::version`] knows them all.
    pub fn embedded() -> Self {
        let ids = Self::records().into_iter().filter_map(|(record, _)| Some((record, embedded::id(record)?)));
        Self::with_ids(ids.collect())
    }

    /// The text of the schema that a program without a registry writes with this id, or wrote with it.
    pub fn version(id: u32) -> Option<&'static str> {
        embedded::text(id)
    }

    /// Ids that a registry gave to this program's own schemas, by record name.
    pub fn with_ids(own: FxHashMap<&'static str, u32>) -> Self {
        let known = own.iter().map(|(record, id)| (*id, Reading::Same(record))).collect();
        Self { own, known: RwLock::new(known) }
    }

    /// Every record that stands in a topic, with its schema, in the order of the table, each once.
    pub fn records() -> Vec<(&'static str, &'static str)> {
        let mut records: Vec<(&str, &str)> = Vec::new();
        for topic in Topic::all() {
            if let (Some(name), Some(schema)) = (topic.record(), topic.schema())
                && records.iter().all(|(known, _)| *known != name)
            {
                records.push((name, schema));
            }
        }
        records
    }

    /// Learns what a foreign id means, from the registry's text.
    ///
    /// A schema that is none, or that no record of ours can be read from, is learnt as such: a registry's id never
    /// changes its meaning, so its data are refused without asking again. The error is for the log.
    pub fn learn(&self, id: u32, schema: &str) -> Result<(), SchemaError> {
        let (reading, learnt) = match resolve::reading(schema) {
            Ok(reading) => (reading, Ok(())),
            Err(error) => (Reading::Unreadable(error.clone()), Err(error)),
        };
        self.known.write().unwrap_or_else(|e| e.into_inner()).insert(id, reading);
        learnt
    }

    /// The id that this process writes for a record.
    ///
    /// # Panics
    /// When the record stands in no topic: a programming mistake.
    pub fn id_of<R: Record>(&self) -> u32 {
        self.own[R::NAME]
    }

    /// Starts a value: the frame of `R`.
    pub fn frame<R: Record>(&self, out: &mut Vec<u8>) {
        out.push(0);
        out.extend_from_slice(&self.id_of::<R>().to_be_bytes());
    }

    /// A whole value.
    pub fn encode<R: Record>(&self, record: &R) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.frame::<R>(&mut out);
        record.encode(&mut out);
        out
    }

    /// A whole value, read.
    pub fn decode<R: Record>(&self, value: &[u8]) -> Result<R, WireError> {
        whole::<R, R>(&self.datum::<R>(value)?)
    }

    /// The datum of `R` in a value, in this program's own schema: borrowed when the writer's is the same.
    pub fn datum<'v, R: Record>(&self, value: &'v [u8]) -> Result<Cow<'v, [u8]>, WireError> {
        let (id, datum) = unframe(value, R::NAME)?;
        if self.own.get(R::NAME) == Some(&id) {
            return Ok(Cow::Borrowed(datum));
        }
        let reading = self.known.read().unwrap_or_else(|e| e.into_inner()).get(&id).cloned();
        let other = |reason| Err(WireError::OtherRecord { id, record: R::NAME, reason });
        match reading {
            None => Err(WireError::UnknownId { id }),
            Some(Reading::Unreadable(reason)) => other(reason.to_string()),
            Some(Reading::Same(record) | Reading::Resolved(record, _)) if record != R::NAME => {
                other(format!("it is a {record}"))
            }
            Some(Reading::Same(_)) => Ok(Cow::Borrowed(datum)),
            Some(Reading::Resolved(_, resolution)) => {
                resolution.apply(datum).map(Cow::Owned).map_err(|cause| WireError::Datum { record: R::NAME, cause })
            }
        }
    }
}

/// A datum of `R` in this program's own schema, read to its end; as a type that may borrow from it.
pub fn whole<'d, R: Record, T: Borrow<'d>>(datum: &'d [u8]) -> Result<T, WireError> {
    let mut input = Input::new(datum);
    T::borrow(&mut input)
        .and_then(|record| input.finish().map(|()| record))
        .map_err(|cause| WireError::Datum { record: R::NAME, cause })
}

/// Splits a framed value into its schema id and datum.
pub fn unframe<'v>(value: &'v [u8], record: &'static str) -> Result<(u32, &'v [u8]), WireError> {
    match value {
        [] => Err(WireError::Empty { record }),
        [0, a, b, c, d, datum @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), datum)),
        [0, ..] => Err(WireError::Short { got: value.len() }),
        [got, ..] => Err(WireError::Magic { got: *got }),
    }
}
