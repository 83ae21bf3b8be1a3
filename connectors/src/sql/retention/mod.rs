//! Deletes what is older than the stores keep: once a day, in batches small enough that the stores' own writers hardly
//! wait for them.
//!
//! Not by dropping partitions of a day: each look-up would ask the index of every partition, and writing takes three
//! times as long (docs/adr/0028); SQLite has none.
//!
//! Rows stand nearly in the order of their times, so the oldest are found without an index of their own. SQLite uses the
//! freed room again and does not make its file smaller. Daily statistics stay: they are a row per key and day.
//!
//! How old a row is, is told by the newest row too, not by this machine's clock alone: one that stands a year ahead would
//! delete everything.

use super::{Connection, Database, Dialect, Location, StoreError, Table};
use crate::{analysis::AnalysisTable, history::HistoryTable, reference, reports::ReportTable};
use processors::{
    korea::DAY_MS,
    ports::{Away, Clock},
};
use std::{path::Path, sync::Arc, time::Duration};

/// From one purge to the next.
const EVERY_MS: i64 = DAY_MS;
/// A clock that is so far ahead of the newest row is told of: longer than holidays at which nobody sends.
const AHEAD_MS: i64 = 14 * DAY_MS;
/// For so long a fine can be imposed for ads without consent (질서위반행위규제법 제19조, 형사소송법 제249조), and what was taken back
/// stands in the audit alone.
const PROVABLE_MS: i64 = 5 * 366 * DAY_MS;

/// How rows go, some at a time.
struct Statement {
    /// For how long they are kept at least, milliseconds.
    least_ms: i64,
    /// The key of the last of the oldest thousand rows, as `last`; None: `delete` finds its rows by itself.
    last: Option<&'static str>,
    delete: &'static str,
}

/// Rows of one transaction: a few milliseconds. The last of them is asked for first: compared with a subquery, MariaDB
/// reads the whole table for each thousand.
macro_rules! oldest {
    ($table:literal, $id:literal, $time:literal) => {
        Statement {
            least_ms: 0,
            last: Some(concat!(
                "SELECT max(id) AS last FROM (SELECT ",
                $id,
                " AS id FROM ",
                $table,
                " ORDER BY ",
                $id,
                " LIMIT 1000) AS oldest"
            )),
            delete: concat!("DELETE FROM ", $table, " WHERE ", $id, " <= ? AND ", $time, " < ?"),
        }
    };
}

/// A minute of counters is some hundred rows; the key begins with the minute.
macro_rules! oldest_minute {
    ($table:literal) => {
        Statement {
            least_ms: 0,
            last: None,
            delete: concat!(
                "DELETE FROM ",
                $table,
                " WHERE minute = (SELECT min(minute) FROM ",
                $table,
                ") AND minute < ?"
            ),
        }
    };
}

/// The time of the newest row by the key, which grows with time: one look at its index. A report of a request that nobody
/// knew bears the time 0.
macro_rules! newest {
    ($table:literal, $id:literal, $time:literal) => {
        concat!("SELECT ", $time, " AS newest FROM ", $table, " WHERE ", $time, " > 0 ORDER BY ", $id, " DESC LIMIT 1")
    };
}

// These times are the brokers' (LogAppendTime), those of events are of the processes that wrote them.
pub(crate) const NEWEST_HISTORY: &str = newest!("history", "track_id", "received_at");
const NEWEST_REPORT: &str = newest!("reports", "track_id", "requested_at");
const NEWEST_EVENT: &str = newest!("events", "id", "at");

// By the time of the request, as its key: a message may be reported two months later, and would keep what stands behind it.
const STEPS: Statement = oldest!("history", "track_id", "received_at");
const TOKENS: Statement = oldest!("history_tokens", "track_id", "received_at");
const LOTS: Statement = Statement { least_ms: 0, last: None, delete: "DELETE FROM history_lots WHERE latest < ?" };
const HISTORY_OF_FILE: &[Statement] = &[STEPS, TOKENS, LOTS];
const HISTORY_OF_SERVER: &[Statement] = &[STEPS, TOKENS];
const REPORTS: &[Statement] = &[oldest!("reports", "track_id", "requested_at")];
const EVENTS: Statement = Statement {
    least_ms: 0,
    last: None,
    delete:
        "DELETE FROM events WHERE id <= (SELECT max(id) FROM (SELECT id FROM events ORDER BY id LIMIT 1000) AS oldest)
        AND at < ?",
};
const ANOMALIES: Statement = Statement { least_ms: 0, last: None, delete: "DELETE FROM anomalies WHERE opened_at < ?" };
const ANALYSIS: &[Statement] =
    &[EVENTS, oldest_minute!("counters"), oldest_minute!("latencies"), oldest_minute!("calls"), ANOMALIES];

/// Lines of the audit in a file.
macro_rules! lines_of_file {
    ($kind:literal, $least_ms:expr) => {
        Statement {
            least_ms: $least_ms,
            last: None,
            delete: concat!(
                "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE kind = '",
                $kind,
                "' AND at < ? ORDER BY at LIMIT 1000)"
            ),
        }
    };
}

/// The same on a server, where a subquery has no LIMIT.
macro_rules! lines_of_server {
    ($kind:literal, $least_ms:expr) => {
        Statement {
            least_ms: $least_ms,
            last: None,
            delete: concat!("DELETE FROM audit WHERE kind = '", $kind, "' AND at < ? ORDER BY at LIMIT 1000"),
        }
    };
}

/// What comes by the million and tells a number alone. Of templates the audit is asked when they were woken, and what else
/// people change is little: these stay.
macro_rules! audit {
    ($lines:ident) => {
        &[
            $lines!("push_tokens", 0),
            $lines!("files", 0),
            $lines!("opt_outs", PROVABLE_MS),
            $lines!("consents", PROVABLE_MS),
        ]
    };
}

const AUDIT_OF_FILE: &[Statement] = audit!(lines_of_file);
const AUDIT_OF_SERVER: &[Statement] = audit!(lines_of_server);

/// What keeps the stores from growing for ever.
pub struct Retention {
    clock: Arc<dyn Clock>,
    keep: Duration,
    stores: Vec<Store>,
    /// When the next purge begins, Unix milliseconds.
    due_ms: i64,
    /// What time it is for the purge under way, Unix milliseconds; None: none is under way.
    stands_ms: Option<i64>,
    deleted: u64,
}

struct Store {
    /// Where it is, for people.
    name: String,
    database: Database,
    /// What tells the time of its newest row; None: the other stores tell it.
    newest: Option<&'static str>,
    /// What is deleted, each until it finds nothing more.
    statements: &'static [Statement],
    done: usize,
}

/// What a turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purge {
    /// A batch is deleted; another may follow. Let the writers in between.
    Going,
    /// Nothing is left that is too old; so many rows were deleted.
    Ended(u64),
    /// It is not time yet.
    Resting,
}

impl Retention {
    /// Deletes rows that are older by `keep` than this clock and than the newest row says, the first time at once; of no
    /// store yet.
    pub fn new(clock: Arc<dyn Clock>, keep: Duration) -> Self {
        Self { clock, keep, stores: Vec::new(), due_ms: i64::MIN, stands_ms: None, deleted: 0 }
    }

    /// Purges a store of history too.
    pub fn history(&mut self, location: &Location) -> Result<(), StoreError> {
        let statements = match location.dialect() {
            Dialect::Sqlite => HISTORY_OF_FILE,
            Dialect::MySql => HISTORY_OF_SERVER,
        };
        self.add::<HistoryTable>(location, NEWEST_HISTORY, statements)
    }

    /// Purges a store of reports too.
    pub fn reports(&mut self, location: &Location) -> Result<(), StoreError> {
        self.add::<ReportTable>(location, NEWEST_REPORT, REPORTS)
    }

    /// Purges a store of analysis too.
    pub fn analysis(&mut self, path: &Path) -> Result<(), StoreError> {
        self.add::<AnalysisTable>(&Location::file(path), NEWEST_EVENT, ANALYSIS)
    }

    /// Ends lines of the audit of reference data too, by the time of the other stores: its own may rest for months.
    pub fn audit(&mut self, location: &Location) -> Result<(), StoreError> {
        reference::SCHEMA.ready(location)?;
        let database = Database::connect(location, &reference::SCHEMA)?;
        let statements = match location.dialect() {
            Dialect::Sqlite => AUDIT_OF_FILE,
            Dialect::MySql => AUDIT_OF_SERVER,
        };
        self.stores.push(Store { name: location.to_string(), database, newest: None, statements, done: 0 });
        Ok(())
    }

    fn add<T: Table>(
        &mut self,
        location: &Location,
        newest: &'static str,
        statements: &'static [Statement],
    ) -> Result<(), StoreError> {
        let database = Database::open(location, &T::SCHEMA)?;
        self.stores.push(Store { name: location.to_string(), database, newest: Some(newest), statements, done: 0 });
        Ok(())
    }

    /// Deletes one batch when it is time. After an error the same batch is tried again.
    pub fn turn(&mut self) -> Result<Purge, Away> {
        let now_ms = self.clock.now_ms();
        // A clock that was ahead and is put right does not put the next purge off.
        self.due_ms = self.due_ms.min(now_ms.saturating_add(EVERY_MS));
        if now_ms < self.due_ms {
            return Ok(Purge::Resting);
        }
        let stands_ms = match self.stands_ms {
            Some(stands_ms) => stands_ms,
            None => self.time(now_ms)?,
        };
        self.stands_ms = Some(stands_ms);
        for store in &mut self.stores {
            let Some(statement) = store.statements.get(store.done) else { continue };
            let before_ms = stands_ms.saturating_sub(statement.least_ms.max(self.keep.as_millis() as i64));
            let delete = async |connection: &mut Connection| {
                let Some(last) = statement.last else {
                    return connection.query(statement.delete).bind(before_ms).execute().await;
                };
                let last: Option<String> = connection.query(last).fetch_one().await?.get("last")?;
                let Some(last) = last else { return Ok(0) };
                connection.query(statement.delete).bind(last).bind(before_ms).execute().await
            };
            let deleted = store.database.run(delete)?;
            self.deleted += deleted;
            store.done += usize::from(deleted == 0);
            return Ok(Purge::Going);
        }
        self.stores.iter_mut().for_each(|store| store.done = 0);
        self.stands_ms = None;
        self.due_ms = now_ms.saturating_add(EVERY_MS);
        Ok(Purge::Ended(std::mem::take(&mut self.deleted)))
    }

    /// What time it is: by the clock, or by the newest row where that is older; of several stores the one whose newest is
    /// the oldest, as they are written together. Without a row it is too early to delete anything.
    fn time(&mut self, now_ms: i64) -> Result<i64, Away> {
        let mut stands: Option<(i64, &str)> = None;
        for store in &mut self.stores {
            let Some(newest) = store.newest else { continue };
            let newest = async |connection: &mut Connection| {
                connection.query(newest).fetch_optional().await?.map(|row| row.get("newest")).transpose()
            };
            let Some(newest_ms) = store.database.run(newest)? else { continue };
            if stands.is_none_or(|(oldest_ms, _)| newest_ms < oldest_ms) {
                stands = Some((newest_ms, &store.name));
            }
        }
        let Some((newest_ms, store)) = stands else { return Ok(i64::MIN) };
        let ahead_ms = now_ms.saturating_sub(newest_ms);
        if ahead_ms > AHEAD_MS {
            tracing::warn!(
                store,
                days = ahead_ms / DAY_MS,
                "this machine's clock is so many days ahead of the newest row of the store: rows are deleted by that row's \
                 time, and those that are younger by the clock alone stay. If the clock is wrong, set it; if nothing was \
                 sent for so long, they go when something is"
            );
        }
        Ok(now_ms.min(newest_ms))
    }
}

#[cfg(test)]
mod tests;
