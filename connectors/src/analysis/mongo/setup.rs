//! What the program makes on the server: collections, indexes, and how long documents live.

use super::settings::majority;
use super::{ANOMALIES, CALLS, COUNTERS, EVENTS, LATENCIES, OFFSETS};
use mongodb::Database;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind, Result};
use schemas::LogEvent;
use std::time::Duration;

/// MongoDB 4.4: transactions, and collections with a life of their own.
const OLDEST_WIRE_VERSION: i32 = 9;
/// MongoDB 5.3 keeps documents in the order of their `_id`, without an index beside them.
const CLUSTERED_SINCE: i32 = 17;

const INDEX_NOT_FOUND: i32 = 27;
const NAMESPACE_EXISTS: i32 = 48;
const INVALID_OPTIONS: i32 = 72;
const INDEX_OPTIONS_CONFLICT: i32 = 85;
const INDEX_KEY_SPECS_CONFLICT: i32 = 86;

/// What this server can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Features {
    /// Raw events stand in the order of their `_id`.
    pub clustered: bool,
}

impl Features {
    /// By its answer to `hello`; an error tells why it cannot be used.
    pub(super) fn of(hello: &Document) -> std::result::Result<Self, String> {
        if hello.get_str("setName").is_err() {
            return Err("is no member of a replica set: transactions need one, of a single member at least".into());
        }
        let version = hello.get_i32("maxWireVersion").unwrap_or(0);
        if version < OLDEST_WIRE_VERSION {
            return Err("is older than MongoDB 4.4: upgrade it".into());
        }
        Ok(Self { clustered: version >= CLUSTERED_SINCE })
    }
}

/// Makes what is missing, but for the index of calls. Any number of processes may do so at a time.
pub(super) async fn prepare(database: &Database, keep: Option<Duration>) -> Result<()> {
    let hello = database.run_command(doc! { "hello": 1 }).await?;
    let features = Features::of(&hello).map_err(Error::custom)?;
    let events = match features.clustered {
        true => doc! { "clusteredIndex": { "key": { "_id": 1 }, "unique": true } },
        false => doc! {},
    };
    for (name, options) in [
        (OFFSETS, doc! {}),
        (EVENTS, events),
        (COUNTERS, doc! {}),
        (LATENCIES, doc! {}),
        (CALLS, doc! {}),
        (ANOMALIES, doc! {}),
    ] {
        let mut create = doc! { "create": name };
        create.extend(options);
        create.insert("writeConcern", majority());
        unless(database.run_command(create).await, &[NAMESPACE_EXISTS])?;
    }
    let times =
        [(EVENTS, "at"), (COUNTERS, "minute"), (LATENCIES, "minute"), (CALLS, "minute"), (ANOMALIES, "opened_at")];
    for (collection, time) in times {
        expire(database, collection, time, keep).await?;
    }
    Ok(())
}

/// An index on the message of those events that are calls of customers' endpoints: a small part of all. The server looks
/// at every event for it, which takes minutes where there are many millions from before there was this index.
pub(super) async fn find_calls(database: &Database) -> Result<()> {
    let calls = doc! { "event": LogEvent::Callback.as_str() };
    let index = doc! { "key": { "track_id": 1 }, "name": "calls", "partialFilterExpression": calls };
    let create = doc! { "createIndexes": EVENTS, "indexes": [index], "writeConcern": majority() };
    database.run_command(create).await.map(drop)
}

/// An index on the time of a collection's documents, by which they are asked for, and deleted by the server when they are
/// older than `keep`.
async fn expire(database: &Database, collection: &str, time: &str, keep: Option<Duration>) -> Result<()> {
    let name = index_name(time);
    let mut index = doc! { "key": { time: 1 }, "name": &name };
    if let Some(keep) = keep {
        index.insert("expireAfterSeconds", keep.as_secs() as i64);
    }
    let create = || {
        let indexes = vec![index.clone()];
        database.run_command(doc! { "createIndexes": collection, "indexes": indexes, "writeConcern": majority() })
    };
    let other_life = [INDEX_OPTIONS_CONFLICT, INDEX_KEY_SPECS_CONFLICT];
    if unless(create().await, &other_life)?.is_some() {
        return Ok(());
    }
    // The configuration keeps documents for another time than before. The server looks at none of them for that.
    let changed = database.run_command(other_life_of(collection, time, keep)).await;
    if unless(changed, &[INVALID_OPTIONS, INDEX_NOT_FOUND])?.is_none() {
        // Before MongoDB 5.1 an index without a life gets none.
        database.run_command(doc! { "dropIndexes": collection, "index": &name, "writeConcern": majority() }).await?;
        create().await?;
    }
    Ok(())
}

fn index_name(time: &str) -> String {
    format!("{time}_1")
}

/// Has documents of a collection live for another time. An index cannot lose its life: for ever is the longest, 68 years.
fn other_life_of(collection: &str, time: &str, keep: Option<Duration>) -> Document {
    let seconds = keep.map_or(i64::from(i32::MAX), |keep| keep.as_secs() as i64);
    let index = doc! { "name": index_name(time), "expireAfterSeconds": seconds };
    doc! { "collMod": collection, "index": index, "writeConcern": majority() }
}

/// The answer; None when the command failed with one of these codes.
fn unless(answer: Result<Document>, codes: &[i32]) -> Result<Option<Document>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => match &*error.kind {
            ErrorKind::Command(told) if codes.contains(&told.code) => Ok(None),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_time_is_told_to_the_index_that_is_there() {
        let days = |days: u64| Some(Duration::from_secs(days * 86_400));
        for (keep, seconds) in [(days(65), 5_616_000_i64), (None, 2_147_483_647)] {
            let expected = doc! {
                "collMod": "events",
                "index": { "name": "at_1", "expireAfterSeconds": seconds },
                "writeConcern": { "w": "majority", "j": true, "wtimeout": 10_000 },
            };
            assert_eq!(other_life_of("events", "at", keep), expected);
        }
    }
}
