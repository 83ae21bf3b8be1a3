//! Records that were written with another version of their schema become ours, by Avro's resolution rules.
//!
//! Ours and not apache-avro's, because records come from anyone: its reader (0.22) takes a text or union that is cut off
//! at the end for null, reserves up to 512 MiB when a length says so, follows recursive types as deep as the data goes,
//! and costs some 15 µs a record, which after the first new version of a schema would be every record of every producer.

mod plan;
mod shape;

use crate::avro::{DecodeError, Input};
use plan::Plan;
use rustc_hash::FxHashMap;
use shape::Shape;
use std::sync::{Arc, LazyLock};

/// Why a schema is no schema, or none that our record can be read from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(String);

/// What a schema of somebody else's is to us.
#[derive(Debug, Clone)]
pub(crate) enum Reading {
    /// The same bytes as this record's own schema.
    Same(&'static str),
    /// This record, written otherwise.
    Resolved(&'static str, Resolution),
    /// Nothing that we read; why.
    Unreadable(SchemaError),
}

/// Turns data of one foreign schema into data of ours.
#[derive(Debug, Clone)]
pub(crate) struct Resolution(Arc<Plan>);

/// Our own records by name.
static OURS: LazyLock<FxHashMap<&'static str, Arc<Shape>>> = LazyLock::new(|| {
    let shape = |(record, schema)| Shape::parse(schema).ok().map(|shape| (record, shape));
    crate::Schemas::records().into_iter().filter_map(shape).collect()
});

/// What data of this schema are to us.
pub(crate) fn reading(schema: &str) -> Result<Reading, SchemaError> {
    let theirs = Shape::parse(schema)?;
    let Shape::Record { name, .. } = &*theirs else {
        return Ok(Reading::Unreadable(SchemaError("it is no record".into())));
    };
    let Some((record, ours)) = OURS.get_key_value(name.as_str()) else {
        return Ok(Reading::Unreadable(SchemaError(format!("it is a {name:.40}"))));
    };
    Ok(match Plan::new(&theirs, ours) {
        Ok(Plan::Verbatim(_)) => Reading::Same(record),
        Ok(plan) => Reading::Resolved(record, Resolution(Arc::new(plan))),
        Err(reason) => Reading::Unreadable(reason),
    })
}

impl Resolution {
    /// A whole datum of theirs as one of ours.
    pub(crate) fn apply(&self, datum: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut input = Input::new(datum);
        let mut out = Vec::with_capacity(datum.len() + 64);
        self.0.run(&mut input, &mut out)?;
        input.finish()?;
        Ok(out)
    }
}
