//! What the same rows cost without anything that IMS adds.

use connectors::{
    history::HistoryTable,
    sql::{Database, Dialect, Insert, Location, Record, SqlError, Table as _},
};
use processors::ports::Logged;
use schemas::History;

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
pub struct Stored {
    numbers: [Option<i64>; NUMBERS.len()],
    texts: [Option<String>; TEXTS.len()],
    bytes: [Option<Vec<u8>>; BYTES.len()],
}

/// The same rows into a table of the same shape: no encryption, no offsets, no statistics.
pub struct Bare {
    database: Database,
    insert: Insert,
}

impl Bare {
    /// Makes its table, with the indexes of history.
    pub fn open(location: &Location) -> anyhow::Result<Self> {
        let mut database = Database::open(location, &HistoryTable::SCHEMA)?;
        database.run(async |connection| {
            if connection.dialect() == Dialect::MySql {
                return connection.execute("CREATE TABLE bare LIKE history").await;
            }
            let made = connection.query("SELECT sql FROM sqlite_master WHERE tbl_name = 'history' AND sql IS NOT NULL");
            for row in made.fetch_all().await? {
                let text: String = row.get("sql")?;
                connection.execute(&text.replace("history", "bare")).await?;
            }
            Ok(())
        })?;
        let columns = [&NUMBERS[..], &TEXTS, &BYTES].concat().join(", ");
        Ok(Self { database, insert: Insert::new(&format!("INSERT INTO bare ({columns})"), "") })
    }

    /// These records as they stand in the store.
    pub fn read(&mut self, records: &[Logged<History>]) -> anyhow::Result<Vec<Stored>> {
        let ends = records.first().zip(records.last());
        let Some((first, last)) = ends.map(|(a, b)| (&*a.record.track_id, &*b.record.track_id)) else {
            return Ok(Vec::new());
        };
        Ok(self.database.run(async |connection| {
            let rows = connection.query("SELECT * FROM history WHERE track_id BETWEEN ? AND ? ORDER BY track_id, step");
            rows.bind(first).bind(last).fetch_all().await?.iter().map(read).collect()
        })?)
    }

    /// Writes them.
    pub fn write(&mut self, rows: &[Stored]) -> anyhow::Result<()> {
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

    /// What it is measured on.
    pub fn version(&mut self) -> anyhow::Result<String> {
        Ok(self.database.run(async |connection| {
            let (name, text) = match connection.dialect() {
                Dialect::Sqlite => ("SQLite ", "SELECT sqlite_version() AS version"),
                Dialect::MySql => ("", "SELECT VERSION() AS version"),
            };
            let version: String = connection.query(text).fetch_one().await?.get("version")?;
            Ok(format!("{name}{version}"))
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
