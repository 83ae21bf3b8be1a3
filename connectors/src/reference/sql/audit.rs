//! Who changed what, and when; and what operators did besides.

use super::{
    SCHEMA,
    edit::{By, Editor},
    row::{Kind, Placed, json},
};
use crate::sql::{Connection, Database, Insert, Location, StoreError};
use processors::ports::Away;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Notes what an operator does that changes no reference data: a replay, for example.
#[derive(Debug)]
pub struct Deeds(Database);

/// What was done, in two lines of the audit: one as it begins, one as it ends.
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    /// What sort of thing, where changes name their table.
    pub kind: &'static str,
    /// Its name among those of its kind.
    pub subject: &'a str,
    /// JSON of how it stood before; None as it begins.
    pub before: Option<&'a str>,
    /// JSON of how it stands, without personal data and secrets.
    pub after: &'a str,
}

impl Deeds {
    /// Opens a store of this program's version, and changes nothing of it.
    pub fn open(location: &Location) -> Result<Self, StoreError> {
        SCHEMA.ready(location)?;
        Ok(Self(Database::connect(location, &SCHEMA)?))
    }

    /// Notes one.
    pub fn note(&mut self, by: &By, deed: Deed<'_>) -> Result<(), Away> {
        let Deed { kind, subject, before, after } = deed;
        let line = Line {
            kind,
            subject: subject.to_owned(),
            username: None,
            before: before.map(str::to_owned),
            after: Some(after.to_owned()),
        };
        let change = Change { by: &by.actor, at_ms: by.at_ms, version: UNCHANGED };
        self.0.run(async |connection| write(connection, change, &[line]).await)
    }
}

/// The version of a line that tells of no change of reference data.
const UNCHANGED: i64 = 0;

/// A change as a whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<'a> {
    pub by: &'a str,
    pub at_ms: i64,
    pub version: i64,
}

/// What became of one row.
#[derive(Debug)]
pub(super) struct Line {
    kind: &'static str,
    username: Option<String>,
    subject: String,
    before: Option<String>,
    after: Option<String>,
}

impl Line {
    pub fn of<K: Kind>(key: &str, before: Option<&Placed<K>>, after: Option<&Placed<K>>) -> sqlx::Result<Self> {
        // Where the order is all that a kind's key says, it is part of the state anyway.
        let told = |row: Option<&Placed<K>>| row.map(|row| json(&row.row.told())).transpose();
        let username = after.or(before).and_then(|row| row.row.username()).map(str::to_owned);
        let (before, after) = (told(before)?, told(after)?);
        Ok(Self { kind: K::TABLE, username, subject: K::subject(key), before, after })
    }

    /// Rows that were added or removed and are told by their number alone: what they say is personal.
    pub fn counted(kind: &'static str, username: &str, subject: &str, what: &str, count: u64) -> Self {
        let after = Some(serde_json::json!({ what: count }).to_string());
        Self { kind, username: Some(username.to_owned()), subject: subject.to_owned(), before: None, after }
    }

    /// A row that was removed, of which nothing more may be told.
    pub fn gone(kind: &'static str, subject: &str) -> Self {
        Self { kind, subject: subject.to_owned(), username: None, before: Some("{}".to_owned()), after: None }
    }

    pub fn bytes(&self) -> usize {
        [&self.before, &self.after].into_iter().flatten().map(String::len).sum()
    }
}

/// Writes lines of one change.
pub(super) async fn write(connection: &mut Connection, change: Change<'_>, lines: &[Line]) -> sqlx::Result<()> {
    let head = "INSERT INTO audit (at, actor, version, kind, username, subject, state_before, state_after)";
    let insert = Insert::new(head, "");
    for lot in lots(lines, Line::bytes) {
        let inserted = insert.rows(connection, lot, |line, row| {
            row.put(change.at_ms)?.put(change.by.to_owned())?.put(change.version)?.put(line.kind)?;
            row.put(line.username.as_deref())?;
            row.put(line.subject.as_str())?.put(line.before.as_deref())?.put(line.after.as_deref()).map(drop)
        });
        if let Some(refused) = inserted.await?.refused.first() {
            let line = &lot[refused.row];
            return Err(super::row::encode(format!("audit of {} {}: {}", line.kind, line.subject, refused.reason)));
        }
    }
    Ok(())
}

/// Bytes of one statement: a server takes 16 MiB.
const LOT_BYTES: usize = 2 << 20;

/// In parts that one statement may hold.
pub(super) fn lots<T>(rows: &[T], bytes: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let mut sum = 0;
        let fitting = rest.iter().take_while(|row| {
            sum += bytes(row);
            sum <= LOT_BYTES
        });
        // A row that is larger by itself goes by itself.
        let count = fitting.count().max(1).min(rest.len());
        let (lot, others) = rest.split_at(count);
        rest = others;
        (!lot.is_empty()).then_some(lot)
    })
}

/// A line as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Who.
    pub actor: String,
    /// The table.
    pub kind: String,
    /// Which row.
    pub subject: String,
    /// JSON of what it was; None: it was not there.
    pub before: Option<String>,
    /// JSON of what it is; None: it was removed.
    pub after: Option<String>,
    /// Where the list goes on behind it.
    pub behind: AuditPlace,
}

/// The last line of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPlace {
    at_ms: i64,
    version: i64,
    id: i64,
}

/// The question for a page: of one customer, or of all.
pub(super) fn question(of_one: bool) -> String {
    let whose = if of_one { "username = ? AND " } else { "" };
    format!(
        "SELECT * FROM audit WHERE {whose}at >= ? AND at < ? AND (at < ? OR version < ? OR (version = ? AND id < ?)) \
         ORDER BY at DESC, version DESC, id DESC LIMIT ?"
    )
}

impl Editor {
    /// Lines of the audit, of one customer or of all, the newest first, behind a place.
    pub fn audit(
        &mut self,
        username: Option<&str>,
        at_ms: &Range<i64>,
        behind: Option<&AuditPlace>,
        most: u32,
    ) -> Result<Vec<Audited>, Away> {
        let Self { database, .. } = self;
        let first = AuditPlace { at_ms: i64::MAX, version: i64::MAX, id: i64::MAX };
        let AuditPlace { at_ms: last_ms, version, id } = behind.unwrap_or(&first);
        // What is later than the last line was told.
        let end_ms = at_ms.end.min(last_ms.saturating_add(1));
        database.run(async |connection| {
            let text = question(username.is_some());
            let mut query = connection.query(&text);
            if let Some(username) = username {
                query = query.bind(username);
            }
            let query = query.bind(at_ms.start).bind(end_ms).bind(*last_ms).bind(*version).bind(*version).bind(*id);
            let rows = query.bind(most).fetch_all().await?;
            let told = rows.iter().map(|row| {
                Ok(Audited {
                    at_ms: row.get("at")?,
                    actor: row.get("actor")?,
                    kind: row.get("kind")?,
                    subject: row.get("subject")?,
                    before: row.get("state_before")?,
                    after: row.get("state_after")?,
                    behind: AuditPlace { at_ms: row.get("at")?, version: row.get("version")?, id: row.get("id")? },
                })
            });
            told.collect()
        })
    }
}
