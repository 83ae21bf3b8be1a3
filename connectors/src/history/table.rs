//! What the sink writes.

use super::{place, recipient_key};
use crate::cipher::Cipher;
use crate::sqlite::{Insert, Row, SqliteSink, StoreError, Table};
use processors::ports::Logged;
use schemas::History;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnection;
use std::path::Path;
use std::sync::Arc;

/// The sink of HIST-* into a SQLite file.
pub type HistorySink = SqliteSink<HistoryTable>;

/// Rows of history, personal data encrypted.
#[derive(Debug)]
pub struct HistoryTable {
    cipher: Arc<Cipher>,
    insert: Insert,
}

/// Counts the rows that this transaction has inserted: a row that stood there already was counted when it came first.
/// 32,400 s: Korea is UTC+9 all year.
const COUNT: &str = "
    INSERT INTO daily_statistics
    SELECT date(received_at / 1000 + 32400, 'unixepoch') AS day, service_key, requested_channel, requested_type,
           count(*),
           sum(state = 'DELIVERED'),
           sum(state NOT IN ('DELIVERED', 'CANCELLED')),
           sum(state = 'UNCERTAIN'),
           sum(state = 'EXPIRED'),
           sum(state = 'CANCELLED'),
           sum(step > 0),
           sum(step > 0 AND state = 'DELIVERED')
    FROM history WHERE id > ? AND last_step
    GROUP BY 1, 2, 3, 4
    ON CONFLICT DO UPDATE SET
        total = total + excluded.total,
        success = success + excluded.success,
        fail = fail + excluded.fail,
        uncertain = uncertain + excluded.uncertain,
        expired = expired + excluded.expired,
        cancelled = cancelled + excluded.cancelled,
        fallback = fallback + excluded.fallback,
        fallback_success = fallback_success + excluded.fallback_success";

impl HistorySink {
    /// Opens the store of history, or makes it.
    pub fn history(path: &Path, cipher: Arc<Cipher>) -> Result<Self, StoreError> {
        let insert = Insert::new(
            "INSERT INTO history (track_id, step, last_step, username, service_key, requested_channel, requested_type, \
             state, received_at, message_id, serial_number, channel, message_type, priority, origin, code, vendor, \
             vendor_code, attempts, distribution_at, sent_at, report_at, source, bill_code, recipient_lookup, \
             recipient, title, message)",
            "ON CONFLICT (track_id, step) DO NOTHING",
        );
        Self::open(path, HistoryTable { cipher, insert })
    }
}

impl Table for HistoryTable {
    type Record = History;
    const NAME: &'static str = "history store";
    const MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite/history");

    async fn write(&mut self, connection: &mut SqliteConnection, batch: &[Logged<History>]) -> sqlx::Result<()> {
        let newest: i64 =
            sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM history").fetch_one(&mut *connection).await?;
        self.insert.rows(&mut *connection, batch, |logged, row| bind(&self.cipher, &logged.record, row)).await?;
        sqlx::query(COUNT).bind(newest).execute(connection).await?;
        Ok(())
    }
}

fn bind<'q>(cipher: &Cipher, step: &'q History, row: &mut Row<'_, 'q>) -> sqlx::Result<()> {
    let seal = |column, plain: &[u8]| {
        cipher.seal(&place(&step.track_id, step.step, column), plain).map_err(|e| sqlx::Error::Encode(e.into()))
    };
    let sealed = |column, plain: &Option<String>| plain.as_ref().map(|p| seal(column, p.as_bytes())).transpose();
    let recipient = serde_json::to_vec(&step.recipient).map_err(|e| sqlx::Error::Encode(e.into()))?;
    row.put(&step.track_id)?
        .put(step.step)?
        .put(step.last_step)?
        .put(&step.username)?
        .put(&step.service_key)?
        .put(step.requested_channel.as_str())?
        .put(step.requested_type.as_str())?
        .put(step.state.as_str())?
        .put(step.received_at)?
        .put(&step.message_id)?
        .put(&step.serial_number)?
        .put(step.channel.as_str())?
        .put(step.message_type.as_str())?
        .put(step.priority.as_str())?
        .put(step.origin.as_str())?
        .put(&step.code)?
        .put(&step.vendor)?
        .put(&step.vendor_code)?
        .put(step.attempts)?
        .put(step.distribution_at)?
        .put(step.sent_at)?
        .put(step.report_at)?
        .put(step.source.as_str())?
        .put(&step.bill_code)?
        .put(recipient_key(&step.recipient).map(|key| cipher.lookup(&key)))?
        .put(seal("recipient", &recipient)?)?
        .put(sealed("title", &step.title)?)?
        .put(sealed("message", &step.message)?)?;
    Ok(())
}
