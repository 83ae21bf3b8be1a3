//! Reading values: our own schemas at once, others learned from the registry while running.

use processors::ports::{Away, SchemaSource};
use schemas::{Record as Schema, Schemas, WireError};
use std::{borrow::Cow, sync::Arc};

/// Reads framed values.
#[derive(Clone)]
pub struct Decoder {
    schemas: Arc<Schemas>,
    source: Arc<dyn SchemaSource>,
}

impl Decoder {
    /// Reads with these schemas, asks this source for ids that they lack.
    pub fn new(schemas: Arc<Schemas>, source: Arc<dyn SchemaSource>) -> Self {
        Self { schemas, source }
    }

    /// The schema ids in use.
    pub fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// A whole record. The inner error is final for these bytes as things stand: they belong into the DLQ.
    pub fn decode<R: Schema>(&self, value: Option<&[u8]>) -> Result<Result<R, WireError>, Away> {
        let value = value.unwrap_or_default();
        match self.schemas.decode::<R>(value) {
            Err(WireError::UnknownId { id }) if self.learn(id)? => Ok(self.schemas.decode::<R>(value)),
            read => Ok(read),
        }
    }

    /// The datum of a record in our own schema, for views.
    pub fn datum<'v, R: Schema>(&self, value: Option<&'v [u8]>) -> Result<Result<Cow<'v, [u8]>, WireError>, Away> {
        let value = value.unwrap_or_default();
        match self.schemas.datum::<R>(value) {
            Err(WireError::UnknownId { id }) if self.learn(id)? => Ok(self.schemas.datum::<R>(value)),
            read => Ok(read),
        }
    }

    /// Whether the registry knew the id, and we now do.
    fn learn(&self, id: u32) -> Result<bool, Away> {
        let Some(text) = self.source.schema(id)? else { return Ok(false) };
        match self.schemas.learn(id, &text) {
            Ok(()) => Ok(true),
            Err(error) => {
                tracing::warn!(schema_id = id, %error, "the registry's schema cannot be read: its records become dead letters");
                Ok(false)
            }
        }
    }
}
