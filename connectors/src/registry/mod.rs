//! A Confluent-compatible schema registry: this program's schemas are registered or verified at start, and foreign ids
//! are learnt while it runs. It blocks: call it from a thread of its own, never from inside an async runtime.

mod calls;
mod flood;
mod missing;
mod subjects;

pub use calls::{RegistryError, RegistrySettings};
pub use subjects::{Made, OnWrong, Subject, Wrong};

use calls::{Calls, waited_for};
use flood::Flood;
use missing::Missing;
use processors::ports::{Away, SchemaSource};
use rustc_hash::FxHashMap;
use schemas::{Schemas, Topic};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A registry.
#[derive(Debug)]
pub struct Registry {
    calls: Calls,
    prefix: String,
    missing: Mutex<Missing>,
    /// By the topics of foreign producers.
    floods: Mutex<FxHashMap<Topic, Flood>>,
}

impl Registry {
    /// A client; asks nothing yet.
    pub fn new(settings: &RegistrySettings) -> Result<Self, RegistryError> {
        let prefix = settings.topic_prefix.clone();
        Ok(Self { calls: Calls::new(settings)?, prefix, missing: Mutex::default(), floods: Mutex::default() })
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

    fn by_id_at(&self, id: u32, foreign: Option<Topic>, now: Instant) -> Result<Option<String>, Away> {
        if lock(&self.missing).holds(id, now) {
            return Ok(None);
        }
        if let Some(topic) = foreign
            && lock(&self.floods).entry(topic).or_default().is_on(now)
        {
            return self.listed(id, topic, now);
        }
        let schema = self.calls.schema(id)?;
        if schema.is_none() {
            lock(&self.missing).note(id, now);
            if let Some(topic) = foreign {
                lock(&self.floods).entry(topic).or_default().miss(now);
            }
        }
        Ok(schema)
    }

    /// The schema of an id if it stands under the topic's subject. A few requests for any number of ids; the lock is not
    /// held meanwhile, other topics have their own.
    fn listed(&self, id: u32, topic: Topic, now: Instant) -> Result<Option<String>, Away> {
        let floods = || lock(&self.floods);
        if floods().entry(topic).or_default().is_old(now) {
            let subject = format!("{}{}", self.prefix, topic.subject());
            let versions = self.calls.versions(&subject).map_err(waited_for)?.unwrap_or_default();
            let unread = floods().entry(topic).or_default().unread(versions);
            let mut read = Vec::new();
            for version in unread {
                let found = self.calls.version(&subject, version).map_err(waited_for)?;
                read.extend(found.map(|found| (version, found.id, found.schema)));
            }
            floods().entry(topic).or_default().list(read, now);
        }
        Ok(floods().entry(topic).or_default().schema(id))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SchemaSource for Registry {
    /// A missing id is asked for again after 5 seconds at the earliest: one registered late is found, garbage does not
    /// keep the registry busy. Where a topic of foreign producers brings more than 20 missing ids a second, its others are
    /// looked up for the rest of that second among what stands under the topic's subject, listed every 200 ms: a request
    /// for each id would let everybody wait at the registry's pace.
    fn schema(&self, id: u32, foreign: Option<Topic>) -> Result<Option<String>, Away> {
        self.by_id_at(id, foreign, Instant::now())
    }
}

#[cfg(test)]
mod tests;
