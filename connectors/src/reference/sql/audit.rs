//! Who changed what, and when.

use super::row::{Kind, Placed, json};
use crate::sql::{Connection, Insert};

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
    subject: String,
    before: Option<String>,
    after: Option<String>,
}

impl Line {
    pub fn of<K: Kind>(key: &str, before: Option<&Placed<K>>, after: Option<&Placed<K>>) -> sqlx::Result<Self> {
        // Where the order is all that a kind's key says, it is part of the state anyway.
        let told = |row: Option<&Placed<K>>| row.map(|row| json(&row.row.told())).transpose();
        Ok(Self { kind: K::TABLE, subject: K::subject(key), before: told(before)?, after: told(after)? })
    }

    /// Opt-outs of a customer that were added or removed: who they are of is personal.
    pub fn opt_outs(username: &str, what: &str, count: u64) -> Self {
        let after = Some(serde_json::json!({ what: count }).to_string());
        Self { kind: "opt_outs", subject: username.to_owned(), before: None, after }
    }

    pub fn bytes(&self) -> usize {
        [&self.before, &self.after].into_iter().flatten().map(String::len).sum()
    }
}

/// Writes lines of one change.
pub(super) async fn write(connection: &mut Connection, change: Change<'_>, lines: &[Line]) -> sqlx::Result<()> {
    let insert = Insert::new("INSERT INTO audit (at, actor, version, kind, subject, state_before, state_after)", "");
    for lot in lots(lines, Line::bytes) {
        let inserted = insert.rows(connection, lot, |line, row| {
            row.put(change.at_ms)?.put(change.by.to_owned())?.put(change.version)?.put(line.kind)?;
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
