//! Answers from the file.

use super::took;
use crate::analysis::asked::{
    Activities, Analysis, Asked, Call, Failure, Latency, MOST_CALLS, Outcomes, Volume, latency,
};
use crate::analysis::{AnalysisTable, Phase};
use crate::sql::{Connection, Database, Location, Query, Record, StoreError, Table, word};
use processors::anomaly::{Activity, Anomaly, Kind, Series};
use processors::ports::Away;
use schemas::{Channel, Lane};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// Reads beside the sink, on a connection of its own.
#[derive(Debug)]
pub struct SqliteAnalysis {
    database: Database,
}

/// The rows that are asked about; what is not asked about is NULL.
const WHERE: &str = "minute >= ? AND minute < ? AND username = coalesce(?, username) AND channel = coalesce(?, channel)
     AND vendor = coalesce(?, vendor)";

/// Found by the index of calls alone.
pub(in crate::analysis) const CALLS: &str =
    "SELECT event FROM events WHERE called_with = ? ORDER BY at, partition, log_offset LIMIT ?";

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
            "SELECT value ->> 0 AS phase, priority, value ->> 1 AS bucket, sum(coalesce(value ->> 2, 1)) AS count
             FROM latencies, json_each('[' || took || ']') WHERE {WHERE} GROUP BY phase, priority, bucket ORDER BY bucket"
        );
        self.database.run(async |connection| {
            let mut measured: BTreeMap<(String, Lane), Vec<(i64, i64)>> = BTreeMap::new();
            for row in about(connection, &text, asked).fetch_all().await? {
                let of = (row.get("phase")?, word(&row, "priority")?);
                measured.entry(of).or_default().push((row.get("bucket")?, row.get("count")?));
            }
            let of =
                |phase: Phase, priority| latency(phase, priority, measured.get(&(phase.initial().into(), priority))?);
            let of_phase = |phase| Lane::ALL.iter().filter_map(move |priority| of(phase, *priority));
            Ok(Phase::ALL.into_iter().flat_map(of_phase).collect())
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

    fn outcomes(&mut self, asked: &Asked, most: u32) -> Result<Vec<Outcomes>, Away> {
        if asked.vendor.is_some() {
            return Ok(Vec::new());
        }
        self.database.run(async |connection| {
            let query = connection.query(
                "SELECT username, sum(CASE outcome WHEN 'told' THEN count ELSE 0 END) AS told,
                     sum(CASE outcome WHEN 'again' THEN count ELSE 0 END) AS again,
                     sum(CASE outcome WHEN 'given_up' THEN count ELSE 0 END) AS given_up,
                     sum(CASE outcome WHEN 'disabled' THEN count ELSE 0 END) AS disabled
                 FROM calls WHERE minute >= ? AND minute < ? AND username = coalesce(?, username)
                     AND channel = coalesce(?, channel)
                 GROUP BY username ORDER BY given_up DESC, again DESC, username LIMIT ?",
            );
            let query = query.bind(asked.span_ms.start).bind(asked.span_ms.end).bind(asked.username.as_deref());
            let outcomes = |row: Record| {
                Ok(Outcomes {
                    username: row.get("username")?,
                    told: row.get("told")?,
                    again: row.get("again")?,
                    given_up: row.get("given_up")?,
                    disabled: row.get("disabled")?,
                })
            };
            let query = query.bind(asked.channel.map(Channel::as_str)).bind(most);
            query.fetch_all().await?.into_iter().map(outcomes).collect()
        })
    }

    fn calls(&mut self, track_id: &str) -> Result<Vec<Call>, Away> {
        self.database.run(async |connection| {
            let rows = connection.query(CALLS).bind(track_id).bind(MOST_CALLS).fetch_all().await?;
            let call = |row: &Record| {
                let event: String = row.get("event")?;
                let call: Call = serde_json::from_str(&event).map_err(|error| sqlx::Error::Decode(error.into()))?;
                Ok(call.understood())
            };
            rows.iter().map(call).collect()
        })
    }

    fn activities(&mut self, span_ms: Range<i64>) -> Result<Vec<Activity>, Away> {
        self.database.run(async |connection| {
            let mut activities = Activities::default();
            let counters = connection.query(
                "SELECT vendor, channel, username, sum(count) AS requests,
                     sum(CASE WHEN state = 'DELIVERED' THEN 0 ELSE count END) AS failures
                 FROM counters WHERE minute >= ? AND minute < ? AND vendor <> ''
                     AND (event = 'ATTEMPT' OR event = 'STEP' AND state IN ('DELIVERED', 'FAILED', 'UNCERTAIN'))
                 GROUP BY vendor, channel, username",
            );
            let counted = |row: Record| {
                let activity = activities.of(series(&row)?);
                activity.requests = row.get::<i64>("requests")?.unsigned_abs();
                activity.failures = row.get::<i64>("failures")?.unsigned_abs();
                Ok(())
            };
            counters.bind(span_ms.start).bind(span_ms.end).for_each(counted).await?;
            let latencies = connection.query(
                "SELECT vendor, channel, username, took FROM latencies WHERE minute >= ? AND minute < ? AND vendor <> ''",
            );
            let measured = |row: Record| {
                let buckets = took::buckets_of(Phase::Vendor, row.get("took")?)?;
                if !buckets.is_empty() {
                    activities.of(series(&row)?).durations.extend(buckets);
                }
                Ok(())
            };
            latencies.bind(span_ms.start).bind(span_ms.end).for_each(measured).await?;
            Ok(activities.all())
        })
    }

    fn anomalies(&mut self, asked: &Asked) -> Result<Vec<Anomaly>, Away> {
        self.database.run(async |connection| {
            let rows = connection.query(
                "SELECT kind, vendor, channel, username, opened_at, closed_at, share, norm, events, slow_ms FROM anomalies
                 WHERE coalesce(closed_at, ?) >= ? AND opened_at < ? AND username = coalesce(?, username)
                     AND channel = coalesce(?, channel) AND vendor = coalesce(?, vendor)
                 ORDER BY opened_at, kind, vendor, channel, username",
            );
            let rows = rows.bind(i64::MAX).bind(asked.span_ms.start).bind(asked.span_ms.end);
            let rows = rows.bind(asked.username.as_deref()).bind(asked.channel.map(Channel::as_str));
            let anomaly = |row: Record| {
                Ok(Anomaly {
                    kind: word::<Kind>(&row, "kind")?,
                    series: series(&row)?,
                    opened_ms: row.get("opened_at")?,
                    closed_ms: row.get("closed_at")?,
                    share: row.get("share")?,
                    norm: row.get("norm")?,
                    events: row.get::<i64>("events")?.unsigned_abs(),
                    slow_ms: row.get("slow_ms")?,
                })
            };
            rows.bind(asked.vendor.as_deref()).fetch_all().await?.into_iter().map(anomaly).collect()
        })
    }

    fn note(&mut self, anomalies: &[Anomaly]) -> Result<(), Away> {
        self.database.run(async |connection| {
            for Anomaly { kind, series, opened_ms, closed_ms, share, norm, events, slow_ms } in anomalies {
                let row = connection.query(
                    "INSERT INTO anomalies
                         (kind, vendor, channel, username, opened_at, closed_at, share, norm, events, slow_ms)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                     ON CONFLICT DO UPDATE SET closed_at = coalesce(closed_at, excluded.closed_at)",
                );
                let row = row.bind(kind.as_str()).bind(series.vendor.as_str()).bind(series.channel.as_str());
                let row = row.bind(series.username.as_str()).bind(*opened_ms).bind(*closed_ms);
                row.bind(*share).bind(*norm).bind(*events as i64).bind(*slow_ms).execute().await?;
            }
            Ok(())
        })
    }
}

fn series(row: &Record) -> sqlx::Result<Series> {
    Ok(Series { vendor: row.get("vendor")?, channel: word(row, "channel")?, username: row.get("username")? })
}
