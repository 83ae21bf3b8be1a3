//! What is asked of analysis. All spans are Unix milliseconds UTC, from included, to excluded, by whole minutes.

use super::histogram::percentile;
use super::{AnalysisTable, Phase};
use crate::sql::{Database, Location, Record, StoreError, Table, word};
use processors::ports::Away;
use schemas::{Channel, Lane, LogEvent, Origin};
use std::ops::Range;
use std::path::Path;

/// Reads beside the sink, on a connection of its own.
#[derive(Debug)]
pub struct AnalysisReader {
    database: Database,
}

/// Events of one minute and channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Beginning of the minute, Unix milliseconds.
    pub minute_ms: i64,
    /// The channel.
    pub channel: Channel,
    /// What happened.
    pub event: LogEvent,
    /// How often.
    pub count: i64,
}

/// How long a phase took; each figure is at most 1/16 too high.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency {
    /// The part of the way.
    pub phase: Phase,
    /// The priority.
    pub priority: Lane,
    /// How many were measured.
    pub count: i64,
    /// Half of them took no longer, milliseconds.
    pub p50_ms: i64,
    /// 99 % of them.
    pub p99_ms: i64,
    /// 99.9 % of them.
    pub p999_ms: i64,
}

/// Why steps and requests did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The channel.
    pub channel: Channel,
    /// The vendor; empty when none was asked.
    pub vendor: String,
    /// Whose table the code is of.
    pub origin: Origin,
    /// The code.
    pub code: String,
    /// How often.
    pub count: i64,
}

impl AnalysisReader {
    /// Opens the store of analysis, or makes it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open(&Location::file(path), &AnalysisTable::SCHEMA)? })
    }

    /// Events per minute and channel, in the order of time.
    pub fn volumes(&mut self, span_ms: Range<i64>) -> Result<Vec<Volume>, Away> {
        self.database.run(async |connection| {
            let rows = connection.query(
                "SELECT minute, channel, event, sum(count) AS count FROM counters WHERE minute >= ? AND minute < ?
                 GROUP BY minute, channel, event ORDER BY minute, channel, event",
            );
            let rows = rows.bind(span_ms.start).bind(span_ms.end).fetch_all().await?;
            let volume = |row: Record| {
                Ok(Volume {
                    minute_ms: row.get("minute")?,
                    channel: word(&row, "channel")?,
                    event: word(&row, "event")?,
                    count: row.get("count")?,
                })
            };
            rows.into_iter().map(volume).collect()
        })
    }

    /// Percentiles of each phase and priority that was measured.
    pub fn latencies(&mut self, span_ms: Range<i64>) -> Result<Vec<Latency>, Away> {
        self.database.run(async |connection| {
            let mut latencies = Vec::new();
            for phase in Phase::ALL {
                for &priority in Lane::ALL {
                    let rows = connection.query(
                        "SELECT bucket, sum(count) AS count FROM latencies
                         WHERE minute >= ? AND minute < ? AND phase = ? AND priority = ?
                         GROUP BY bucket ORDER BY bucket",
                    );
                    let rows = rows.bind(span_ms.start).bind(span_ms.end).bind(phase.as_str()).bind(priority.as_str());
                    let bucket = |row: &Record| Ok((row.get("bucket")?, row.get("count")?));
                    let buckets: Vec<(i64, i64)> =
                        rows.fetch_all().await?.iter().map(bucket).collect::<sqlx::Result<_>>()?;
                    let at = |share| percentile(&buckets, share);
                    if let (Some(p50_ms), Some(p99_ms), Some(p999_ms)) = (at(0.5), at(0.99), at(0.999)) {
                        let count = buckets.iter().map(|(_, count)| count).sum();
                        latencies.push(Latency { phase, priority, count, p50_ms, p99_ms, p999_ms });
                    }
                }
            }
            Ok(latencies)
        })
    }

    /// Reasons of failed steps and refused requests, the most frequent first, at most `most`.
    pub fn failures(&mut self, span_ms: Range<i64>, most: u32) -> Result<Vec<Failure>, Away> {
        self.database.run(async |connection| {
            let rows = connection.query(
                "SELECT channel, vendor, origin, code, sum(count) AS count FROM counters
                 WHERE minute >= ? AND minute < ? AND event IN ('STEP', 'REJECTED') AND state <> 'DELIVERED'
                 GROUP BY channel, vendor, origin, code
                 ORDER BY count DESC, channel, vendor, origin, code LIMIT ?",
            );
            let rows = rows.bind(span_ms.start).bind(span_ms.end).bind(most).fetch_all().await?;
            let failure = |row: Record| {
                Ok(Failure {
                    channel: word(&row, "channel")?,
                    vendor: row.get("vendor")?,
                    origin: word(&row, "origin")?,
                    code: row.get("code")?,
                    count: row.get("count")?,
                })
            };
            rows.into_iter().map(failure).collect()
        })
    }
}
