//! A change of reference data under way: rows, their version, and what the audit says of them.

use super::{
    audit::{self, Change, Line, lots},
    counts::{OPT_OUTS, count},
    held::Map,
    opt_outs::known,
    row::{Kind, Placed, encode},
    version_of,
};
use crate::{
    cipher::Cipher,
    sql::{Connection, Insert, Merge},
};
use processors::{center::opt_out::Source, reference::OptOut};
use std::collections::{BTreeMap, BTreeSet};

/// A transaction under way.
pub(super) struct Writing<'w> {
    pub connection: &'w mut Connection,
    pub cipher: &'w Cipher,
    change: Change<'w>,
    lines: Vec<Line>,
    /// The first row that the store cannot hold, and why.
    unfit: Option<(String, String)>,
}

/// What was written.
pub(super) enum Written {
    /// Nothing: it stood there already.
    Nothing,
    /// Rows, and their lines in the audit.
    Rows,
    /// A row that the store can never hold, and why: nothing may stay.
    Unfit(String, String),
}

impl<'w> Writing<'w> {
    /// Takes the lock that lets one writer in at a time, and the next version.
    pub async fn begin(
        connection: &'w mut Connection,
        cipher: &'w Cipher,
        by: &'w str,
        at_ms: i64,
    ) -> sqlx::Result<Self> {
        Self::locked(connection, cipher, by, at_ms, 1).await
    }

    /// The same without a version: for what nobody holds.
    pub async fn beside(
        connection: &'w mut Connection,
        cipher: &'w Cipher,
        by: &'w str,
        at_ms: i64,
    ) -> sqlx::Result<Self> {
        Self::locked(connection, cipher, by, at_ms, 0).await
    }

    async fn locked(
        connection: &'w mut Connection,
        cipher: &'w Cipher,
        by: &'w str,
        at_ms: i64,
        step: i64,
    ) -> sqlx::Result<Self> {
        // Locks the row: another writer waits here.
        let text = "UPDATE reference_version SET version = version + ?";
        connection.query(text).bind(step).execute().await?;
        let change = Change { by, at_ms, version: version_of(connection).await? };
        Ok(Self { connection, cipher, change, lines: Vec::new(), unfit: None })
    }

    /// When it is written, Unix milliseconds.
    pub fn at_ms(&self) -> i64 {
        self.change.at_ms
    }

    /// Writes the audit.
    pub async fn end(self) -> sqlx::Result<Written> {
        if let Some((row, reason)) = self.unfit {
            return Ok(Written::Unfit(row, reason));
        }
        if self.lines.is_empty() {
            return Ok(Written::Nothing);
        }
        audit::write(self.connection, self.change, &self.lines).await?;
        Ok(Written::Rows)
    }

    /// The same of rows that rules before this keep within their columns: one that does not fit fails all.
    pub async fn end_fitting(self) -> sqlx::Result<()> {
        match self.end().await? {
            Written::Nothing | Written::Rows => Ok(()),
            Written::Unfit(row, reason) => Err(encode(format!("{row}: {reason}"))),
        }
    }

    /// Writes what differs.
    pub async fn exchange<K: Kind>(&mut self, held: &Map<K>, wanted: &Map<K>) -> sqlx::Result<()> {
        let mut rows: Vec<(Placed<K>, bool)> = Vec::new();
        // In the order of their keys: two runs write the same.
        let keys: BTreeSet<&String> = held.keys().chain(wanted.keys()).collect();
        for key in keys {
            let (before, after) = (held.get(key), wanted.get(key));
            match (before, after) {
                (before, Some(after)) if before != Some(after) => rows.push((after.clone(), false)),
                (Some(before), None) => rows.push((K::remains(before), true)),
                _ => continue,
            }
            self.lines.push(Line::of(key, before, after)?);
        }
        let Self { connection, cipher, change, unfit, .. } = self;
        let columns = K::COLUMNS.join(", ");
        let replaced = [&K::COLUMNS[K::KEY..], &["version", "removed"]].concat();
        let key = K::COLUMNS[..K::KEY].join(", ");
        let tail = connection.dialect().on_conflict(&key, Merge::Replace, &replaced);
        let insert = Insert::new(&format!("INSERT INTO {} ({columns}, version, removed)", K::TABLE), &tail);
        for lot in lots(&rows, |(row, _)| row.row.bytes()) {
            let inserted = insert.rows(connection, lot, |(row, removed), to| {
                K::bind(row, cipher, to)?;
                to.put(change.version)?.put(*removed).map(drop)
            });
            let inserted = inserted.await?;
            if let Some(refused) = inserted.refused.first() {
                let subject = K::subject(&K::key(&lot[refused.row].0));
                unfit.get_or_insert_with(|| (format!("{} {subject}", K::TABLE), refused.reason.clone()));
            }
        }
        Ok(())
    }

    /// Adds those that are not there; how many.
    pub async fn add_opt_outs(&mut self, opt_outs: &[OptOut], source: Source) -> sqlx::Result<u64> {
        let Self { connection, cipher, change, .. } = self;
        let there = known(connection, cipher, opt_outs).await?;
        let mut fresh: BTreeMap<(&str, Vec<u8>), Vec<u8>> = BTreeMap::new();
        for (out, _) in opt_outs.iter().zip(there).filter(|(_, there)| !there) {
            let place = format!("opt_outs/{}/recipient", out.username);
            let sealed = cipher.seal(&place, out.recipient.as_bytes()).map_err(encode)?;
            fresh.insert((&out.username, cipher.lookup(&out.recipient)), sealed);
        }
        let rows: Vec<_> = fresh.into_iter().collect();
        let insert =
            Insert::new("INSERT INTO opt_outs (username, recipient_lookup, recipient, refused_at, source)", "");
        let inserted = insert.rows(connection, &rows, |((username, lookup), sealed), to| {
            to.put(*username)?.put(lookup.as_slice())?.put(sealed.as_slice())?;
            to.put(change.at_ms)?.put(source.as_str()).map(drop)
        });
        let inserted = inserted.await?;
        if let Some(refused) = inserted.refused.first() {
            self.unfit.get_or_insert_with(|| ("opt_outs".to_owned(), refused.reason.clone()));
        }
        let mut added: BTreeMap<&str, usize> = BTreeMap::new();
        rows.iter().for_each(|((username, _), _)| *added.entry(username).or_default() += 1);
        for (username, added) in added {
            count(self.connection, username, OPT_OUTS, added as i64).await?;
            self.lines.push(Line::counted(OPT_OUTS, username, username, "added", added as u64));
        }
        Ok(rows.len() as u64)
    }

    /// Mailboxes may be written to again; whose they are is personal.
    pub fn note_unsuppressed(&mut self, lookup: &str, removed: u64) {
        if removed > 0 {
            self.lines.push(Line::gone("suppressed_addresses", lookup));
        }
    }

    /// Opt-outs of a customer were taken back.
    pub async fn note_removed(&mut self, username: &str, removed: u64) -> sqlx::Result<()> {
        if removed > 0 {
            count(self.connection, username, OPT_OUTS, -removed.cast_signed()).await?;
            self.note(Line::counted(OPT_OUTS, username, username, "removed", removed));
        }
        Ok(())
    }

    /// A line of the audit about rows that are told by their number alone.
    pub fn note(&mut self, line: Line) {
        self.lines.push(line);
    }
}
