//! What is asked of history.

use super::{HistoryTable, place};
use crate::cipher::Cipher;
use crate::sqlite::{Database, StoreError, Table, word};
use processors::ports::Away;
use schemas::{Channel, History, MessageType};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};
use std::path::Path;
use std::sync::Arc;

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

impl HistoryReader {
    /// Opens the store of history, or makes it.
    pub fn open(path: &Path, cipher: Arc<Cipher>) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open(HistoryTable::NAME, path, &HistoryTable::MIGRATIONS)?, cipher })
    }

    /// The steps of a message, in order, personal data decrypted.
    pub fn steps(&mut self, track_id: &str) -> Result<Vec<History>, Away> {
        let Self { database, cipher } = self;
        database.run(async |connection| {
            let rows = sqlx::query("SELECT * FROM history WHERE track_id = ? ORDER BY step")
                .bind(track_id)
                .fetch_all(connection)
                .await?;
            rows.iter().map(|row| history(cipher, row)).collect()
        })
    }

    /// Statistics of a service key between two days (YYYY-MM-DD, Asia/Seoul), both included.
    pub fn statistics(&mut self, service_key: &str, from: &str, to: &str) -> Result<Vec<DayStatistics>, Away> {
        self.database.run(async |connection| {
            sqlx::query_as("SELECT * FROM daily_statistics WHERE service_key = ? AND day BETWEEN ? AND ? ORDER BY day, channel, message_type")
                .bind(service_key)
                .bind(from)
                .bind(to)
                .fetch_all(connection)
                .await
        })
    }
}

fn history(cipher: &Cipher, row: &SqliteRow) -> sqlx::Result<History> {
    let track_id: String = row.try_get("track_id")?;
    let step = row.try_get("step")?;
    let open = |column: &str| -> sqlx::Result<Option<Vec<u8>>> {
        let sealed: Option<Vec<u8>> = row.try_get(column)?;
        let opened = sealed.map(|sealed| cipher.open(&place(&track_id, step, column), &sealed)).transpose();
        opened.map_err(|e| sqlx::Error::Decode(e.into()))
    };
    let text = |column| -> sqlx::Result<Option<String>> {
        open(column)?.map(String::from_utf8).transpose().map_err(|e| sqlx::Error::Decode(e.into()))
    };
    let recipient = serde_json::from_slice(&open("recipient")?.unwrap_or_default());
    Ok(History {
        serial_number: row.try_get("serial_number")?,
        step,
        last_step: row.try_get("last_step")?,
        username: row.try_get("username")?,
        service_key: row.try_get("service_key")?,
        message_id: row.try_get("message_id")?,
        requested_channel: word(row, "requested_channel")?,
        requested_type: word(row, "requested_type")?,
        channel: word(row, "channel")?,
        message_type: word(row, "message_type")?,
        priority: word(row, "priority")?,
        state: word(row, "state")?,
        origin: word(row, "origin")?,
        code: row.try_get("code")?,
        vendor: row.try_get("vendor")?,
        vendor_code: row.try_get("vendor_code")?,
        attempts: row.try_get("attempts")?,
        recipient: recipient.map_err(|e| sqlx::Error::Decode(e.into()))?,
        title: text("title")?,
        message: text("message")?,
        received_at: row.try_get("received_at")?,
        distribution_at: row.try_get("distribution_at")?,
        sent_at: row.try_get("sent_at")?,
        report_at: row.try_get("report_at")?,
        source: word(row, "source")?,
        bill_code: row.try_get("bill_code")?,
        track_id,
    })
}

impl FromRow<'_, SqliteRow> for DayStatistics {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            day: row.try_get("day")?,
            channel: word(row, "channel")?,
            message_type: word(row, "message_type")?,
            total: row.try_get("total")?,
            success: row.try_get("success")?,
            fail: row.try_get("fail")?,
            uncertain: row.try_get("uncertain")?,
            expired: row.try_get("expired")?,
            cancelled: row.try_get("cancelled")?,
            fallback: row.try_get("fallback")?,
            fallback_success: row.try_get("fallback_success")?,
        })
    }
}
