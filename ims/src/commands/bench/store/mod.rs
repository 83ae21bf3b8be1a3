//! History into a server or a file, beside a bare INSERT of the same rows, and what is asked of it.

mod bare;
mod lookups;

use super::StoreArgs;
use crate::{assemble::now_ms, config::Config, stores::Stores};
use anyhow::ensure;
use bare::Bare;
use connectors::{
    cipher::Cipher,
    history::{HistorySink, HistoryTable},
    sql::{Database, Location, Table as _},
};
use processors::{
    korea::DAY_MS,
    ports::{Logged, Move, Sink, Written},
};
use schemas::{Channel, History, Topic, examples};
use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

/// Runs the bench in a database or file of its own, which it removes.
pub fn run(config: &Config, args: &StoreArgs) -> anyhow::Result<serde_json::Value> {
    if config.store.url.is_empty() {
        let beside = config.store.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = tempfile::tempdir_in(beside.unwrap_or(".".as_ref()))?;
        return measure(&Location::file(folder.path().join("history.sqlite")), args);
    }
    on_the_server(config, |location, _| measure(location, args))
}

/// Works in a database of its own, of this name, on the server of store.url.
pub fn on_the_server<T>(config: &Config, work: impl FnOnce(&Location, &str) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let configured = Stores::of(config).history()?;
    let name = format!("ims_bench_{}", now_ms());
    let mut server = Database::connect(&configured, &HistoryTable::SCHEMA)?;
    server.run(async |connection| connection.execute(&format!("CREATE DATABASE {name}")).await)?;
    let done = work(&configured.with_database(&name), &name);
    server.run(async |connection| connection.execute(&format!("DROP DATABASE {name}")).await)?;
    done
}

fn measure(location: &Location, args: &StoreArgs) -> anyhow::Result<serde_json::Value> {
    let StoreArgs { rows, batch, lookups, lookup_rows } = *args;
    let cipher = Arc::new(Cipher::ephemeral()?);
    let sink = HistorySink::history(location, Arc::clone(&cipher))?;
    let mut filled = Filled { sink, start_ms: now_ms(), next: 0, mixed: rows..rows };
    let mut bare = Bare::open(location)?;
    let (mut stored, mut inserted) = (Duration::ZERO, Duration::ZERO);
    // By turns, so that what else the machine does falls on both alike.
    while filled.next < rows {
        let (records, spent) = filled.write(batch.min(rows - filled.next))?;
        stored += spent;
        let same = bare.read(&records)?;
        ensure!(same.len() == records.len(), "of {} rows {} stand in the store", records.len(), same.len());
        let began = Instant::now();
        bare.write(&same)?;
        inserted += began.elapsed();
    }
    let per_second = |spent: Duration| (rows as f64 / spent.as_secs_f64()).round();
    let mut measured = serde_json::json!({
        "bench": "store",
        "server": bare.version()?,
        "rows": rows,
        "batch": batch,
        "store_rows_per_second": per_second(stored),
        "bare_insert_rows_per_second": per_second(inserted),
        "ratio": inserted.as_secs_f64() / stored.as_secs_f64(),
    });
    if lookups > 0 {
        let all = lookup_rows.max(rows + YEAR_ROWS);
        filled.mixed.end = all;
        while filled.next < all {
            filled.write(batch.min(all - filled.next))?;
        }
        measured["lookups"] = lookups::measure(location, cipher, &filled, lookups)?;
    }
    Ok(measured)
}

/// Rows of the year before, for its statistics: each day each customer sends each kind once.
const YEAR_ROWS: u64 = 365 * examples::MIXTURE;

/// A store that was filled so far.
struct Filled {
    sink: HistorySink,
    /// When the first message was requested; each further one a millisecond later.
    start_ms: i64,
    /// The next row.
    next: u64,
    /// Rows of all channels, among which is looked up; the others are of one.
    mixed: Range<u64>,
}

impl Filled {
    /// The n-th row. Of those of all channels the first lie in the year before.
    fn record(&self, n: u64) -> History {
        match n.checked_sub(self.mixed.start) {
            None => examples::step(self.start_ms, n),
            Some(of_mixed) => {
                let days = 365_u64.saturating_sub(of_mixed / examples::MIXTURE);
                examples::mixed_step(self.start_ms - days as i64 * DAY_MS, n)
            }
        }
    }

    /// Writes so many more rows in one transaction, as the store role does; they, and how long it took.
    fn write(&mut self, count: u64) -> anyhow::Result<(Vec<Logged<History>>, Duration)> {
        let topic = Topic::hist(Channel::At);
        let (first, next) = (self.next, self.next + count);
        let logged = |n| Logged { topic, partition: 0, offset: n as i64, record: self.record(n) };
        let records: Vec<Logged<History>> = (first..next).map(logged).collect();
        let from = (first > 0).then_some(first as i64);
        let began = Instant::now();
        let written = self.sink.write(&records, &[Move { topic, partition: 0, from, to: next as i64 }])?;
        let spent = began.elapsed();
        ensure!(written == Written::Moved, "the store did not take the batch: {written:?}");
        self.next = next;
        Ok((records, spent))
    }
}
