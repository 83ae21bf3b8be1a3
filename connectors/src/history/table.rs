//! What the sink writes.

use super::{lots, place, recipient_key, statistics::Counts, tokens::Tokens, uses::Uses};
use crate::cipher::Cipher;
use crate::sql::{
    Arguments, Connection, Database, Dialect, Insert, Location, Schema, SqlSink, StoreError, Table, embedded,
    question_marks,
};
use processors::ports::{Logged, Refused};
use rustc_hash::FxHashSet;
use schemas::History;
use std::sync::Arc;

/// The sink of HIST-*.
pub type HistorySink = SqlSink<HistoryTable>;

/// Rows of history, personal data encrypted.
#[derive(Debug)]
pub struct HistoryTable {
    cipher: Arc<Cipher>,
    insert: Insert,
    keep_token: Insert,
    count: Insert,
    note_use: Insert,
}

/// Ids asked for in one statement.
const ASKED_AT_ONCE: usize = 1000;

impl HistorySink {
    /// Opens the store of history, or makes it.
    pub fn history(location: &Location, cipher: Arc<Cipher>) -> Result<Self, StoreError> {
        let mut database = Database::open(location, &HistoryTable::SCHEMA)?;
        if location.dialect() == Dialect::Sqlite {
            let note = async |connection: &mut Connection| {
                lots::note_the_rest(connection).await.map_err(|error| location.refused(&error))
            };
            database.with(note)?;
        }
        Ok(Self::over(database, HistoryTable::new(location.dialect(), cipher)))
    }
}

impl Table for HistoryTable {
    type Record = History;
    const SCHEMA: Schema = Schema { name: "history store", file: embedded::HISTORY, server: embedded::SERVER };

    async fn write(&mut self, connection: &mut Connection, batch: &[Logged<History>]) -> sqlx::Result<Vec<Refused>> {
        self.insert(connection, &numbered(batch)).await
    }

    async fn write_what_is_new(
        &mut self,
        connection: &mut Connection,
        batch: &[Logged<History>],
    ) -> sqlx::Result<Vec<Refused>> {
        let mut rows = numbered(batch);
        retain_new(connection, &mut rows).await?;
        self.insert(connection, &rows).await
    }
}

/// Each row with its place in the batch.
fn numbered(batch: &[Logged<History>]) -> Vec<(usize, &History)> {
    batch.iter().map(|logged| &logged.record).enumerate().collect()
}

impl HistoryTable {
    /// For a store of this dialect.
    pub(super) fn new(dialect: Dialect, cipher: Arc<Cipher>) -> Self {
        let head = format!(
            "{} history (track_id, step, last_step, username, service_key, requested_channel, requested_type, \
             state, received_at, message_id, serial_number, channel, message_type, priority, origin, code, vendor, \
             vendor_code, attempts, distribution_at, sent_at, report_at, source, bill_code, recipient_lookup, \
             recipient, title, message)",
            dialect.insert_in_transaction()
        );
        Self {
            cipher,
            insert: Insert::new(&head, ""),
            keep_token: Tokens::insert(dialect),
            count: Counts::insert(dialect),
            note_use: Uses::insert(dialect),
        }
    }

    /// The rows, and all that is kept and counted beside them.
    async fn insert(&self, connection: &mut Connection, rows: &[(usize, &History)]) -> sqlx::Result<Vec<Refused>> {
        let bound = self.insert.rows(connection, rows, |(_, step), row| bind(&self.cipher, step, row));
        let mut refused = bound.await?.refused;
        for Refused { row, .. } in &mut refused {
            *row = rows[*row].0;
        }
        if !refused.is_empty() {
            return Ok(refused);
        }
        if connection.dialect() == Dialect::Sqlite {
            lots::note(connection, rows).await?;
        }
        Tokens::of(rows, &self.cipher).write(connection, &self.keep_token).await?;
        match Counts::of(rows) {
            Ok(counts) => counts.write(connection, &self.count).await?,
            Err(refused) => return Ok(refused),
        }
        Uses::of(rows).write(connection, &self.note_use).await.map(|()| refused)
    }
}

/// Keeps the rows that are not stored yet, each once: a row that comes again was stored and counted when it came first.
async fn retain_new(connection: &mut Connection, rows: &mut Vec<(usize, &History)>) -> sqlx::Result<()> {
    let mut known: FxHashSet<(String, i32)> = FxHashSet::default();
    for asked in rows.chunks(ASKED_AT_ONCE) {
        let ids = question_marks(asked.len());
        let text = format!("SELECT track_id, step FROM history WHERE track_id IN ({ids})");
        let query = asked.iter().fold(connection.query(&text).once(), |query, (_, step)| query.bind(&step.track_id));
        for row in query.fetch_all().await? {
            known.insert((row.get("track_id")?, row.get("step")?));
        }
    }
    rows.retain(|(_, step)| known.insert((step.track_id.clone(), step.step)));
    Ok(())
}

fn bind<'q>(cipher: &Cipher, step: &'q History, row: &mut Arguments<'q>) -> sqlx::Result<()> {
    let seal = |column, plain: &[u8]| {
        cipher.seal(&place(&step.track_id, step.step, column), plain).map_err(|e| sqlx::Error::Encode(e.into()))
    };
    let sealed = |column, plain: &Option<String>| plain.as_ref().map(|p| seal(column, p.as_bytes())).transpose();
    let recipient = serde_json::to_vec(&step.recipient).map_err(|e| sqlx::Error::Encode(e.into()))?;
    // Texts are lent: a reference to a String would be copied once more.
    row.put(step.track_id.as_str())?
        .put(step.step)?
        .put(step.last_step)?
        .put(step.username.as_str())?
        .put(step.service_key.as_str())?
        .put(step.requested_channel.as_str())?
        .put(step.requested_type.as_str())?
        .put(step.state.as_str())?
        .put(step.received_at)?
        .put(step.message_id.as_str())?
        .put(step.serial_number.as_str())?
        .put(step.channel.as_str())?
        .put(step.message_type.as_str())?
        .put(step.priority.as_str())?
        .put(step.origin.as_str())?
        .put(step.code.as_str())?
        .put(step.vendor.as_str())?
        .put(step.vendor_code.as_str())?
        .put(step.attempts)?
        .put(step.distribution_at)?
        .put(step.sent_at)?
        .put(step.report_at)?
        .put(step.source.as_str())?
        .put(step.bill_code.as_deref())?
        .put(recipient_key(&step.recipient).map(|key| cipher.lookup(&key)))?
        .put(seal("recipient", &recipient)?)?
        .put(sealed("title", &step.title)?)?
        .put(sealed("message", &step.message)?)?;
    Ok(())
}
