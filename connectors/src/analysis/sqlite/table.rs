//! What the sink writes.

use super::took;
use crate::analysis::tally::Tally;
use crate::sql::{Connection, Dialect, Insert, Location, Merge, Schema, SqlSink, StoreError, Table, embedded};
use processors::ports::{Logged, Refused};
use schemas::{AnalyzeLog, LogEvent};
use std::borrow::Cow;
use std::path::Path;

/// The sink of ANALYZE-LOG into a SQLite file.
pub type AnalysisSink = SqlSink<AnalysisTable>;

/// Events, counters, histograms.
#[derive(Debug)]
pub struct AnalysisTable {
    events: Insert,
    counters: Insert,
    latencies: Insert,
    calls: Insert,
}

impl AnalysisSink {
    /// Opens the store of analysis, or makes it.
    pub fn analysis(path: &Path) -> Result<Self, StoreError> {
        let add = |key| Dialect::Sqlite.on_conflict(key, Merge::Add, &["count"]);
        let table = AnalysisTable {
            events: Insert::new(
                &format!(
                    "{} events (partition, log_offset, at, called_with, event)",
                    Dialect::Sqlite.insert_in_transaction()
                ),
                "",
            ),
            counters: Insert::new(
                "INSERT INTO counters (minute, event, channel, priority, username, vendor, state, origin, code, count)",
                &add("minute, event, channel, priority, username, vendor, state, origin, code"),
            ),
            latencies: Insert::new(
                "INSERT INTO latencies (minute, channel, priority, username, vendor, took)",
                "ON CONFLICT (minute, channel, priority, username, vendor) DO UPDATE SET took = took || ',' || excluded.took",
            ),
            calls: Insert::new(
                "INSERT INTO calls (minute, channel, username, outcome, count)",
                &add("minute, channel, username, outcome"),
            ),
        };
        Self::open(&Location::file(path), table)
    }
}

impl Table for AnalysisTable {
    type Record = AnalyzeLog;
    /// A file only.
    const SCHEMA: Schema = Schema { name: "analysis store", file: embedded::ANALYSIS, server: Cow::Borrowed(&[]) };

    async fn write(&mut self, connection: &mut Connection, batch: &[Logged<AnalyzeLog>]) -> sqlx::Result<Vec<Refused>> {
        self.events
            .rows(connection, batch, |logged, row| {
                let event = serde_json::to_string(&logged.record).map_err(|e| sqlx::Error::Encode(e.into()))?;
                let AnalyzeLog { event: kind, at, track_id, .. } = &logged.record;
                let called_with = (*kind == LogEvent::Callback).then_some(track_id.as_str());
                row.put(logged.partition)?.put(logged.offset)?.put(*at)?.put(called_with)?.put(event)?;
                Ok(())
            })
            .await?;
        let Tally { counters, latencies, calls } = Tally::of(batch);
        // As they stand in their trees: a batch of ten thousand customers touches each page once.
        let mut counters: Vec<_> = counters.into_iter().collect();
        counters.sort_unstable();
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
        let mut latencies: Vec<_> = latencies.into_iter().collect();
        latencies.sort_unstable_by_key(|(of, _)| *of);
        self.latencies
            .rows(connection, &latencies, |(of, buckets), row| {
                row.put(of.minute_ms)?
                    .put(of.channel.as_str())?
                    .put(of.priority.as_str())?
                    .put(of.username)?
                    .put(of.vendor)?
                    .put(took::text(buckets))?;
                Ok(())
            })
            .await?;
        let mut calls: Vec<_> = calls.into_iter().collect();
        calls.sort_unstable();
        self.calls
            .rows(connection, &calls, |(of, count), row| {
                row.put(of.minute_ms)?.put(of.channel.as_str())?.put(of.username)?.put(of.outcome)?.put(*count)?;
                Ok(())
            })
            .await?;
        Ok(Vec::new())
    }
}
