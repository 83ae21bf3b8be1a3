//! When a message of each inspected template left last: noted with its row of history, by the day, so that nobody writes
//! more than once for a batch of them.

use super::HistoryTable;
use crate::sql::{Connection, Database, Dialect, Insert, Location, Merge, NEWEST_HISTORY, StoreError, Table as _};
use processors::{center::template::is_inspected, korea::midnight_ms, ports::Away};
use schemas::{Channel, History};
use std::{collections::BTreeMap, iter::repeat_n};

const KEY: &str = "username, channel, template_code";
/// Templates of a question.
const ASKED_AT_ONCE: usize = 300;

/// A template as history names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsedTemplate {
    /// Whose it is.
    pub username: String,
    /// Its channel.
    pub channel: Channel,
    /// Its code.
    pub code: String,
}

/// The last uses in a batch. In the order of their keys: two writers of the same rows never wait for each other in a
/// circle.
pub(super) struct Uses<'e>(BTreeMap<(&'e str, &'static str, &'e str), i64>);

impl<'e> Uses<'e> {
    /// The statement that notes them, unless a later one is noted.
    pub(super) fn insert(dialect: Dialect) -> Insert {
        let head = format!("INSERT INTO last_uses ({KEY}, used_on)");
        Insert::new(&head, &dialect.on_conflict(KEY, Merge::Largest, &["used_on"]))
    }

    /// Of steps that left for a vendor.
    pub(super) fn of(rows: &[(usize, &'e History)]) -> Self {
        let mut uses = BTreeMap::new();
        for (_, step) in rows {
            if let (Some(code), Some(sent_ms), true) = (&step.template_code, step.sent_at, is_inspected(step.channel)) {
                let day_ms = midnight_ms(sent_ms);
                let used = uses.entry((&*step.username, step.channel.as_str(), &**code)).or_insert(day_ms);
                *used = day_ms.max(*used);
            }
        }
        Self(uses)
    }

    /// Notes them.
    pub(super) async fn write(self, connection: &mut Connection, insert: &Insert) -> sqlx::Result<()> {
        let uses: Vec<_> = self.0.into_iter().collect();
        let noted = insert.rows(connection, &uses, |((username, channel, code), used_on), row| {
            row.put(*username)?.put(*channel)?.put(*code)?.put(*used_on).map(drop)
        });
        noted.await.map(drop)
    }
}

/// Reads what was noted.
#[derive(Debug)]
pub struct LastUses(Database);

impl LastUses {
    /// Opens the store of history, or makes it.
    pub fn open(location: &Location) -> Result<Self, StoreError> {
        Ok(Self(Database::open(location, &HistoryTable::SCHEMA)?))
    }

    /// Since when uses are noted, Unix milliseconds.
    pub fn noted_since(&mut self) -> Result<i64, Away> {
        self.0.run(async |connection| {
            let text = "SELECT used_on FROM last_uses WHERE username = '' AND channel = '' AND template_code = ''";
            let row = connection.query(text).fetch_optional().await?;
            // Without the row of the migration nothing is known: as if it began now.
            row.map_or(Ok(i64::MAX), |row| row.get("used_on"))
        })
    }

    /// The time of the newest row, which is the brokers' (LogAppendTime), Unix milliseconds; None: there is none.
    pub fn newest_ms(&mut self) -> Result<Option<i64>, Away> {
        self.0.run(async |connection| {
            let newest = connection.query(NEWEST_HISTORY).fetch_optional().await?;
            newest.map(|row| row.get("newest")).transpose()
        })
    }

    /// The beginning of the last day in Korea on which a message of each left, in order; None: no such day is noted.
    pub fn of(&mut self, templates: &[UsedTemplate]) -> Result<Vec<Option<i64>>, Away> {
        self.0.run(async |connection| {
            let mut found = BTreeMap::new();
            for asked in templates.chunks(ASKED_AT_ONCE) {
                let pairs = repeat_n("(username = ? AND channel = ? AND template_code = ?)", asked.len());
                let text = format!("SELECT * FROM last_uses WHERE {}", pairs.collect::<Vec<_>>().join(" OR "));
                let query = asked.iter().fold(connection.query(&text).once(), |query, of| {
                    query.bind(of.username.as_str()).bind(of.channel.as_str()).bind(of.code.as_str())
                });
                for row in query.fetch_all().await? {
                    let key: (String, String, String) =
                        (row.get("username")?, row.get("channel")?, row.get("template_code")?);
                    found.insert(key, row.get::<i64>("used_on")?);
                }
            }
            let key = |of: &UsedTemplate| (of.username.clone(), of.channel.as_str().to_owned(), of.code.clone());
            Ok(templates.iter().map(|of| found.get(&key(of)).copied()).collect())
        })
    }
}
