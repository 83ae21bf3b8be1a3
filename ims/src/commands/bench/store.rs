//! History into MySQL or MariaDB, beside a bare INSERT of the same rows.

use crate::{assemble::now_ms, config::Config, exit::usage, stores::Stores};
use anyhow::ensure;
use connectors::{
    cipher::Cipher,
    history::{HistorySink, HistoryTable},
    sql::{Database, Insert, Location, Record, SqlError, Table},
};
use processors::ports::{Logged, Move, Sink, Written};
use schemas::{Api, Channel, History, Lane, MessageType, Origin, Recipient, State, Topic, TrackId};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const NUMBERS: [&str; 7] = ["step", "last_step", "received_at", "attempts", "distribution_at", "sent_at", "report_at"];
const TEXTS: [&str; 17] = [
    "track_id",
    "username",
    "service_key",
    "requested_channel",
    "requested_type",
    "state",
    "message_id",
    "serial_number",
    "channel",
    "message_type",
    "priority",
    "origin",
    "code",
    "vendor",
    "vendor_code",
    "source",
    "bill_code",
];
const BYTES: [&str; 4] = ["recipient_lookup", "recipient", "title", "message"];

/// A row of history as it stands in the store, encrypted.
struct Stored {
    numbers: [Option<i64>; NUMBERS.len()],
    texts: [Option<String>; TEXTS.len()],
    bytes: [Option<Vec<u8>>; BYTES.len()],
}

/// Runs the bench in a database of its own, which it removes.
pub fn run(config: &Config, rows: u64, batch: u64) -> anyhow::Result<serde_json::Value> {
    if config.store.url.is_empty() {
        return Err(usage("store.url is empty, and this measures a server: `dev/mariadb start` gives you one"));
    }
    let configured = Stores::of(config).history()?;
    let name = format!("ims_bench_{}", now_ms());
    let mut server = Database::connect(&configured, &HistoryTable::SCHEMA)?;
    server.run(async |connection| connection.execute(&format!("CREATE DATABASE {name}")).await)?;
    let measured = measure(&configured.with_database(&name), rows, batch.max(1));
    server.run(async |connection| connection.execute(&format!("DROP DATABASE {name}")).await)?;
    measured
}

fn measure(location: &Location, rows: u64, batch: u64) -> anyhow::Result<serde_json::Value> {
    let mut sink = HistorySink::history(location, Arc::new(Cipher::ephemeral()?))?;
    let mut bare = Bare::open(location)?;
    let (topic, start_ms) = (Topic::hist(Channel::At), now_ms());
    let (mut stored, mut inserted) = (Duration::ZERO, Duration::ZERO);
    // By turns, so that what else the machine does falls on both alike.
    for first in (0..rows).step_by(usize::try_from(batch)?) {
        let next = (first + batch).min(rows);
        let logged = |n| Logged { topic, partition: 0, offset: n as i64, record: step(start_ms, n) };
        let records: Vec<Logged<History>> = (first..next).map(logged).collect();
        let from = (first > 0).then_some(first as i64);
        let began = Instant::now();
        let written = sink.write(&records, &[Move { topic, partition: 0, from, to: next as i64 }])?;
        stored += began.elapsed();
        ensure!(written == Written::Moved, "the store did not take the batch: {written:?}");
        let same = bare.read(&records)?;
        ensure!(same.len() == records.len(), "of {} rows {} stand in the store", records.len(), same.len());
        let began = Instant::now();
        bare.write(&same)?;
        inserted += began.elapsed();
    }
    let per_second = |spent: Duration| (rows as f64 / spent.as_secs_f64()).round();
    Ok(serde_json::json!({
        "bench": "store",
        "server": bare.version()?,
        "rows": rows,
        "batch": batch,
        "store_rows_per_second": per_second(stored),
        "bare_insert_rows_per_second": per_second(inserted),
        "ratio": inserted.as_secs_f64() / stored.as_secs_f64(),
    }))
}

/// The same rows into a table of the same shape: no encryption, no offsets, no statistics.
struct Bare {
    database: Database,
    insert: Insert,
}

impl Bare {
    fn open(location: &Location) -> anyhow::Result<Self> {
        let mut database = Database::open(location, &HistoryTable::SCHEMA)?;
        database.run(async |connection| connection.execute("CREATE TABLE bare LIKE history").await)?;
        let columns = [&NUMBERS[..], &TEXTS, &BYTES].concat().join(", ");
        Ok(Self { database, insert: Insert::new(&format!("INSERT INTO bare ({columns})"), "") })
    }

    /// These records as they stand in the store.
    fn read(&mut self, records: &[Logged<History>]) -> anyhow::Result<Vec<Stored>> {
        let ends = records.first().zip(records.last());
        let Some((first, last)) = ends.map(|(a, b)| (&*a.record.track_id, &*b.record.track_id)) else {
            return Ok(Vec::new());
        };
        Ok(self.database.run(async |connection| {
            let rows = connection.query("SELECT * FROM history WHERE track_id BETWEEN ? AND ? ORDER BY track_id, step");
            rows.bind(first).bind(last).fetch_all().await?.iter().map(read).collect()
        })?)
    }

    fn write(&mut self, rows: &[Stored]) -> anyhow::Result<()> {
        let Self { database, insert } = self;
        database.transact(
            async |connection| {
                let bound = insert.rows(connection, rows, |stored, row| {
                    stored.numbers.iter().try_for_each(|number| row.put(*number).map(drop))?;
                    stored.texts.iter().try_for_each(|text| row.put(text.as_deref()).map(drop))?;
                    stored.bytes.iter().try_for_each(|bytes| row.put(bytes.as_deref()).map(drop))
                });
                bound.await.map(drop)
            },
            |()| true,
        )?;
        Ok(())
    }

    fn version(&mut self) -> anyhow::Result<String> {
        Ok(self.database.run(async |connection| {
            connection.query("SELECT VERSION() AS version").fetch_one().await?.get("version")
        })?)
    }
}

fn read(row: &Record) -> Result<Stored, SqlError> {
    let mut stored = Stored { numbers: [None; _], texts: [const { None }; _], bytes: [const { None }; _] };
    for (number, column) in stored.numbers.iter_mut().zip(NUMBERS) {
        *number = row.get(column)?;
    }
    for (text, column) in stored.texts.iter_mut().zip(TEXTS) {
        *text = row.get(column)?;
    }
    for (bytes, column) in stored.bytes.iter_mut().zip(BYTES) {
        *bytes = row.get(column)?;
    }
    Ok(stored)
}

/// A delivered 알림톡, with the sizes that such messages have.
fn step(start_ms: i64, n: u64) -> History {
    let at_ms = start_ms + n as i64;
    let api = Api { cluster: 0, lane: Lane::Mass, partition: (n % 20) as u16, offset: n, receiver: 0 };
    let track_id = TrackId::new(at_ms, api).to_string();
    History {
        serial_number: format!("{track_id}-0M"),
        track_id,
        last_step: true,
        username: format!("customer-{}", n % 10),
        service_key: format!("HanbitShopServiceKey00000000000000{:06}", n % 10),
        message_id: format!("order-{n}"),
        requested_channel: Channel::At,
        requested_type: MessageType::At,
        state: if n.is_multiple_of(20) { State::Failed } else { State::Delivered },
        origin: Origin::Vendor,
        code: "0000".into(),
        vendor: "talk-one".into(),
        vendor_code: "0000".into(),
        attempts: 1,
        recipient: Recipient {
            phone_number: Some(format!("10{:08}", n % 100_000_000)),
            country_code: Some("82".into()),
            ..Recipient::default()
        },
        title: Some("주문 안내".into()),
        message: Some(
            "[한빛상점] 김하늘님, 주문하신 상품이 오늘 발송되었습니다. 운송장 번호는 아래 버튼에서 확인하실 수 있습니다.".into(),
        ),
        received_at: at_ms,
        distribution_at: Some(at_ms + 4),
        sent_at: Some(at_ms + 9),
        report_at: at_ms + 60,
        ..History::default()
    }
}
