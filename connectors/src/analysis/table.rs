//! What the sink writes.

use super::histogram::bucket_of;
use super::phase::{Phase, ended};
use crate::sql::{Connection, Dialect, Insert, Location, Merge, Schema, SqlSink, StoreError, Table};
use processors::ports::{Logged, Refused};
use rustc_hash::FxHashMap;
use schemas::{AnalyzeLog, Channel, Lane, LogEvent, Origin, State};
use sqlx::migrate::Migrator;
use std::path::Path;

/// The sink of ANALYZE-LOG into a SQLite file.
pub type AnalysisSink = SqlSink<AnalysisTable>;

/// Events, counters, histograms. A batch is added up in memory first: most of its events share a few rows.
#[derive(Debug)]
pub struct AnalysisTable {
    events: Insert,
    counters: Insert,
    latencies: Insert,
}

/// A row of `counters` but for its count.
#[derive(PartialEq, Eq, Hash)]
struct Counter<'e> {
    minute_ms: i64,
    event: LogEvent,
    channel: Channel,
    priority: Lane,
    username: &'e str,
    vendor: &'e str,
    state: State,
    origin: Origin,
    code: &'e str,
}

/// A row of `latencies` but for its count.
#[derive(PartialEq, Eq, Hash)]
struct Bucket<'e> {
    minute_ms: i64,
    phase: Phase,
    channel: Channel,
    priority: Lane,
    vendor: &'e str,
    bucket: i64,
}

impl AnalysisSink {
    /// Opens the store of analysis, or makes it.
    pub fn analysis(path: &Path) -> Result<Self, StoreError> {
        let add = |key| Dialect::Sqlite.on_conflict(key, Merge::Add, &["count"]);
        let table = AnalysisTable {
            events: Insert::new("INSERT OR IGNORE INTO events (partition, log_offset, at, event)", ""),
            counters: Insert::new(
                "INSERT INTO counters (minute, event, channel, priority, username, vendor, state, origin, code, count)",
                &add("minute, event, channel, priority, username, vendor, state, origin, code"),
            ),
            latencies: Insert::new(
                "INSERT INTO latencies (minute, phase, channel, priority, vendor, bucket, count)",
                &add("minute, phase, channel, priority, vendor, bucket"),
            ),
        };
        Self::open(&Location::file(path), table)
    }
}

/// The beginning of the minute of a Unix time in milliseconds.
fn minute_of(at_ms: i64) -> i64 {
    at_ms - at_ms.rem_euclid(60_000)
}

impl Table for AnalysisTable {
    type Record = AnalyzeLog;
    /// A file only.
    const SCHEMA: Schema = Schema {
        name: "analysis store",
        file: sqlx::migrate!("../migrations/sqlite/analysis"),
        server: Migrator::DEFAULT,
    };

    async fn write(&mut self, connection: &mut Connection, batch: &[Logged<AnalyzeLog>]) -> sqlx::Result<Vec<Refused>> {
        self.events
            .rows(connection, batch, |logged, row| {
                let event = serde_json::to_string(&logged.record).map_err(|e| sqlx::Error::Encode(e.into()))?;
                row.put(logged.partition)?.put(logged.offset)?.put(logged.record.at)?.put(event)?;
                Ok(())
            })
            .await?;
        let (mut counters, mut latencies) = (FxHashMap::default(), FxHashMap::default());
        for Logged { record: event, .. } in batch {
            let minute_ms = minute_of(event.at);
            *counters.entry(counter(event, minute_ms)).or_insert(0i64) += 1;
            for (phase, ms) in ended(event) {
                let AnalyzeLog { channel, priority, ref vendor, .. } = *event;
                let bucket = Bucket { minute_ms, phase, channel, priority, vendor, bucket: bucket_of(ms) };
                *latencies.entry(bucket).or_insert(0i64) += 1;
            }
        }
        let counters: Vec<_> = counters.into_iter().collect();
        self.counters
            .rows(connection, &counters, |(of, count), row| {
                row.put(of.minute_ms)?
                    .put(of.event.as_str())?
                    .put(of.channel.as_str())?
                    .put(of.priority.as_str())?
                    .put(of.username)?
                    .put(of.vendor)?
                    .put(of.state.as_str())?
                    .put(of.origin.as_str())?
                    .put(of.code)?
                    .put(*count)?;
                Ok(())
            })
            .await?;
        let latencies: Vec<_> = latencies.into_iter().collect();
        self.latencies
            .rows(connection, &latencies, |(of, count), row| {
                row.put(of.minute_ms)?
                    .put(of.phase.as_str())?
                    .put(of.channel.as_str())?
                    .put(of.priority.as_str())?
                    .put(of.vendor)?
                    .put(of.bucket)?
                    .put(*count)?;
                Ok(())
            })
            .await?;
        Ok(Vec::new())
    }
}

fn counter(event: &AnalyzeLog, minute_ms: i64) -> Counter<'_> {
    Counter {
        minute_ms,
        event: event.event,
        channel: event.channel,
        priority: event.priority,
        username: &event.username,
        vendor: &event.vendor,
        state: event.state,
        origin: event.origin,
        code: &event.code,
    }
}
