//! Rows of history by what a customer knows of them, the newest request first, a page at a time.

use super::lots::Lots;
use crate::sql::{Connection, Dialect, Record, question_marks};
use schemas::{Channel, History};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::ops::{Range, RangeInclusive};

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
    /// Which rows of history have it, and the index that finds them.
    fn key(self) -> (&'static str, &'static str) {
        match self {
            Self::MessageId(_) => ("message_id = ? AND ", "history_message"),
            Self::Recipient(_) | Self::Token(_) => ("recipient_lookup = ? AND ", "history_recipient"),
            Self::Time => ("", "history_channel"),
        }
    }

    /// For how many of so many channels one question asks. By time it is one: rows of one channel come out of the index in
    /// their order, those of several would have to be sorted, all of the span.
    pub(super) fn channels_together(self, channels: usize) -> usize {
        if self == Self::Time { 1 } else { channels.max(1) }
    }

    /// The question for messages of so many channels in the rows of history: on a server in all of them, in a file in
    /// some of its lots.
    pub(super) fn text(self, dialect: Dialect, channels: usize) -> String {
        let (key, index) = self.key();
        match dialect {
            Dialect::MySql => page("*", "history", "history", key, channels),
            Dialect::Sqlite => {
                // No more of each lot than are wanted at all: they come out of its index in their order. The index has a name, as
                // SQLite counts columns, and takes that of one channel, with all rows of the customer in it, for the better one.
                let rows = format!("history INDEXED BY {index}");
                let of_a_lot = page("id", &rows, "history", &format!("lot = history_lots.lot AND {key}"), channels);
                format!(
                    "SELECT found.* FROM history_lots CROSS JOIN history AS found ON found.id IN ({of_a_lot})
                     WHERE history_lots.lot BETWEEN ? AND ? AND latest >= ? AND earliest < ?
                     ORDER BY found.received_at DESC, found.track_id DESC, found.step DESC LIMIT ?"
                )
            }
        }
    }

    /// The question for what is kept beside the rows: a push is found by one of its tokens as by a recipient, by the
    /// others there.
    pub(super) fn text_beside(self, channels: usize) -> Option<String> {
        let tables = "history_tokens
            JOIN history ON history.track_id = history_tokens.track_id AND history.step = history_tokens.step";
        let key = "token_lookup = ? AND ";
        matches!(self, Self::Token(_)).then(|| page("history.*", tables, "history_tokens", key, channels))
    }
}

/// Rows of history, the best first, in the order of a table that has their place.
fn page(columns: &str, tables: &str, ordered: &str, key: &str, channels: usize) -> String {
    let channels = question_marks(channels);
    format!(
        "SELECT {columns} FROM {tables} WHERE {key}service_key = ? AND requested_channel IN ({channels})
         AND {ordered}.received_at >= ? AND {ordered}.received_at < ?
         AND ({ordered}.received_at < ? OR {ordered}.track_id < ? OR ({ordered}.track_id = ? AND {ordered}.step < ?))
         ORDER BY {ordered}.received_at DESC, {ordered}.track_id DESC, {ordered}.step DESC LIMIT ?"
    )
}

/// The rows that are wanted; `lookup` is what a recipient or token is found by.
pub(super) async fn rows(
    connection: &mut Connection,
    wanted: &Wanted<'_>,
    lookup: &[u8],
    read: impl Fn(&Record) -> sqlx::Result<History>,
) -> sqlx::Result<Vec<History>> {
    let dialect = connection.dialect();
    let together = wanted.by.channels_together(wanted.channels.len());
    let mut search = Search { wanted, lookup, received_ms: span(wanted), read, found: Vec::new() };
    for channels in wanted.channels.chunks(together) {
        if let Some(text) = wanted.by.text_beside(channels.len()) {
            search.ask(connection, &text, channels, None).await?;
        }
    }
    match dialect {
        Dialect::MySql => search.ask_rows(connection, together, None).await?,
        Dialect::Sqlite => {
            let mut lots = Lots::of(connection, &search.received_ms).await?;
            while let Some(lots) = lots.next(search.received_ms.start) {
                search.ask_rows(connection, together, Some(&lots)).await?;
            }
        }
    }
    Ok(search.found)
}

/// What the page before leaves of the time that is wanted: rows of the same moment as its last one may be left.
fn span(wanted: &Wanted<'_>) -> Range<i64> {
    let Range { start, end } = wanted.received_ms;
    start..wanted.behind.as_ref().map_or(end, |last| last.received_at.saturating_add(1).min(end))
}

struct Search<'a, F> {
    wanted: &'a Wanted<'a>,
    lookup: &'a [u8],
    /// Rows of other times are of no use any more.
    received_ms: Range<i64>,
    read: F,
    /// The best so far, in their order.
    found: Vec<History>,
}

impl<F: Fn(&Record) -> sqlx::Result<History>> Search<'_, F> {
    /// Asks all rows of history, or those of some lots, for each of the channels.
    async fn ask_rows(
        &mut self,
        connection: &mut Connection,
        together: usize,
        lots: Option<&RangeInclusive<i64>>,
    ) -> sqlx::Result<()> {
        for channels in self.wanted.channels.chunks(together) {
            let text = self.wanted.by.text(connection.dialect(), channels.len());
            self.ask(connection, &text, channels, lots).await?;
        }
        Ok(())
    }

    async fn ask(
        &mut self,
        connection: &mut Connection,
        text: &str,
        channels: &[Channel],
        lots: Option<&RangeInclusive<i64>>,
    ) -> sqlx::Result<()> {
        let Wanted { service_key, by, behind, most, .. } = self.wanted;
        let Range { start, end } = self.received_ms;
        // Without a page before, rows of every moment may be left.
        let (at, track_id, step) =
            behind.as_ref().map_or((i64::MAX, "", 0), |last| (last.received_at, &*last.track_id, last.step));
        let query = connection.query(text);
        let query = match by {
            By::MessageId(message_id) => query.bind(*message_id),
            By::Recipient(_) | By::Token(_) => query.bind(self.lookup),
            By::Time => query,
        };
        let query = channels.iter().fold(query.bind(*service_key), |query, of| query.bind(of.as_str()));
        let query = query.bind(start).bind(end).bind(at).bind(track_id).bind(track_id).bind(step).bind(most);
        let query = match lots {
            Some(lots) => query.bind(lots.start()).bind(lots.end()).bind(start).bind(end).bind(most),
            None => query,
        };
        for row in query.fetch_all().await? {
            self.found.push((self.read)(&row)?);
        }
        self.keep_the_best();
        Ok(())
    }

    /// Once there are as many as are wanted, older ones are not.
    fn keep_the_best(&mut self) {
        let most = self.wanted.most as usize;
        self.found.sort_by_cached_key(|row| Reverse(Place::of(row)));
        self.found.truncate(most);
        if let Some(last) = self.found.last().filter(|_| self.found.len() == most) {
            self.received_ms.start = last.received_at;
        }
    }
}
