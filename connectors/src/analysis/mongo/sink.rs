//! The sink: events in bulk, then counters and positions in one transaction.

use super::settings::write_concern;
use super::store::Store;
use super::{CALLS, COUNTERS, EVENTS, LATENCIES, MongoSettings, NAME, OFFSETS};
use crate::analysis::Phase;
use crate::analysis::tally::{Counter, Measured, Outcome, Tally};
use mongodb::bson::{DateTime, Document, doc, serialize_to_document};
use mongodb::error::{
    Error, ErrorKind, Result, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure,
};
use mongodb::options::ReadConcern;
use mongodb::{ClientSession, Database};
use processors::ports::{Away, Logged, Move, Sink, Written};
use rustc_hash::FxHashMap;
use schemas::{AnalyzeLog, Topic};
use std::fmt;

/// How often a transaction is begun again at once when another one was in its way, and a commit asked again whose answer
/// was lost. After that the caller waits, and finds out from the positions.
const TRIES: usize = 5;
/// Updates of one command: the server takes 100,000.
const UPDATES: usize = 5_000;
const DUPLICATE_KEY: i32 = 11_000;

/// The sink of ANALYZE-LOG into MongoDB.
pub struct MongoSink {
    store: Store,
    /// Whose counters these are: the lowest partition that was assigned, which nobody else has meanwhile.
    part: i32,
}

impl MongoSink {
    /// Asks nothing yet.
    pub fn new(settings: MongoSettings) -> std::result::Result<Self, Away> {
        Ok(Self { store: Store::new(settings)?, part: 0 })
    }

    /// Writes, but is ended at its n-th wait: None when it was, the answer when it was done before.
    #[cfg(test)]
    pub(super) fn write_until(
        mut self,
        (waits, end): (usize, super::testing::End),
        batch: &[Logged<AnalyzeLog>],
        moves: &[Move],
    ) -> Option<std::result::Result<Written, Away>> {
        let part = self.part;
        let written = self.store.run(async |database| {
            super::testing::polled(write(database, part, batch, moves), waits, end).await.transpose()
        });
        if end == super::testing::End::Killed {
            self.store.kill();
        }
        written.transpose()
    }
}

impl Sink<AnalyzeLog> for MongoSink {
    fn positions(&mut self, places: &[(Topic, i32)]) -> std::result::Result<Vec<Option<i64>>, Away> {
        self.part = places.iter().map(|(_, partition)| *partition).min().unwrap_or(0);
        self.store.run(async |database| {
            let offsets = database.collection::<Document>(OFFSETS);
            let mut positions = Vec::with_capacity(places.len());
            for (topic, partition) in places {
                let found = offsets.find_one(doc! { "_id": place(*topic, *partition) }).await?;
                let next = found.map(|found| found.get_i64("next").map_err(Error::custom));
                positions.push(next.transpose()?);
            }
            Ok(positions)
        })
    }

    fn write(&mut self, batch: &[Logged<AnalyzeLog>], moves: &[Move]) -> std::result::Result<Written, Away> {
        let part = self.part;
        self.store.run(async |database| write(database, part, batch, moves).await)
    }
}

impl fmt::Debug for MongoSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(NAME).field("part", &self.part).finish_non_exhaustive()
    }
}

/// The `_id` of a position.
fn place(topic: Topic, partition: i32) -> String {
    format!("{}-{partition}", topic.name())
}

async fn write(database: &Database, part: i32, batch: &[Logged<AnalyzeLog>], moves: &[Move]) -> Result<Written> {
    // First: events without positions are written again and are the same, positions without events would be a loss.
    insert_events(database, batch).await?;
    let tally = Tally::of(batch);
    let counters: Vec<_> = tally.counters.iter().map(|(of, count)| count_up(of, part, *count)).collect();
    let latencies: Vec<_> = tally.latencies.iter().map(|(of, buckets)| measure_up(of, part, buckets)).collect();
    let calls: Vec<_> = tally.calls.iter().map(|(of, count)| call_up(of, part, *count)).collect();
    let mut tries = 0;
    loop {
        let mut session = database.client().start_session().await?;
        let updates = [(COUNTERS, &counters), (LATENCIES, &latencies), (CALLS, &calls)];
        let done = transact(database, &mut session, moves, &updates).await;
        tries += 1;
        match done {
            Err(error) if error.contains_label(TRANSIENT_TRANSACTION_ERROR) && tries < TRIES => {}
            done => return done,
        }
    }
}

async fn insert_events(database: &Database, batch: &[Logged<AnalyzeLog>]) -> Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    let events = batch.iter().map(event).collect::<Result<Vec<_>>>()?;
    let Err(error) = database.collection::<Document>(EVENTS).insert_many(events).ordered(false).await else {
        return Ok(());
    };
    // Those that stand there already are what they are.
    match &*error.kind {
        ErrorKind::InsertMany(told) if told.write_concern_error.is_none() => {
            let refused = told.write_errors.iter().flatten().any(|error| error.code != DUPLICATE_KEY);
            if refused { Err(error) } else { Ok(()) }
        }
        _ => Err(error),
    }
}

/// An event as it was written, with its place as its `_id`.
fn event(logged: &Logged<AnalyzeLog>) -> Result<Document> {
    let Logged { topic, partition, offset, record } = logged;
    let mut document = doc! { "_id": format!("{}-{offset}", place(*topic, *partition)) };
    document.extend(serialize_to_document(record)?);
    let times = ["at", "requested_at", "accepted_at", "routed_at", "sent_at", "next_at"];
    for time in times {
        if let Ok(at_ms) = document.get_i64(time) {
            document.insert(time, DateTime::from_millis(at_ms));
        }
    }
    Ok(document)
}

fn count_up(of: &Counter<'_>, part: i32, count: i64) -> Document {
    let id = doc! {
        "minute": DateTime::from_millis(of.minute_ms),
        "event": of.event.as_str(),
        "channel": of.channel.as_str(),
        "priority": of.priority.as_str(),
        "username": of.username,
        "vendor": of.vendor,
        "state": of.state.as_str(),
        "origin": of.origin.as_str(),
        "code": of.code,
        "part": part,
    };
    add(id, of.minute_ms, doc! { "count": count })
}

fn call_up(of: &Outcome<'_>, part: i32, count: i64) -> Document {
    let id = doc! {
        "minute": DateTime::from_millis(of.minute_ms),
        "channel": of.channel.as_str(),
        "username": of.username,
        "outcome": of.outcome,
        "part": part,
    };
    add(id, of.minute_ms, doc! { "count": count })
}

fn measure_up(of: &Measured<'_>, part: i32, buckets: &FxHashMap<(Phase, i64), i64>) -> Document {
    let id = doc! {
        "minute": DateTime::from_millis(of.minute_ms),
        "channel": of.channel.as_str(),
        "priority": of.priority.as_str(),
        "username": of.username,
        "vendor": of.vendor,
        "part": part,
    };
    let counts = buckets.iter();
    let counts = counts.map(|((phase, bucket), n)| (format!("buckets.{}.{bucket}", phase.as_str()), (*n).into()));
    add(id, of.minute_ms, counts.collect())
}

/// Adds to the document of this id, or makes it. Its parts stand in the id; the minute once more, for its index.
fn add(id: Document, minute_ms: i64, counts: Document) -> Document {
    let minute = DateTime::from_millis(minute_ms);
    doc! { "q": { "_id": id }, "u": { "$inc": counts, "$setOnInsert": { "minute": minute } }, "upsert": true }
}

/// Moves the positions and adds the counters, both or neither.
async fn transact(
    database: &Database,
    session: &mut ClientSession,
    moves: &[Move],
    updates: &[(&str, &Vec<Document>)],
) -> Result<Written> {
    session.start_transaction().read_concern(ReadConcern::snapshot()).write_concern(write_concern()).await?;
    match steps(database, session, moves, updates).await {
        Ok(true) => commit(session).await.map(|()| Written::Moved),
        done => {
            // A server that does not hear it ends the transaction after its time.
            let _ = session.abort_transaction().await;
            done.map(|_| Written::Stale)
        }
    }
}

/// What the transaction does; false when a position was moved by somebody else.
async fn steps(
    database: &Database,
    session: &mut ClientSession,
    moves: &[Move],
    updates: &[(&str, &Vec<Document>)],
) -> Result<bool> {
    for step in moves {
        if !advance(database, session, step).await? {
            return Ok(false);
        }
    }
    for (collection, updates) in updates {
        for updates in updates.chunks(UPDATES) {
            let update = doc! { "update": *collection, "updates": updates.to_vec(), "ordered": true };
            let answer = database.run_command(update).session(&mut *session).await?;
            // An update that failed is no failure of its command.
            if let Ok(errors) = answer.get_array("writeErrors") {
                return Err(Error::custom(format!("counters cannot be written: {errors:?}")));
            }
        }
    }
    Ok(true)
}

/// Moves one position, when it still stands where the batch was read from.
async fn advance(database: &Database, session: &mut ClientSession, step: &Move) -> Result<bool> {
    let offsets = database.collection::<Document>(OFFSETS);
    let id = place(step.topic, step.partition);
    let Some(from) = step.from else {
        return match offsets.insert_one(doc! { "_id": id, "next": step.to }).session(&mut *session).await {
            Err(error) if is_duplicate(&error) => Ok(false),
            done => done.map(|_| true),
        };
    };
    let moved = offsets.update_one(doc! { "_id": id, "next": from }, doc! { "$set": { "next": step.to } });
    Ok(moved.session(&mut *session).await?.matched_count == 1)
}

fn is_duplicate(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteError(told)) if told.code == DUPLICATE_KEY)
}

/// The same commit may be asked again and again: it happens once.
async fn commit(session: &mut ClientSession) -> Result<()> {
    let mut tries = 0;
    loop {
        let done = session.commit_transaction().await;
        tries += 1;
        match done {
            Err(error) if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) && tries < TRIES => {}
            done => return done,
        }
    }
}
