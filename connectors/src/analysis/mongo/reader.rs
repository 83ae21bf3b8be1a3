//! Answers from MongoDB, added up by the server.

use super::store::Store;
use super::{ANOMALIES, CALLS, COUNTERS, EVENTS, LATENCIES, MongoSettings, NAME};
use crate::analysis::Phase;
use crate::analysis::asked::{
    Activities, Analysis, Asked, Call, Failure, Latency, MOST_CALLS, Outcomes, Volume, latency,
};
use mongodb::Database;
use mongodb::bson::{Bson, DateTime, Document, deserialize_from_document, doc};
use mongodb::error::{Error, Result};
use processors::anomaly::{Activity, Anomaly, Series};
use processors::ports::Away;
use schemas::{Lane, LogEvent};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// Reads beside the sinks, on connections of its own.
pub struct MongoAnalysis {
    store: Store,
}

impl MongoAnalysis {
    /// Asks nothing yet.
    pub fn new(settings: MongoSettings) -> std::result::Result<Self, Away> {
        Ok(Self { store: Store::new(settings)? })
    }
}

impl fmt::Debug for MongoAnalysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(NAME).finish_non_exhaustive()
    }
}

impl Analysis for MongoAnalysis {
    fn volumes(&mut self, asked: &Asked) -> std::result::Result<Vec<Volume>, Away> {
        let stages = [
            doc! { "$match": about(asked) },
            doc! { "$group": {
                "_id": { "minute": "$minute", "channel": "$_id.channel", "event": "$_id.event" },
                "count": { "$sum": "$count" },
            } },
            doc! { "$sort": { "_id.minute": 1, "_id.channel": 1, "_id.event": 1 } },
        ];
        self.store.run(async |database| {
            let volume = |row: Document| {
                let of = id(&row)?;
                Ok(Volume {
                    minute_ms: of.get_datetime("minute").map_err(Error::custom)?.timestamp_millis(),
                    channel: word(of, "channel")?,
                    event: word(of, "event")?,
                    count: number(&row, "count")?,
                })
            };
            aggregate(database, COUNTERS, &stages).await?.into_iter().map(volume).collect()
        })
    }

    fn latencies(&mut self, asked: &Asked) -> std::result::Result<Vec<Latency>, Away> {
        let stages = [
            doc! { "$match": about(asked) },
            doc! { "$project": { "phase": { "$objectToArray": "$buckets" } } },
            doc! { "$unwind": "$phase" },
            doc! { "$project": { "phase": "$phase.k", "bucket": { "$objectToArray": "$phase.v" } } },
            doc! { "$unwind": "$bucket" },
            doc! { "$group": {
                "_id": { "phase": "$phase", "priority": "$_id.priority", "bucket": "$bucket.k" },
                "count": { "$sum": "$bucket.v" },
            } },
        ];
        self.store.run(async |database| {
            let mut all: BTreeMap<(String, String), Vec<(i64, i64)>> = BTreeMap::new();
            for row in aggregate(database, LATENCIES, &stages).await? {
                let of = id(&row)?;
                let key = (text(of, "phase")?.to_owned(), text(of, "priority")?.to_owned());
                let bucket = text(of, "bucket")?.parse().map_err(Error::custom)?;
                all.entry(key).or_default().push((bucket, number(&row, "count")?));
            }
            all.values_mut().for_each(|buckets| buckets.sort_unstable());
            let measured = |phase: Phase, priority: Lane| {
                let buckets = all.get(&(phase.as_str().to_owned(), priority.as_str().to_owned()))?;
                latency(phase, priority, buckets)
            };
            let each = |phase| Lane::ALL.iter().map(move |priority| (phase, *priority));
            Ok(Phase::ALL
                .into_iter()
                .flat_map(each)
                .filter_map(|(phase, priority)| measured(phase, priority))
                .collect())
        })
    }

    fn failures(&mut self, asked: &Asked, most: u32) -> std::result::Result<Vec<Failure>, Away> {
        let mut failed = about(asked);
        failed.insert("_id.event", doc! { "$in": ["STEP", "REJECTED"] });
        failed.insert("_id.state", doc! { "$ne": "DELIVERED" });
        let by =
            doc! { "channel": "$_id.channel", "vendor": "$_id.vendor", "origin": "$_id.origin", "code": "$_id.code" };
        let stages = [
            doc! { "$match": failed },
            doc! { "$group": { "_id": by, "count": { "$sum": "$count" } } },
            doc! { "$sort": { "count": -1, "_id.channel": 1, "_id.vendor": 1, "_id.origin": 1, "_id.code": 1 } },
            doc! { "$limit": i64::from(most.max(1)) },
        ];
        self.store.run(async |database| {
            let failure = |row: Document| {
                let of = id(&row)?;
                Ok(Failure {
                    channel: word(of, "channel")?,
                    vendor: text(of, "vendor")?.into(),
                    origin: word(of, "origin")?,
                    code: text(of, "code")?.into(),
                    count: number(&row, "count")?,
                })
            };
            aggregate(database, COUNTERS, &stages).await?.into_iter().map(failure).collect()
        })
    }

    fn outcomes(&mut self, asked: &Asked, most: u32) -> std::result::Result<Vec<Outcomes>, Away> {
        if asked.vendor.is_some() {
            return Ok(Vec::new());
        }
        let of = |word: &str| doc! { "$sum": { "$cond": [{ "$eq": ["$_id.outcome", word] }, "$count", 0] } };
        let stages = [
            doc! { "$match": about(asked) },
            doc! { "$group": {
                "_id": { "username": "$_id.username" }, "told": of("told"), "again": of("again"),
                "given_up": of("given_up"), "disabled": of("disabled"),
            } },
            doc! { "$sort": { "given_up": -1, "again": -1, "_id.username": 1 } },
            doc! { "$limit": i64::from(most.max(1)) },
        ];
        self.store.run(async |database| {
            let outcomes = |row: Document| {
                Ok(Outcomes {
                    username: text(id(&row)?, "username")?.into(),
                    told: number(&row, "told")?,
                    again: number(&row, "again")?,
                    given_up: number(&row, "given_up")?,
                    disabled: number(&row, "disabled")?,
                })
            };
            aggregate(database, CALLS, &stages).await?.into_iter().map(outcomes).collect()
        })
    }

    fn calls(&mut self, track_id: &str) -> std::result::Result<Vec<Call>, Away> {
        let stages = [
            doc! { "$match": calls_of(track_id) },
            doc! { "$sort": { "at": 1, "_id": 1 } },
            doc! { "$limit": i64::from(MOST_CALLS) },
        ];
        self.store.run(async |database| aggregate(database, EVENTS, &stages).await?.into_iter().map(call).collect())
    }

    fn activities(&mut self, span_ms: Range<i64>) -> std::result::Result<Vec<Activity>, Away> {
        let mut of_vendors = about(&Asked::all(span_ms));
        of_vendors.insert("_id.vendor", doc! { "$ne": "" });
        let mut ended = of_vendors.clone();
        let states = doc! { "$in": ["DELIVERED", "FAILED", "UNCERTAIN"] };
        ended.insert(
            "$or",
            [doc! { "_id.event": "ATTEMPT" }, doc! { "_id.event": "STEP", "_id.state": states }].to_vec(),
        );
        let series = doc! { "vendor": "$_id.vendor", "channel": "$_id.channel", "username": "$_id.username" };
        let failed = doc! { "$cond": [{ "$eq": ["$_id.state", "DELIVERED"] }, 0, "$count"] };
        let counters = [
            doc! { "$match": ended },
            doc! { "$group": {
                "_id": series.clone(), "requests": { "$sum": "$count" }, "failures": { "$sum": failed },
            } },
        ];
        let mut bucket = series;
        bucket.insert("bucket", "$bucket.k");
        let latencies = [
            doc! { "$match": of_vendors },
            doc! { "$project": { "bucket": { "$objectToArray": format!("$buckets.{}", Phase::Vendor.as_str()) } } },
            doc! { "$unwind": "$bucket" },
            doc! { "$group": { "_id": bucket, "count": { "$sum": "$bucket.v" } } },
        ];
        self.store.run(async |database| {
            let mut activities = Activities::default();
            for row in aggregate(database, COUNTERS, &counters).await? {
                let activity = activities.of(series_of(id(&row)?)?);
                activity.requests = number(&row, "requests")?.unsigned_abs();
                activity.failures = number(&row, "failures")?.unsigned_abs();
            }
            for row in aggregate(database, LATENCIES, &latencies).await? {
                let of = id(&row)?;
                let bucket = text(of, "bucket")?.parse().map_err(Error::custom)?;
                activities.of(series_of(of)?).durations.push((bucket, number(&row, "count")?));
            }
            Ok(activities.all())
        })
    }

    fn anomalies(&mut self, asked: &Asked) -> std::result::Result<Vec<Anomaly>, Away> {
        let mut filter = about(asked);
        filter.remove("minute");
        filter.insert("opened_at", doc! { "$lt": DateTime::from_millis(asked.span_ms.end) });
        let lasting =
            [doc! { "closed_at": null }, doc! { "closed_at": { "$gte": DateTime::from_millis(asked.span_ms.start) } }];
        filter.insert("$or", lasting.to_vec());
        let order = doc! { "opened_at": 1, "_id.kind": 1, "_id.vendor": 1, "_id.channel": 1, "_id.username": 1 };
        self.store.run(async |database| {
            aggregate(database, ANOMALIES, &[doc! { "$match": filter }, doc! { "$sort": order }])
                .await?
                .iter()
                .map(anomaly)
                .collect()
        })
    }

    fn note(&mut self, anomalies: &[Anomaly]) -> std::result::Result<(), Away> {
        self.store.run(async |database| {
            let kept = database.collection::<Document>(ANOMALIES);
            for anomaly in anomalies {
                let id = anomaly_id(anomaly);
                let new = doc! { "$setOnInsert": {
                    "opened_at": DateTime::from_millis(anomaly.opened_ms),
                    "closed_at": anomaly.closed_ms.map(DateTime::from_millis),
                    "share": anomaly.share,
                    "norm": anomaly.norm,
                    "events": anomaly.events as i64,
                    "slow_ms": anomaly.slow_ms,
                } };
                kept.update_one(doc! { "_id": &id }, new).upsert(true).await?;
                if let Some(closed_ms) = anomaly.closed_ms {
                    let end = doc! { "$set": { "closed_at": DateTime::from_millis(closed_ms) } };
                    kept.update_one(doc! { "_id": id, "closed_at": null }, end).await?;
                }
            }
            Ok(())
        })
    }
}

/// Found by the index of calls.
pub(super) fn calls_of(track_id: &str) -> Document {
    doc! { "event": LogEvent::Callback.as_str(), "track_id": track_id }
}

fn call(mut event: Document) -> Result<Call> {
    for (_, value) in event.iter_mut() {
        if let Bson::DateTime(at) = value {
            *value = Bson::Int64(at.timestamp_millis());
        }
    }
    Ok(deserialize_from_document::<Call>(event)?.understood())
}

fn anomaly_id(anomaly: &Anomaly) -> Document {
    let Series { vendor, channel, username } = &anomaly.series;
    doc! {
        "kind": anomaly.kind.as_str(),
        "vendor": vendor,
        "channel": channel.as_str(),
        "username": username,
        "opened_at": DateTime::from_millis(anomaly.opened_ms),
    }
}

fn anomaly(row: &Document) -> Result<Anomaly> {
    let of = id(row)?;
    let time = |key: &str| row.get_datetime(key).map(|time| time.timestamp_millis());
    Ok(Anomaly {
        kind: word(of, "kind")?,
        series: series_of(of)?,
        opened_ms: time("opened_at").map_err(Error::custom)?,
        closed_ms: time("closed_at").ok(),
        share: row.get_f64("share").map_err(Error::custom)?,
        norm: row.get_f64("norm").map_err(Error::custom)?,
        events: number(row, "events")?.unsigned_abs(),
        slow_ms: number(row, "slow_ms").ok(),
    })
}

fn series_of(id: &Document) -> Result<Series> {
    Ok(Series {
        vendor: text(id, "vendor")?.into(),
        channel: word(id, "channel")?,
        username: text(id, "username")?.into(),
    })
}

fn id(row: &Document) -> Result<&Document> {
    row.get_document("_id").map_err(Error::custom)
}

/// The counters that are asked about.
fn about(asked: &Asked) -> Document {
    let Asked { span_ms, username, channel, vendor } = asked;
    let (from, to) = (DateTime::from_millis(span_ms.start), DateTime::from_millis(span_ms.end));
    let mut filter = doc! { "minute": { "$gte": from, "$lt": to } };
    let channel = channel.map(|channel| channel.as_str().to_owned());
    for (key, value) in [("_id.username", username), ("_id.channel", &channel), ("_id.vendor", vendor)] {
        filter.extend(value.as_ref().map(|value| (key.to_owned(), value.into())));
    }
    filter
}

async fn aggregate(database: &Database, collection: &str, stages: &[Document]) -> Result<Vec<Document>> {
    let mut cursor =
        database.collection::<Document>(collection).aggregate(stages.to_vec()).allow_disk_use(true).await?;
    let mut rows = Vec::new();
    while cursor.advance().await? {
        rows.push(cursor.deserialize_current()?);
    }
    Ok(rows)
}

fn text<'d>(row: &'d Document, key: &str) -> Result<&'d str> {
    row.get_str(key).map_err(Error::custom)
}

fn word<W: FromStr<Err: std::error::Error + Send + Sync + 'static>>(row: &Document, key: &str) -> Result<W> {
    text(row, key)?.parse().map_err(Error::custom)
}

/// A sum, of whatever width the server chose.
fn number(row: &Document, key: &str) -> Result<i64> {
    row.get_i64(key).or_else(|_| row.get_i32(key).map(i64::from)).map_err(Error::custom)
}
