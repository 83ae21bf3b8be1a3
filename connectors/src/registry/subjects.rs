//! The subject of every topic (`<topic>-value`, as the serializers of all Confluent clients name it): looked at, and made
//! right where that is asked for.

use super::{Calls, RegistryError, calls::COMPATIBILITY};
use schemas::Topic;
use serde::Serialize;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Subjects that are dealt with at the same time: a registry answers some 200 requests a second one after the other.
const AT_ONCE: usize = 8;

/// What to do where a subject is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnWrong {
    /// Make it right: register the schema, set the subject to FULL_TRANSITIVE.
    Register,
    /// Tell it and write nothing: somebody else registers schemas here.
    Tell,
}

/// A subject as it stands now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// Its name.
    pub subject: String,
    /// The record of its topic.
    pub record: &'static str,
    /// The id of this program's schema there; None: it is not there, and nothing can be written.
    pub id: Option<u32>,
    /// What was made right.
    pub made: Vec<Made>,
    /// What is not as it should be.
    pub wrong: Vec<Wrong>,
}

/// What was made right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    /// The schema was registered.
    Registered,
    /// The subject was set to FULL_TRANSITIVE.
    Set,
}

/// What is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// The registry does not know the subject.
    Missing,
    /// It knows it with so many other schemas.
    Differs(usize),
    /// It lets other changes in; what it says, or nothing.
    Level(Option<String>),
    /// It does not take this program's schema, and why.
    Refused(String),
    /// It has versions that cannot be read and written beside this program's.
    Broken,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing: `ims schemas register` registers it"),
            Self::Differs(versions) => write!(
                f,
                "has {versions} versions, none of them this program's schema: `ims schemas register` adds it when the \
                 others allow that"
            ),
            Self::Level(level) => write!(
                f,
                "has the compatibility {}, it must be {COMPATIBILITY}: `ims schemas register` sets it",
                level.as_deref().unwrap_or("of the whole registry")
            ),
            Self::Refused(cause) => write!(
                f,
                "does not take this program's schema ({cause}): delete the versions that are not of IMS, or write it \
                 with the program that is newer"
            ),
            Self::Broken => write!(
                f,
                "has versions that cannot be read beside this program's schema ({COMPATIBILITY}): delete those that \
                 are not of IMS"
            ),
        }
    }
}

impl Serialize for Wrong {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Looks at the subjects of those topics that hold a record, several at a time, in their order.
pub fn look(calls: &Calls, prefix: &str, topics: &[Topic], on_wrong: OnWrong) -> Result<Vec<Subject>, RegistryError> {
    let topics: Vec<(String, &str, &str)> = topics
        .iter()
        .filter_map(|topic| Some((format!("{prefix}{}", topic.subject()), topic.record()?, topic.schema()?)))
        .collect();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(vec![None; topics.len()]));
    let work = || -> Result<(), RegistryError> {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((subject, record, schema)) = topics.get(at) else { return Ok(()) };
            let looked = one(calls, subject, record, schema, on_wrong);
            if looked.is_err() {
                // The others need not ask on.
                next.store(topics.len(), Ordering::Relaxed);
            }
            found.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(looked?);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|e| std::panic::resume_unwind(e)))
    })?;
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(found.into_iter().flatten().collect())
}

fn one(
    calls: &Calls,
    subject: &str,
    record: &'static str,
    schema: &str,
    on_wrong: OnWrong,
) -> Result<Subject, RegistryError> {
    let level = calls.level(subject)?;
    let is_set = level.as_deref() == Some(COMPATIBILITY);
    let mut found = Subject { subject: subject.to_owned(), record, id: None, made: Vec::new(), wrong: Vec::new() };
    if on_wrong == OnWrong::Tell {
        found.id = calls.id_of(subject, schema)?;
        let versions = if found.id.is_none() { calls.versions(subject)? } else { None };
        match (found.id, versions) {
            (None, None) => found.wrong.push(Wrong::Missing),
            (None, Some(versions)) => found.wrong.push(Wrong::Differs(versions.len())),
            (Some(_), _) => {}
        }
        if !is_set && found.wrong != [Wrong::Missing] {
            found.wrong.push(Wrong::Level(level));
        }
        return Ok(found);
    }
    // Before its first version, and before ours: what is registered from now on keeps the contract, whoever does it.
    if !is_set {
        calls.set_level(subject)?;
        found.made.push(Made::Set);
    }
    found.id = calls.id_of(subject, schema)?;
    if found.id.is_some() {
        // A subject that let other changes in may hold what no other version can read.
        if !is_set && !calls.is_compatible(subject, schema)? {
            found.wrong.push(Wrong::Broken);
        }
        return Ok(found);
    }
    match calls.register(subject, schema) {
        Ok(id) => {
            found.id = Some(id);
            found.made.push(Made::Registered);
        }
        Err(RegistryError::Refused { cause, .. }) => found.wrong.push(Wrong::Refused(cause)),
        Err(error) => return Err(error),
    }
    Ok(found)
}
