//! A Confluent-compatible schema registry: this program's schemas are registered or verified at start, and foreign ids
//! are learnt while it runs. It blocks: call it from a thread of its own, never from inside an async runtime.

mod calls;
mod missing;

pub use calls::{RegistryError, RegistrySettings};

use calls::Calls;
use missing::Missing;
use processors::ports::{Away, SchemaSource};
use rustc_hash::FxHashMap;
use schemas::{Schemas, Topic};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Subjects that are dealt with at the same time: a registry answers some 200 requests a second one after the other.
const AT_ONCE: usize = 8;

/// What to do about a schema that the registry does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMissing {
    /// Register it.
    Register,
    /// Refuse to start: somebody else registers schemas here.
    Refuse,
}

/// A registry.
#[derive(Debug)]
pub struct Registry {
    calls: Calls,
    missing: Mutex<Missing>,
}

impl Registry {
    /// A client; asks nothing yet.
    pub fn new(settings: &RegistrySettings) -> Result<Self, RegistryError> {
        Ok(Self { calls: Calls::new(settings)?, missing: Mutex::default() })
    }

    /// Sees to it that every topic's schema stands under its subject (`<topic>-value`), and, when it registers, that the
    /// subject lets nothing but FULL_TRANSITIVE changes in. Answers the ids that this program writes with.
    pub fn prepare(&self, on_missing: OnMissing) -> Result<Schemas, RegistryError> {
        let subjects: Vec<(String, &str, &str)> =
            Topic::all().iter().filter_map(|topic| Some((topic.subject(), topic.record()?, topic.schema()?))).collect();
        let next = AtomicUsize::new(0);
        let ids: Mutex<Vec<Option<u32>>> = Mutex::new(vec![None; subjects.len()]);
        let work = || -> Result<(), RegistryError> {
            while let Some((at, (subject, _, schema))) =
                Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, subjects.get(at)?)))
            {
                let id = self.subject(subject, schema, on_missing)?;
                ids.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(id);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|e| std::panic::resume_unwind(e)))
        })?;
        let ids = ids.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut own = FxHashMap::default();
        for ((_, record, _), id) in subjects.iter().zip(ids) {
            // A record has one id under all its subjects; were there more, any of them names the same schema.
            own.extend(id.map(|id| (*record, id)));
        }
        Ok(Schemas::with_ids(own))
    }

    fn subject(&self, subject: &str, schema: &str, on_missing: OnMissing) -> Result<u32, RegistryError> {
        if on_missing == OnMissing::Register {
            self.calls.require_full_transitive(subject)?;
        }
        match (self.calls.id_of(subject, schema)?, on_missing) {
            (Some(id), _) => Ok(id),
            (None, OnMissing::Register) => self.calls.register(subject, schema),
            (None, OnMissing::Refuse) => Err(RegistryError::Missing { subject: subject.to_owned() }),
        }
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
