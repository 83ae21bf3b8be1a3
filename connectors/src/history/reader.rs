//! What is asked of history.

use super::{HistoryTable, place};
use crate::cipher::Cipher;
use crate::sql::{Database, Location, Record, StoreError, Table, question_marks, word};
use processors::ports::Away;
use schemas::{Channel, History, MessageType};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::ops::Range;
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

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Whose messages.
    pub service_key: &'a str,
    /// By what.
    pub by: By<'a>,
    /// The channels that they were requested for, one or more.
    pub channels: &'a [Channel],
    /// When they were requested, Unix milliseconds, the end excluded.
    pub received_ms: Range<i64>,
    /// The last row of the page before.
    pub behind: Option<Place>,
    /// Rows at most.
    pub most: u32,
}

/// Where a row stands in the order in which history is told: the newest request first, its last step first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// When its message was requested, Unix milliseconds.
    pub received_at: i64,
    /// Its message.
    pub track_id: String,
    /// Its step.
    pub step: i32,
}

impl Place {
    /// Of a row.
    pub fn of(row: &History) -> Self {
        Self { received_at: row.received_at, track_id: row.track_id.clone(), step: row.step }
    }
}

/// What history is looked up by; each has an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By<'a> {
    /// The customer's own id.
    MessageId(&'a str),
    /// Number in international digits, address or id: as [`super::recipient_key`] makes it.
    Recipient(&'a str),
    /// A token that a push went to.
    Token(&'a str),
    /// The time of the request alone.
    Time,
}

impl By<'_> {
    /// The questions for messages of so many channels, each of the same values. Of several channels by time each is asked
    /// for by itself: rows of one come out of the index in their order, those of several would have to be sorted, all of
    /// the span. A push is found by one of its tokens as by a recipient, by the others as they are kept beside its row.
    pub(super) fn texts(self, channels: usize) -> Vec<String> {
        let of_rows = |key| text("history", "history", key, channels);
        match self {
            Self::MessageId(_) => vec![of_rows("message_id = ? AND ")],
            Self::Recipient(_) => vec![of_rows("recipient_lookup = ? AND ")],
            Self::Time => vec![of_rows("")],
            Self::Token(_) => {
                let beside = "history_tokens
                    JOIN history ON history.track_id = history_tokens.track_id AND history.step = history_tokens.step";
                let beside = text(beside, "history_tokens", "token_lookup = ? AND ", channels);
                vec![of_rows("recipient_lookup = ? AND "), beside]
            }
        }
    }
}

/// Rows of history, in the order of a table that has their place.
fn text(tables: &str, ordered: &str, key: &str, channels: usize) -> String {
    let channels = question_marks(channels);
    format!(
        "SELECT history.* FROM {tables} WHERE {key}service_key = ? AND requested_channel IN ({channels})
         AND {ordered}.received_at >= ? AND {ordered}.received_at < ?
         AND ({ordered}.received_at < ? OR {ordered}.track_id < ? OR ({ordered}.track_id = ? AND {ordered}.step < ?))
         ORDER BY {ordered}.received_at DESC, {ordered}.track_id DESC, {ordered}.step DESC LIMIT ?"
    )
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
        let Wanted { service_key, by, channels, received_ms: Range { start, end }, behind, most } = wanted;
        // Rows of the same moment as the last one may be left; without one, rows of every moment are.
        let end = behind.as_ref().map_or(*end, |last| last.received_at.saturating_add(1).min(*end));
        let (at, track_id, step) =
            behind.as_ref().map_or((i64::MAX, "", 0), |last| (last.received_at, &*last.track_id, last.step));
        let lookup = match by {
            By::Recipient(value) | By::Token(value) => cipher.lookup(value),
            By::MessageId(_) | By::Time => Vec::new(),
        };
        let together = if *by == By::Time { 1 } else { channels.len().max(1) };
        let texts = by.texts(together);
        let mut rows = database.run(async |connection| {
            let mut rows = Vec::new();
            for (channels, text) in
                channels.chunks(together).flat_map(|some| texts.iter().map(move |text| (some, text)))
            {
                let query = connection.query(text);
                let query = match by {
                    By::MessageId(message_id) => query.bind(*message_id),
                    By::Recipient(_) | By::Token(_) => query.bind(&*lookup),
                    By::Time => query,
                };
                let query = channels.iter().fold(query.bind(*service_key), |query, of| query.bind(of.as_str()));
                let query = query.bind(start).bind(end).bind(at).bind(track_id).bind(track_id).bind(step).bind(most);
                for row in query.fetch_all().await? {
                    rows.push(history(cipher, &row)?);
                }
            }
            Ok(rows)
        })?;
        let key = |row: &History| (Reverse(row.received_at), Reverse(row.track_id.clone()), Reverse(row.step));
        rows.sort_by_cached_key(key);
        rows.truncate(*most as usize);
        Ok(rows)
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
