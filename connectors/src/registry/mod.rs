//! A Confluent-compatible schema registry: this program's schemas are registered or verified at start, and foreign ids
//! are learnt while it runs. It blocks: call it from a thread of its own, never from inside an async runtime.

mod calls;
mod missing;
mod subjects;

pub use calls::{RegistryError, RegistrySettings};
pub use subjects::{Made, OnWrong, Subject, Wrong};

use calls::Calls;
use missing::Missing;
use processors::ports::{Away, SchemaSource};
use rustc_hash::FxHashMap;
use schemas::{Schemas, Topic};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A registry.
#[derive(Debug)]
pub struct Registry {
    calls: Calls,
    prefix: String,
    missing: Mutex<Missing>,
}

impl Registry {
    /// A client; asks nothing yet.
    pub fn new(settings: &RegistrySettings) -> Result<Self, RegistryError> {
        let prefix = settings.topic_prefix.clone();
        Ok(Self { calls: Calls::new(settings)?, prefix, missing: Mutex::default() })
    }

    /// The subjects of topics, looked at and, where that is asked for, made right.
    pub fn subjects(&self, topics: &[Topic], on_wrong: OnWrong) -> Result<Vec<Subject>, RegistryError> {
        subjects::look(&self.calls, &self.prefix, topics, on_wrong)
    }

    /// Those of the topic table at the start of a process: answers the ids that this program writes with, or every subject that lacks
    /// its schema. What else is wrong is told in the log.
    pub fn prepare(&self, on_wrong: OnWrong) -> Result<Schemas, RegistryError> {
        let (mut ids, mut lacking) = (FxHashMap::default(), Vec::new());
        for Subject { subject, record, id, wrong, .. } in self.subjects(Topic::all(), on_wrong)? {
            // A record has one id under all its subjects; were there more, any of them names the same schema.
            ids.extend(id.map(|id| (record, id)));
            for wrong in wrong {
                match id {
                    None => lacking.push(format!("{subject} {wrong}")),
                    Some(_) => tracing::warn!(subject, "the schema registry: {subject} {wrong}"),
                }
            }
        }
        if lacking.is_empty() { Ok(Schemas::with_ids(ids)) } else { Err(RegistryError::Lacking(lacking)) }
    }

    fn by_id_at(&self, id: u32, now: Instant) -> Result<Option<String>, Away> {
        let missing = || self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        if missing().holds(id, now) {
            return Ok(None);
        }
        let schema = self.calls.schema(id)?;
        if schema.is_none() {
            missing().note(id, now);
        }
        Ok(schema)
    }
}

impl SchemaSource for Registry {
    /// A missing id is asked for again after 5 seconds at the earliest: one registered late is found, garbage does not
    /// keep the registry busy.
    fn schema(&self, id: u32) -> Result<Option<String>, Away> {
        self.by_id_at(id, Instant::now())
    }
}

#[cfg(test)]
mod tests;
