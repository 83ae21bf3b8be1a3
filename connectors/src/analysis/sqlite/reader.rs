//! Answers from the file.

use crate::analysis::asked::{Analysis, Asked, Failure, Latency, Volume, latency};
use crate::analysis::{AnalysisTable, Phase};
use crate::sql::{Connection, Database, Location, Query, Record, StoreError, Table, word};
use processors::ports::Away;
use schemas::{Channel, Lane};
use std::path::Path;

/// Reads beside the sink, on a connection of its own.
#[derive(Debug)]
pub struct SqliteAnalysis {
    database: Database,
}

/// The rows that are asked about; what is not asked about is NULL.
const WHERE: &str = "minute >= ? AND minute < ? AND username = coalesce(?, username) AND channel = coalesce(?, channel)
     AND vendor = coalesce(?, vendor)";

impl SqliteAnalysis {
    /// Opens the store of analysis, or makes it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open(&Location::file(path), &AnalysisTable::SCHEMA)? })
    }
}

/// A query that ends with [`WHERE`], or begins its conditions with it.
fn about<'c, 'q>(connection: &'c mut Connection, text: &'q str, asked: &'q Asked) -> Query<'c, 'q> {
    let query = connection.query(text).bind(asked.span_ms.start).bind(asked.span_ms.end);
    query.bind(asked.username.as_deref()).bind(asked.channel.map(Channel::as_str)).bind(asked.vendor.as_deref())
}

impl Analysis for SqliteAnalysis {
    fn volumes(&mut self, asked: &Asked) -> Result<Vec<Volume>, Away> {
        let text = format!(
            "SELECT minute, channel, event, sum(count) AS count FROM counters WHERE {WHERE}
             GROUP BY minute, channel, event ORDER BY minute, channel, event"
        );
        self.database.run(async |connection| {
            let volume = |row: Record| {
                Ok(Volume {
                    minute_ms: row.get("minute")?,
                    channel: word(&row, "channel")?,
                    event: word(&row, "event")?,
                    count: row.get("count")?,
                })
            };
            about(connection, &text, asked).fetch_all().await?.into_iter().map(volume).collect()
        })
    }

    fn latencies(&mut self, asked: &Asked) -> Result<Vec<Latency>, Away> {
        let text = format!(
            "SELECT bucket, sum(count) AS count FROM latencies WHERE {WHERE} AND phase = ? AND priority = ?
             GROUP BY bucket ORDER BY bucket"
        );
        self.database.run(async |connection| {
            let mut latencies = Vec::new();
            for phase in Phase::ALL {
                for &priority in Lane::ALL {
                    let rows = about(connection, &text, asked).bind(phase.as_str()).bind(priority.as_str());
                    let bucket = |row: &Record| Ok((row.get("bucket")?, row.get("count")?));
                    let buckets: Vec<(i64, i64)> =
                        rows.fetch_all().await?.iter().map(bucket).collect::<sqlx::Result<_>>()?;
                    latencies.extend(latency(phase, priority, &buckets));
                }
            }
            Ok(latencies)
        })
    }

    fn failures(&mut self, asked: &Asked, most: u32) -> Result<Vec<Failure>, Away> {
        let text = format!(
            "SELECT channel, vendor, origin, code, sum(count) AS count FROM counters
             WHERE {WHERE} AND event IN ('STEP', 'REJECTED') AND state <> 'DELIVERED'
             GROUP BY channel, vendor, origin, code ORDER BY count DESC, channel, vendor, origin, code LIMIT ?"
        );
        self.database.run(async |connection| {
            let failure = |row: Record| {
                Ok(Failure {
                    channel: word(&row, "channel")?,
                    vendor: row.get("vendor")?,
                    origin: word(&row, "origin")?,
                    code: row.get("code")?,
                    count: row.get("count")?,
                })
            };
            about(connection, &text, asked).bind(most).fetch_all().await?.into_iter().map(failure).collect()
        })
    }
}
