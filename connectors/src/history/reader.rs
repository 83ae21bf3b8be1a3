//! What is asked of history.

use super::{By, HistoryTable, Wanted, place, search};
use crate::cipher::Cipher;
use crate::sql::{Database, Location, Record, StoreError, Table, word};
use processors::ports::Away;
use schemas::{Channel, History, MessageType};
use std::sync::Arc;
use std::time::Duration;

/// How long an answer may take: who asks waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads beside the sink, on a connection of its own.
#[derive(Debug)]
pub struct HistoryReader {
    database: Database,
    cipher: Arc<Cipher>,
}

/// Ended messages of one day, service key, requested channel and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayStatistics {
    /// YYYY-MM-DD of the request, Asia/Seoul.
    pub day: String,
    /// Requested channel.
    pub channel: Channel,
    /// Requested type.
    pub message_type: MessageType,
    /// success + fail + cancelled.
    pub total: i64,
    /// Delivered.
    pub success: i64,
    /// Failed, expired and uncertain ones too.
    pub fail: i64,
    /// Part of fail: the vendor may have delivered.
    pub uncertain: i64,
    /// Part of fail: too late to be sent.
    pub expired: i64,
    /// Cancelled by the customer.
    pub cancelled: i64,
    /// Part of total: ended on a fallback step.
    pub fallback: i64,
    /// Part of success: delivered by a fallback step.
    pub fallback_success: i64,
}

pub(super) const STEPS: &str = "SELECT * FROM history WHERE track_id = ? ORDER BY step";
pub(super) const STATISTICS: &str = "SELECT * FROM daily_statistics WHERE service_key = ? AND day BETWEEN ? AND ?
    ORDER BY day, channel, message_type";

impl HistoryReader {
    /// Opens the store of history, or makes it.
    pub fn open(location: &Location, cipher: Arc<Cipher>) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open(location, &HistoryTable::SCHEMA)?.patient(PATIENCE), cipher })
    }

    /// The steps of a message, in order, personal data decrypted.
    pub fn steps(&mut self, track_id: &str) -> Result<Vec<History>, Away> {
        let Self { database, cipher } = self;
        database.run(async |connection| {
            let rows = connection.query(STEPS).bind(track_id);
            rows.fetch_all().await?.iter().map(|row| history(cipher, row)).collect()
        })
    }

    /// Steps of a service key's messages, the newest request first, personal data decrypted.
    pub fn find(&mut self, wanted: &Wanted<'_>) -> Result<Vec<History>, Away> {
        let Self { database, cipher } = self;
        let lookup = match wanted.by {
            By::Recipient(value) | By::Token(value) => cipher.lookup(value),
            By::MessageId(_) | By::Time => Vec::new(),
        };
        database.run(async |connection| {
            let rows = search::rows(connection, wanted, &lookup, |row| history(cipher, row));
            rows.await
        })
    }

    /// Statistics of a service key between two days (YYYY-MM-DD, Asia/Seoul), both included.
    pub fn statistics(&mut self, service_key: &str, from: &str, to: &str) -> Result<Vec<DayStatistics>, Away> {
        self.database.run(async |connection| {
            let rows = connection.query(STATISTICS).bind(service_key).bind(from).bind(to);
            rows.fetch_all().await?.iter().map(day).collect()
        })
    }
}

fn history(cipher: &Cipher, row: &Record) -> sqlx::Result<History> {
    let track_id: String = row.get("track_id")?;
    let step = row.get("step")?;
    let open = |column: &str| -> sqlx::Result<Option<Vec<u8>>> {
        let sealed: Option<Vec<u8>> = row.get(column)?;
        let opened = sealed.map(|sealed| cipher.open(&place(&track_id, step, column), &sealed)).transpose();
        opened.map_err(|e| sqlx::Error::Decode(e.into()))
    };
    let text = |column| -> sqlx::Result<Option<String>> {
        open(column)?.map(String::from_utf8).transpose().map_err(|e| sqlx::Error::Decode(e.into()))
    };
    let recipient = serde_json::from_slice(&open("recipient")?.unwrap_or_default());
    Ok(History {
        serial_number: row.get("serial_number")?,
        step,
        last_step: row.get("last_step")?,
        username: row.get("username")?,
        service_key: row.get("service_key")?,
        message_id: row.get("message_id")?,
        requested_channel: word(row, "requested_channel")?,
        requested_type: word(row, "requested_type")?,
        channel: word(row, "channel")?,
        message_type: word(row, "message_type")?,
        priority: word(row, "priority")?,
        state: word(row, "state")?,
        origin: word(row, "origin")?,
        code: row.get("code")?,
        vendor: row.get("vendor")?,
        vendor_code: row.get("vendor_code")?,
        attempts: row.get("attempts")?,
        recipient: recipient.map_err(|e| sqlx::Error::Decode(e.into()))?,
        title: text("title")?,
        message: text("message")?,
        received_at: row.get("received_at")?,
        distribution_at: row.get("distribution_at")?,
        sent_at: row.get("sent_at")?,
        report_at: row.get("report_at")?,
        source: word(row, "source")?,
        bill_code: row.get("bill_code")?,
        // Not kept with its row.
        template_code: None,
        track_id,
    })
}

fn day(row: &Record) -> sqlx::Result<DayStatistics> {
    Ok(DayStatistics {
        day: row.get("day")?,
        channel: word(row, "channel")?,
        message_type: word(row, "message_type")?,
        total: row.get("total")?,
        success: row.get("success")?,
        fail: row.get("fail")?,
        uncertain: row.get("uncertain")?,
        expired: row.get("expired")?,
        cancelled: row.get("cancelled")?,
        fallback: row.get("fallback")?,
        fallback_success: row.get("fallback_success")?,
    })
}
