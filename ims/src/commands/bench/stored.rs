//! The whole chain of one process with its history on a server: how fast messages get from the API to their report and
//! their rows, and what each costs the process, the brokers and the server, which are looked at from outside.

use super::{
    StoredArgs,
    chain::{Chain, Customers},
    store::on_the_server,
    usage::{Measured, Process},
};
use crate::{
    config::{Config, StoreConfig},
    exit::usage,
};
use anyhow::{Context, ensure};
use connectors::{
    history::HistoryTable,
    sql::{Database, Location, Table as _},
};
use schemas::{Lane, Topic};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use topology::log::{Log, Place};
use url::Url;

/// Customers of the backlog.
const CUSTOMERS: u64 = 10;
/// A rate that limits nothing.
const TPS: u32 = 1_000_000;

/// Runs the bench in a database of its own, which it removes.
pub fn run(config: &Config, args: &StoredArgs) -> anyhow::Result<Value> {
    if config.store.url.is_empty() {
        return Err(usage("name the server of history: --set store.url=mysql://USER:PASSWORD@HOST:3306/DATABASE"));
    }
    for pid in args.broker_pid.iter().chain(&args.store_pid) {
        if Process::Child(*pid).peak_mb() == 0 {
            return Err(usage(format!("no process {pid} runs on this machine: give the ids of the servers, or none")));
        }
    }
    on_the_server(config, |location, name| measure(config, args, location, name))
}

fn measure(config: &Config, args: &StoredArgs, location: &Location, database: &str) -> anyhow::Result<Value> {
    let mut url = Url::parse(&config.store.url).context("store.url")?;
    url.set_path(database);
    // The process works in a folder of its own.
    let whole = |file: &Path| if file.as_os_str().is_empty() { Ok(PathBuf::new()) } else { std::path::absolute(file) };
    let StoreConfig { password_file, key_file, .. } = &config.store;
    let (password_file, key_file) = (whole(password_file)?, whole(key_file)?);
    let store = StoreConfig { url: url.into(), password_file, key_file, ..config.store.clone() };
    let customers = Customers { count: CUSTOMERS, tps: TPS, watched: false };
    let mut chain = Chain::start_with(config, customers, Some(store))?;
    // The first messages meet cold caches, and groups that settle.
    drain(&mut chain, args.warm_up)?;

    let of_all = |pids: &[u32]| pids.iter().map(|pid| Measured::of(Process::Child(*pid))).collect::<Vec<_>>();
    let (load, ims) = (Measured::begin(), Measured::of(chain.process()));
    let (brokers, servers) = (of_all(&args.broker_pid), of_all(&args.store_pid));
    drain(&mut chain, args.messages)?;
    let (ims, load) = (ims.end(args.messages), load.end(args.messages));
    let cost = |all: Vec<Measured>| {
        let costs = all.into_iter().map(|measured| measured.end(args.messages).cpu_us_per_message);
        costs.fold(None, |sum, cost| Some(sum.unwrap_or(0.0) + cost))
    };

    let records = records(&chain)?;
    let (server, rows) = rows(location)?;
    let steps = records.get("HIST").copied().unwrap_or(0);
    ensure!(rows == steps, "{rows} rows of history for {steps} records in HIST");
    let per_message = |count: u64| count as f64 / chain.sent() as f64;
    let by_topic: BTreeMap<&str, f64> = records.iter().map(|(name, count)| (*name, per_message(*count))).collect();
    Ok(json!({
        "bench": "stored",
        "server": server,
        "messages": args.messages,
        "messages_per_second": ims.per_second,
        "cpu_us_per_message": {
            "ims": ims.cpu_us_per_message,
            "brokers": cost(brokers),
            "store": cost(servers),
            "load": load.cpu_us_per_message,
        },
        "peak_mb": ims.peak_mb,
        "records_per_message": per_message(records.values().sum()),
        "records_per_message_by_topic": by_topic,
        "history_rows_per_message": per_message(rows),
    }))
}

fn drain(chain: &mut Chain, messages: u64) -> anyhow::Result<()> {
    chain.send(Lane::Mass, messages, 0..CUSTOMERS)?;
    chain.until_drained()
}

/// Records of all topics, by the first word of their names. Of OPEN, what compaction has left.
fn records(chain: &Chain) -> anyhow::Result<BTreeMap<&'static str, u64>> {
    let mut reader = chain.log().reader()?;
    let mut counts = BTreeMap::new();
    for &topic in Topic::all() {
        let first_word = topic.name().split('-').next().unwrap_or_default();
        for partition in reader.partitions(topic)? {
            let place = Place { topic, partition };
            let (from, to) = reader.bounds(place)?;
            if from < to {
                reader.read(place, from, to, &mut |_| *counts.entry(first_word).or_default() += 1)?;
            }
        }
    }
    Ok(counts)
}

/// The server's version, and the rows of history that it holds.
fn rows(location: &Location) -> anyhow::Result<(String, u64)> {
    let mut database = Database::connect(location, &HistoryTable::SCHEMA)?;
    let (server, rows): (String, i64) = database.run(async |connection| {
        let row = connection.query("SELECT version() AS server, count(*) AS stored FROM history").fetch_one().await?;
        Ok((row.get("server")?, row.get("stored")?))
    })?;
    Ok((server, u64::try_from(rows)?))
}
