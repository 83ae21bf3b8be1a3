//! Reading values: our own schemas at once, others learned from the registry while running.

use processors::ports::{Away, SchemaSource};
use schemas::{Record as Schema, Schemas, Topic, WireError};
use std::{borrow::Cow, sync::Arc};

/// Reads framed values.
#[derive(Clone)]
pub struct Decoder {
    schemas: Arc<Schemas>,
    source: Arc<dyn SchemaSource>,
    foreign: Option<Topic>,
}

impl Decoder {
    /// Reads with these schemas, asks this source for ids that they lack.
    pub fn new(schemas: Arc<Schemas>, source: Arc<dyn SchemaSource>) -> Self {
        Self { schemas, source, foreign: None }
    }

    /// The same for records of a topic that producers of others write.
    pub fn of_foreign(self, topic: Topic) -> Self {
        Self { foreign: Some(topic), ..self }
    }

    /// The schema ids in use.
    pub fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// A whole record. The inner error is final for these bytes as things stand: they belong into the DLQ.
    pub fn decode<R: Schema>(&self, value: Option<&[u8]>) -> Result<Result<R, WireError>, Away> {
        let value = value.unwrap_or_default();
        match self.schemas.decode::<R>(value) {
            Err(WireError::UnknownId { id }) if self.ask(id)? => Ok(self.schemas.decode::<R>(value)),
            read => Ok(read),
        }
    }

    /// The datum of a record in our own schema, for views.
    pub fn datum<'v, R: Schema>(&self, value: Option<&'v [u8]>) -> Result<Result<Cow<'v, [u8]>, WireError>, Away> {
        let value = value.unwrap_or_default();
        match self.schemas.datum::<R>(value) {
            Err(WireError::UnknownId { id }) if self.ask(id)? => Ok(self.schemas.datum::<R>(value)),
            read => Ok(read),
        }
    }

    /// Whether the registry knew the id: then we know what it is now, be it nothing that we can read.
    fn ask(&self, id: u32) -> Result<bool, Away> {
        let Some(text) = self.source.schema(id, self.foreign)? else { return Ok(false) };
        if let Err(error) = self.schemas.learn(id, &text) {
            tracing::warn!(schema_id = id, %error, "the registry's schema cannot be read: its records become dead letters");
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Report, SendRequest, examples};
    use std::sync::atomic::{AtomicUsize, Ordering};

    const FOREIGN: u32 = 4711;

    /// A registry that knows one schema, and counts how often it was asked.
    struct Registry(Option<&'static str>, AtomicUsize);

    impl SchemaSource for Registry {
        fn schema(&self, id: u32, _foreign: Option<Topic>) -> Result<Option<String>, Away> {
            self.1.fetch_add(1, Ordering::SeqCst);
            Ok(self.0.filter(|_| id == FOREIGN).map(str::to_owned))
        }
    }

    /// What two readings of a request say whose writer's schema is this one, and how often the registry was asked.
    fn read(schema: Option<&'static str>) -> (Result<SendRequest, WireError>, usize) {
        let registry = Arc::new(Registry(schema, AtomicUsize::new(0)));
        let decoder = Decoder::new(Arc::new(Schemas::embedded()), Arc::clone(&registry) as Arc<dyn SchemaSource>);
        let mut value = decoder.schemas().encode(&examples::request("at"));
        value[1..5].copy_from_slice(&FOREIGN.to_be_bytes());
        let first = decoder.decode::<SendRequest>(Some(&value)).unwrap();
        assert_eq!(decoder.decode::<SendRequest>(Some(&value)).unwrap(), first);
        assert_eq!(decoder.datum::<SendRequest>(Some(&value)).unwrap().err(), first.as_ref().err().cloned());
        (first, registry.1.load(Ordering::SeqCst))
    }

    #[test]
    fn a_schema_that_the_registry_knows_is_learnt_with_one_question() {
        assert_eq!(read(Some(SendRequest::SCHEMA)), (Ok(examples::request("at")), 1));
    }

    #[test]
    fn an_id_that_nobody_knows_is_asked_for_each_time_and_told_as_unknown() {
        assert_eq!(read(None), (Err(WireError::UnknownId { id: FOREIGN }), 3));
    }

    #[test]
    fn a_schema_that_cannot_be_read_is_told_as_such_from_the_first_record_on() {
        for (schema, expected) in [("{", ""), (Report::SCHEMA, "it is a Report"), (r#""string""#, "it is no record")] {
            let (read, asked) = read(Some(schema));
            let Err(WireError::OtherRecord { id: FOREIGN, record: "SendRequest", reason }) = read else {
                panic!("{schema:.20}: {read:?}")
            };
            assert!(reason.contains(expected), "{reason}");
            assert_eq!(asked, 1, "its meaning never changes");
        }
    }
}
