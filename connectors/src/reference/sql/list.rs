//! Lists a customer's rows in the order of their last change: who reads on from where a list ended sees what changed
//! since.

use super::{edit::Editor, row::Owned};
use crate::sql::Query;
use crate::sql::question_marks;
use processors::ports::Away;
use serde::{Deserialize, Serialize};
use std::{iter::repeat_n, sync::Arc};

/// Clocks of processes differ by less.
const SKEW_MS: i64 = 60_000;

/// Which rows: those whose columns have these values.
#[derive(Debug, Clone, Default)]
pub struct Which {
    equal: Vec<(&'static str, String)>,
    /// A column that has one of several values.
    any: Option<(&'static str, Vec<&'static str>)>,
}

impl Which {
    /// Columns and their values.
    pub fn of<const N: usize>(equal: [(&'static str, &str); N]) -> Self {
        Self { equal: equal.map(|(column, value)| (column, value.to_owned())).into(), any: None }
    }

    /// And a column with one of several values.
    pub fn with_any(mut self, column: &'static str, values: impl IntoIterator<Item = &'static str>) -> Self {
        self.any = Some((column, values.into_iter().collect()));
        self
    }

    fn text(&self) -> String {
        let equal = self.equal.iter().map(|(column, _)| format!("{column} = ?"));
        let any = self.any.iter().map(|(column, values)| format!("{column} IN ({})", question_marks(values.len())));
        equal.chain(any).collect::<Vec<_>>().join(" AND ")
    }

    /// The values of its text.
    pub(super) fn bind<'c, 'q>(&'q self, query: Query<'c, 'q>) -> Query<'c, 'q> {
        let any = self.any.iter().flat_map(|(_, values)| values).copied();
        self.equal.iter().map(|(_, value)| &**value).chain(any).fold(query, |query, value| query.bind(value))
    }
}

/// The question for rows that are not removed.
pub(super) fn select(table: &str, which: &Which) -> String {
    format!("SELECT * FROM {table} WHERE {} AND NOT removed", which.text())
}

/// The last row of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    /// The version of its last change.
    pub version: i64,
    /// What names it among its customer's.
    pub name: Vec<String>,
}

/// A row of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<K> {
    /// What it says; of one that was removed, what stayed of it.
    pub row: Arc<K>,
    /// Whether it was removed.
    pub removed: bool,
    /// When it was changed last, Unix milliseconds; None: nobody wrote that down.
    pub changed_at_ms: Option<i64>,
    /// Where the list goes on behind it.
    pub behind: Behind,
}

impl Editor {
    /// At most so many rows behind a place, or behind all that had changed before a time (and perhaps some of the minute
    /// before it): then those that were removed since are told too.
    pub fn list<K: Owned>(
        &mut self,
        which: &Which,
        since_ms: Option<i64>,
        behind: Option<&Behind>,
        most: u32,
    ) -> Result<Vec<Listed<K>>, Away> {
        let Self { database, cipher, .. } = self;
        let none = Behind { version: -1, name: vec![String::new(); K::NAME.len()] };
        let behind = behind.filter(|behind| behind.name.len() == K::NAME.len()).unwrap_or(&none);
        database.run(async |connection| {
            let mut first = i64::MIN;
            if let Some(since_ms) = since_ms {
                let found = connection.query(SINCE).bind(since_ms.saturating_sub(SKEW_MS)).fetch_optional().await?;
                // Nothing was changed since.
                let Some(found) = found else { return Ok(Vec::new()) };
                first = found.get("version")?;
            }
            let text = text::<K>(which, since_ms.is_some());
            let mut query = which.bind(connection.query(&text)).bind(first).bind(behind.version).bind(behind.version);
            // Each part of the name twice: larger, or the same and the next part decides.
            for (at, part) in behind.name.iter().enumerate() {
                let times = if at + 1 < behind.name.len() { 2 } else { 1 };
                query = repeat_n(part, times).fold(query, |query, part| query.bind(part.as_str()));
            }
            let mut listed = Vec::new();
            for record in query.bind(most).fetch_all().await? {
                let name = K::NAME.iter().map(|column| record.get(column)).collect::<sqlx::Result<_>>()?;
                listed.push(Listed {
                    row: K::read(&record, cipher)?.row,
                    removed: record.get("removed")?,
                    changed_at_ms: record.get("changed_at")?,
                    behind: Behind { version: record.get("version")?, name },
                });
            }
            Ok(listed)
        })
    }
}

/// The first change at or after a time. What an operator did that changed no row has no version.
pub(super) const SINCE: &str = "SELECT version FROM audit WHERE at >= ? AND version > 0 ORDER BY at, version LIMIT 1";

/// The question for a page.
pub(super) fn text<K: Owned>(which: &Which, removed_too: bool) -> String {
    let larger = K::NAME.iter().rev().fold(String::new(), |rest, column| match rest.is_empty() {
        true => format!("{column} > ?"),
        false => format!("({column} > ? OR ({column} = ? AND {rest}))"),
    });
    let removed = if removed_too { "" } else { " AND NOT removed" };
    format!(
        "SELECT t.*, (SELECT MIN(a.at) FROM audit a WHERE a.version = t.version) AS changed_at FROM {} t \
         WHERE {}{removed} AND version >= ? AND (version > ? OR (version = ? AND {larger})) \
         ORDER BY version, {} LIMIT ?",
        K::TABLE,
        which.text(),
        K::NAME.join(", ")
    )
}
